"""The pattern's cached operations: hits, misses, and what the factory behind them costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.scope import ScopedMonitor

_ABSENT: Final = object()


def _same(value: Any) -> Any:
    return value


class CachedOperationMonitor:
    """Reads through a cache and counts `cache.get`, `cache.hit`, `cache.miss`, `cache.factory`.

    `cache.get` is the whole; a hit or a miss lasts as long as looking into the cache did, and
    `cache.factory` as long as making the value. What the cache or the factory raises is counted
    and raised unchanged, and then there was neither a hit nor a miss where looking failed.

    Args:
        cache: a client with `get(key)`, None where there is nothing, and `set(key, value[, ttl])`,
            such as that of redis, Django or pymemcache; or a mapping, such as a `dict` or those of
            cachetools. `get_async` takes a client whose methods give awaitables too.
        monitor: where calls are counted, a monitor or one scope of it.
        name: the first part of the operations' names.
        encode: makes of a value what the cache can keep, such as `json.dumps`.
        decode: undoes that, such as `json.loads`.

    Raises:
        UsageError: for a cache that is neither.
    """

    def __init__(
        self,
        cache: Any,
        monitor: PerformanceMonitor | ScopedMonitor,
        *,
        name: str = "cache",
        encode: Callable[[Any], Any] = _same,
        decode: Callable[[Any], Any] = _same,
    ) -> None:
        self._is_client = hasattr(cache, "get") and hasattr(cache, "set")
        if not self._is_client and not hasattr(cache, "__setitem__"):
            raise UsageError(
                f"cache is {cache!r}: expected a mapping, or a client with get and set"
            )
        self._cache = cache
        self._monitor = monitor.scope(name)
        self._encode = encode
        self._decode = decode

    @property
    def hit_rate(self) -> float:
        """The share of lookups that found something, 0 to 1; 0 where there were none."""
        hit, miss = self._monitor.get_stats("hit"), self._monitor.get_stats("miss")
        hits = hit.count if hit else 0
        lookups = hits + (miss.count if miss else 0)
        return hits / lookups if lookups else 0.0

    def get(self, key: Any, factory: Callable[[], Any], ttl: float | None = None) -> Any:
        """Give what the cache has under the key, else make it, keep it and give it.

        Args:
            key: as the cache takes it; it is in no figure and in no event.
            factory: makes the value; called on a miss only.
            ttl: seconds for which a client's cache is to keep it, handed to `set` as its third
                argument; None leaves that to the cache.

        Raises:
            UsageError: for a ttl where the cache is a mapping, which decides that itself, and
                where the cache or the factory gives something to be awaited.
        """
        self._check_ttl(ttl)
        with self._monitor.track("get"):
            timer = self._monitor.start_timer()
            found = _at_once(self._look(key))
            self._count(found, timer.stop())
            if found is not _ABSENT:
                return self._decode(found)
            with self._monitor.track("factory"):
                value = _at_once(factory())
            self._keep(key, value, ttl)
            return value

    async def get_async(
        self, key: Any, factory: Callable[[], Any], ttl: float | None = None
    ) -> Any:
        """As `get`, awaiting whatever the cache's methods and the factory give to be awaited."""
        self._check_ttl(ttl)
        with self._monitor.track("get"):
            timer = self._monitor.start_timer()
            found = await _settled(self._look(key))
            if found is None and self._is_client:
                found = _ABSENT
            self._count(found, timer.stop())
            if found is not _ABSENT:
                return self._decode(found)
            with self._monitor.track("factory"):
                value = await _settled(factory())
            await _settled(self._keep(key, value, ttl))
            return value

    def _check_ttl(self, ttl: float | None) -> None:
        if ttl is not None and not self._is_client:
            raise UsageError(
                f"ttl is {ttl!r}: expected None, because a mapping itself decides how long"
                " it keeps what it has"
            )

    def _look(self, key: Any) -> Any:
        if self._is_client:
            found = self._cache.get(key)
            return _ABSENT if found is None else found
        try:
            return self._cache[key]
        except KeyError:
            return _ABSENT

    def _keep(self, key: Any, value: Any, ttl: float | None) -> Any:
        kept = self._encode(value)
        if not self._is_client:
            self._cache[key] = kept
            return None
        return self._cache.set(key, kept) if ttl is None else self._cache.set(key, kept, ttl)

    def _count(self, found: Any, duration: float) -> None:
        self._monitor.record_metric("miss" if found is _ABSENT else "hit", duration)


def _at_once(value: Any) -> Any:
    if hasattr(value, "__await__"):
        if hasattr(value, "close"):
            value.close()  # a coroutine that is dropped would warn
        raise UsageError(f"{value!r} has to be awaited: expected `get_async` for it")
    return value


async def _settled(value: Any) -> Any:
    return await cast("Awaitable[Any]", value) if hasattr(value, "__await__") else value
