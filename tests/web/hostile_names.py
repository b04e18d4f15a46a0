"""Names of operations that try to be something else."""

from __future__ import annotations

HOSTILE_NAMES = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
    "bell\x07 line\nbreak \x1b[31mred",
    "invoice\u202egnp.exe",
    "alone\ud800",
    "line\u2028separator",
    "nul\x00",
    "x" * 5000,
    '","stats":[]',
]
