"""A service that keeps tasks."""
