"""Frozen dataclasses to plain JSON data and back; the one way in which results travel."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Turn a dataclass into dicts, lists, numbers, texts and None.

    Mappings whose keys are tuples become lists of [key, value] pairs.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        if any(isinstance(key, tuple) for key in value):
            return [[list(key), to_plain(item)] for key, item in value.items()]
        return {key: to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value]


def from_plain(cls: type[T], data: Any) -> T:
    """Build that dataclass from what `to_plain` gave; unknown members are ignored.

    Raises:
        TypeError, ValueError, KeyError, AttributeError: where the data is not of that shape.
    """
    built: T = _reader(typing.cast("typing.Hashable", cls))(data)
    return built


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:  # noqa: PLR0911 - one return a kind of hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (one for one in arguments if one is not types.NoneType)
        read = _reader(inner)
        return lambda data: None if data is None else read(data)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            read = _reader(arguments[0])
            return lambda data: tuple(map(read, data))
        readers = tuple(map(_reader, arguments))
        return lambda data: tuple(read(item) for read, item in zip(readers, data, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        read_key, read = map(_reader, arguments)
        return lambda data: {
            read_key(key): read(item)
            for key, item in (data.items() if isinstance(data, dict) else data)
        }
    if is_dataclass(hint):
        return _dataclass_reader(typing.cast("type[Any]", hint))
    if isinstance(hint, type) and hasattr(hint, "_make"):
        readers = tuple(map(_reader, get_type_hints(hint).values()))
        return lambda data: hint(*(read(item) for read, item in zip(readers, data, strict=True)))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return _exactly(hint)


def _dataclass_reader(cls: type[Any]) -> Callable[[Any], Any]:
    hints = get_type_hints(cls)
    readers = {field.name: _reader(hints[field.name]) for field in fields(cls)}
    return lambda data: cls(
        **{name: readers[name](item) for name, item in data.items() if name in readers}
    )


def _exactly(cls: type[Any]) -> Callable[[Any], Any]:
    allowed = (int, float) if cls is float else (cls,)

    def read(data: Any) -> Any:
        if not isinstance(data, allowed) or (isinstance(data, bool) and cls is not bool):
            raise TypeError(f"expected {cls.__name__}, got {data!r}")
        return data

    return read
