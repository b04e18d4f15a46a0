"""Keep saved runs, and say what they were measured on."""
