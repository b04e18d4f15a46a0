"""Addresses in logs: enough to find the backend, nothing that lets somebody in."""

from __future__ import annotations

import pytest

from pytest_perfmon.exporters.addresses import without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://worker.example/points", "https://worker.example/points"),
        ("https://me:hush@worker.example:8443/p?key=hush#hush", "https://worker.example:8443/p"),
        ("https://me:hu@sh@worker.example", "https://worker.example"),
        ("me:hush@gateway:9091", "gateway:9091"),
        ("gateway:9091/prefix?key=hush", "gateway:9091/prefix"),
        ("[::1]:9091", "[::1]:9091"),
    ],
)
def test_names_passwords_and_queries_are_left_out(url, shown):
    """Scheme, host, port and path stay, with or without a scheme."""
    assert without_secrets(url) == shown
