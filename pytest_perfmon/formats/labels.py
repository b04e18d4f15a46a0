"""One name for each key, where a format has room for one name only."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_perfmon.model.measurement import Key


def labels_of(keys: Iterable[Key]) -> dict[Key, str]:
    """Name each key: the node id, with a space and the operation where it is not the test's own.

    Raises:
        ValueError: two keys come to the same name, of which a reader could keep only one.
    """
    labels = {key: _label(key) for key in keys}
    owners: dict[str, Key] = {}
    for key, label in labels.items():
        other = owners.setdefault(label, key)
        if other != key:
            raise ValueError(
                f"{label!r} would name two operations, {other.operation!r} and {key.operation!r}:"
                " expected operations that differ in more than a space"
            )
    return labels


def key_of(label: str, name: str) -> Key:
    """Give back the key of a label.

    Args:
        label: as from `labels_of`, or any node id.
        name: of the operation, or of the test that is the operation.
    """
    return Key(label.removesuffix(f" {name}"), name)


def _label(key: Key) -> str:
    return key.nodeid if key.operation == own_name(key.nodeid) else f"{key.nodeid} {key.operation}"


def own_name(nodeid: str) -> str:
    """Give the name of the test, which its own measurement goes by: `test_sort[big]`."""
    plain, bracket, parameters = nodeid.partition("[")
    return plain.rpartition("::")[2] + bracket + parameters
