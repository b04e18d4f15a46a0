"""Where this run keeps its figures, and where it makes them."""

from __future__ import annotations

import pytest

from pytest_perfmon.model.run import Environment
from pytest_perfmon.plugin.options import PerfOptions
from pytest_perfmon.storage.base import RunStore, open_store
from pytest_perfmon.storage.environment import current_environment


def open_run_store(config: pytest.Config, options: PerfOptions) -> RunStore:
    """Open the store that the user named; schemes that are not built in go to the hook.

    Raises:
        UsageError: where no store is to be had there.
    """
    root = config.rootpath

    def from_hook(url: str) -> RunStore | None:
        opened: RunStore | None = config.hook.pytest_perfmon_open_store(url=url, root=root)
        return opened

    return open_store(options.store, root, [from_hook])


def environment_of(config: pytest.Config) -> Environment:
    """Describe where this run measures, fields of hooks included."""
    extra: dict[str, str] = {}
    for fields in config.hook.pytest_perfmon_environment(config=config):
        extra.update({str(name): str(value) for name, value in fields.items()})
    return current_environment(extra)
