"""Keep what repetitions of a body print, log and report from drowning what its first run said."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest

_LOGGING_OF_PYTEST: Final = "_pytest.logging"


@contextlib.contextmanager
def hushed(item: pytest.Item) -> Iterator[None]:
    """Drop output and log records made inside; what was there before is put back."""
    with _output(item), _records():
        yield


@contextlib.contextmanager
def _output(item: pytest.Item) -> Iterator[None]:
    capture = item.config.pluginmanager.getplugin("capturemanager")
    if capture is None or not capture.is_globally_capturing():
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
        return
    before = capture.read_global_capture()
    try:
        yield
    finally:
        capture.read_global_capture()
        for name, text in (("stdout", before.out), ("stderr", before.err)):
            item.add_report_section("call", name, text)


@contextlib.contextmanager
def _records() -> Iterator[None]:
    """Let a body read its own records through `caplog`, and forget them afterwards."""
    root = logging.getLogger()
    ours = [one for one in root.handlers if type(one).__module__ == _LOGGING_OF_PYTEST]
    keeping = [one for one in ours if hasattr(one, "records")]
    live = [one for one in ours if one not in keeping]
    before: list[tuple[Any, Any, Any]] = [
        (one, vars(one)["records"], vars(one)["stream"]) for one in keeping
    ]
    for handler in live:
        root.removeHandler(handler)
    try:
        yield
    finally:
        for handler in live:
            root.addHandler(handler)
        for handler, records, stream in before:
            handler.records = records
            handler.stream = stream


def forget_records() -> None:
    """Start a repetition with an empty `caplog`."""
    for handler in logging.getLogger().handlers:
        if type(handler).__module__ == _LOGGING_OF_PYTEST and hasattr(handler, "reset"):
            handler.reset()


class QuietSubtests:
    """Stands in for `subtests` on repetitions: errors go through, nothing is reported."""

    @contextlib.contextmanager
    def test(self, msg: str | None = None, **kwargs: Any) -> Iterator[None]:  # noqa: ARG002 - pytest's signature
        """Run the block."""
        yield
