"""Instruments for libraries that applications stand on; each module is there for one of them."""
