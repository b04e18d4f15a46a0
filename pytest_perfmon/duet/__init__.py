"""Child processes that measure."""
