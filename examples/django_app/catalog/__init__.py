"""Books, and how they are found."""
