"""A service that shortens addresses."""
