"""One line for an extra that is not installed: what it was needed for, and how to get it."""

from __future__ import annotations

from types import TracebackType

from pytest_perfmon.errors import UsageError


class MissingExtraError(UsageError, ImportError):
    """A module of this package was imported whose third-party library is not installed."""


class Extra:
    """Stands around the imports of an extra: `with Extra("otel", "the OpenTelemetry exporter"):`.

    Args:
        name: the extra, as in `pip install 'pytest-perfmon[name]'`.
        purpose: what needs it, as the message begins.

    Raises:
        MissingExtraError: on leaving the block, where an import in it failed.
    """

    __slots__ = ("_name", "_purpose")

    def __init__(self, name: str, purpose: str) -> None:
        self._name = name
        self._purpose = purpose

    def __enter__(self) -> None:
        """Let the imports begin."""

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, ImportError):
            raise MissingExtraError(
                f"{self._purpose} needs {error.name or error}:"
                f" pip install 'pytest-perfmon[{self._name}]'"
            ) from error
