"""One forward and backward pass as plain, versioned data."""
