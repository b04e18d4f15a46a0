"""Cached operations: mappings, cachetools, and redis clients of a real server."""

from __future__ import annotations

import asyncio
import json

import pytest
from redis_server import running_redis

from pytest_perfmon import CachedOperationMonitor, UsageError


class SlowMapping(dict):
    """A mapping in which looking something up takes 2 ms."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def __getitem__(self, key):
        self.clock.advance("2ms")
        return super().__getitem__(key)


class Client(dict):
    """A client that has a `set` with an expiry, and gives None for what it has not."""

    def __init__(self):
        super().__init__()
        self.ttl = {}

    def set(self, key, value, ttl=None):
        """Keep the value."""
        self[key] = value
        self.ttl[key] = ttl


class AsyncClient:
    """A client like that, all of whose methods have to be awaited."""

    def __init__(self):
        self.kept = Client()

    async def get(self, key):
        """Give the value, or None."""
        await asyncio.sleep(0)
        return self.kept.get(key)

    async def set(self, key, value, ttl=None):
        """Keep the value."""
        self.kept.set(key, value, ttl)


@pytest.fixture(scope="module")
def redis_client(tmp_path_factory):
    """A client of a real redis server."""
    with running_redis(tmp_path_factory.mktemp("redis")) as client:
        yield client


def counts(monitor):
    """Give the number of calls by operation."""
    return {stats.operation: stats.count for stats in monitor.get_stats()}


ONE_MISS_TWO_HITS = {"cache.get": 3, "cache.hit": 2, "cache.miss": 1, "cache.factory": 1}


def test_a_miss_makes_the_value_and_a_hit_does_not(monitor, clock):
    """The whole, the lookups and the factory each have their own time, to the nanosecond."""

    def factory():
        clock.advance("30ms")
        return "value"

    cached = CachedOperationMonitor(SlowMapping(clock), monitor)
    assert [cached.get("key", factory) for _ in range(3)] == ["value"] * 3
    assert counts(monitor) == ONE_MISS_TWO_HITS
    assert monitor.get_stats("cache.factory").max == 30.0
    assert monitor.get_stats("cache.hit").avg == 2.0
    assert (monitor.get_stats("cache.get").min, monitor.get_stats("cache.get").max) == (2.0, 32.0)
    assert cached.hit_rate == pytest.approx(2 / 3)


@pytest.mark.parametrize("value", [0, "", [], False])
@pytest.mark.parametrize("kind", [dict, Client])
def test_an_empty_value_is_a_hit(monitor, value, kind):
    """What is kept is found, though it is false; only absence is a miss."""
    cache = kind()
    cache["key"] = value
    cached = CachedOperationMonitor(cache, monitor)
    assert cached.get("key", pytest.fail) == value
    assert asyncio.run(cached.get_async("key", pytest.fail)) == value


def test_an_empty_value_of_an_async_client_is_a_hit(monitor):
    """The same where looking has to be awaited."""
    client = AsyncClient()
    client.kept["key"] = ""
    cached = CachedOperationMonitor(client, monitor)
    assert asyncio.run(cached.get_async("key", pytest.fail)) == ""


def test_none_in_a_mapping_is_a_value(monitor):
    """A mapping says itself that it has a key, so a None in it is found."""
    assert CachedOperationMonitor({"key": None}, monitor).get("key", pytest.fail) is None


def test_without_lookups_nothing_was_hit(monitor):
    """The share of nothing is 0, and an error no division by it."""
    assert CachedOperationMonitor({}, monitor).hit_rate == 0.0


def test_cachetools_keep_and_forget_by_their_own_rule(monitor):
    """A full LRU cache misses what it has dropped."""
    cachetools = pytest.importorskip("cachetools")
    cached = CachedOperationMonitor(cachetools.LRUCache(maxsize=1), monitor)
    for key in "aabba":
        assert cached.get(key, key.upper) == key.upper()
    assert counts(monitor) == {
        "cache.get": 5,
        "cache.hit": 2,
        "cache.miss": 3,
        "cache.factory": 3,
    }


def test_an_expiry_goes_to_a_client_and_not_to_a_mapping(monitor):
    """A ttl is the third argument of a client's `set`; for a mapping it is a usage error."""
    client = Client()
    CachedOperationMonitor(client, monitor).get("key", lambda: 1, ttl=60)
    CachedOperationMonitor(client, monitor).get("other", lambda: 1)
    assert client.ttl == {"key": 60, "other": None}
    with pytest.raises(UsageError, match="ttl is 60"):
        CachedOperationMonitor({}, monitor).get("key", pytest.fail, ttl=60)


def test_what_has_to_be_awaited_is_no_value(monitor):
    """An async client, or an async factory, is refused where nobody awaits it; nothing is kept."""

    async def make():
        return 1

    kept = {}
    for cache, factory in ((AsyncClient(), int), (kept, make)):
        with pytest.raises(UsageError, match="expected `get_async`"):
            CachedOperationMonitor(cache, monitor).get("a", factory)
    assert kept == {}


def test_what_is_no_cache_is_refused(monitor):
    """An object with neither form is a usage error when it is handed over."""
    with pytest.raises(UsageError, match=r"cache is \(\): expected a mapping"):
        CachedOperationMonitor((), monitor)


def test_a_factory_that_raises_is_counted_and_nothing_is_kept(monitor):
    """The error goes on unchanged; it is a failure of the factory and of the whole."""

    def factory():
        raise OSError("no database")

    cache = {}
    with pytest.raises(OSError, match="no database"):
        CachedOperationMonitor(cache, monitor, name="users").get("key", factory)
    assert cache == {}
    assert monitor.get_stats("users.factory").errors_by_type == {"OSError": 1}
    assert monitor.get_stats("users.get").error_count == 1


def test_a_cache_that_is_down_is_an_error_of_the_whole(monitor):
    """Where looking failed there was neither a hit nor a miss."""

    class Down(Client):
        def get(self, key):
            raise ConnectionError(key)

    with pytest.raises(ConnectionError):
        CachedOperationMonitor(Down(), monitor).get("key", pytest.fail)
    assert counts(monitor) == {"cache.get": 1}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_async_cache_is_awaited_and_its_factory_may_be_either(monitor, asynchronous):
    """A client whose methods give awaitables, with a factory that does or does not."""

    async def later():
        await asyncio.sleep(0)
        return "value"

    async def main():
        factory = later if asynchronous else lambda: "value"
        return [await cached.get_async("key", factory, ttl=9) for _ in range(3)]

    client = AsyncClient()
    cached = CachedOperationMonitor(client, monitor)
    assert asyncio.run(main()) == ["value"] * 3
    assert counts(monitor) == ONE_MISS_TWO_HITS
    assert client.kept.ttl == {"key": 9}


def test_a_real_redis_keeps_encoded_values_for_their_time(monitor, redis_client):
    """With a codec, redis gives back what was made, and knows when to forget it."""
    cached = CachedOperationMonitor(redis_client, monitor, encode=json.dumps, decode=json.loads)
    users = [{"id": 1, "name": "Ada"}]
    assert [cached.get("users", lambda: users, ttl=60) for _ in range(3)] == [users] * 3
    assert counts(monitor) == ONE_MISS_TWO_HITS
    assert 0 < redis_client.ttl("users") <= 60


def test_a_real_redis_is_awaited(monitor, redis_client):
    """The same with redis' own asyncio client."""
    from redis import asyncio as redis_asyncio

    async def factory():
        return {"id": 2}

    async def main():
        port = redis_client.connection_pool.connection_kwargs["port"]
        async with redis_asyncio.Redis(port=port) as client:
            cached = CachedOperationMonitor(client, monitor, encode=json.dumps, decode=json.loads)
            return [await cached.get_async("user", factory, ttl=60) for _ in range(3)]

    assert asyncio.run(main()) == [{"id": 2}] * 3
    assert counts(monitor) == ONE_MISS_TWO_HITS
    assert 0 < redis_client.ttl("user") <= 60
