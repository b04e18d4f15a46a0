"""Show results: terminal, JSON, HTML, GitHub."""
