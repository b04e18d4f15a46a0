"""Keep runs."""
