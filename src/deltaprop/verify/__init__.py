"""Is it right: gradients against an independent computation of the same numbers."""
