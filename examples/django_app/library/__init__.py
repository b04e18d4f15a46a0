"""The project: settings, addresses and monitoring of a library."""
