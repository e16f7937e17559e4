"""What BP4's outer product gives beyond the gradient: things of each example, without a gradient of each example."""
