"""Pairs of workers: what each is started with, how they are parked, heard out and ended."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_perfmon.duet import channel, pairs, voices
from pytest_perfmon.duet.channel import Channel
from pytest_perfmon.duet.launcher import Invocation, LaunchError, guarded
from pytest_perfmon.duet.pairs import Pair, PairError, Terms, moved_to
from pytest_perfmon.duet.project import Project
from pytest_perfmon.duet.protocol import (
    Began,
    Done,
    Ended,
    Go,
    Pace,
    Ready,
    Slices,
    decode,
    encode,
)
from pytest_perfmon.duet.relocation import VARIABLE as RELOCATION
from pytest_perfmon.duet.relocation import relocation_to
from pytest_perfmon.duet.sides import Side, Sides
from pytest_perfmon.duet.voices import SideReport

PACE = Pace(3, 2, "location")
SLICES = Slices("a", "op", PACE, (1.0, 2.5), (True, False), pinned=True)
TEST_SECONDS = 100.0
GUARD = object()


@pytest.fixture
def sides(tmp_path):
    """Two trees of a project that has an environment in it."""
    top = tmp_path.resolve() / "project"
    trees = [top.parent / name for name in ("0a", "0b")]
    for place in (top, *trees):
        place.mkdir()
    baseline, candidate = (
        Side(name, label, "", tree, (tree / "src", tree))
        for name, label, tree in zip(
            ("baseline", "candidate"), ("main", "working tree"), trees, strict=True
        )
    )
    project = Project(top, None, top, ("src", "."), environments=(top / ".venv",))
    return Sides(project, baseline, candidate, identical=False, tests=frozenset())


def invocation(top, *arguments, paths=(), inifile=None, plugins=()):
    """A run of pytest in a project as a user would call it."""
    return Invocation(arguments, tuple(paths), top, top, inifile, frozenset(plugins))


@pytest.fixture
def terms(sides):
    """Terms of a comparison of one test file, on two CPUs."""
    top = sides.project.top
    return terms_of(sides, invocation(top))


def terms_of(sides, called, cpus=(4, 7)):
    """Terms of a comparison, however it was called."""
    files = (sides.project.top / "tests" / "test_a.py",)
    return Terms(
        invocation=called,
        sides=sides,
        files=files,
        cpus=cpus,
        always_pin=False,
        slice_seconds=60.0,
        test_seconds=TEST_SECONDS,
    )


class ScriptedProcess:
    """A process that ends when it is told its exit code."""

    def __init__(self, pid):
        self.pid = pid
        self.code = None

    def wait(self, seconds):
        """Give the exit code, or say that it takes longer."""
        if self.code is None:
            raise subprocess.TimeoutExpired("worker", seconds)
        return self.code


class ScriptedWorker:
    """A worker whose messages a test writes, with a real connection to say them by.

    Attributes:
        started_with: invocation, files and options.
        far: the worker's end of the connection.
        printed: its output.
        refusal: raised where it is to connect.
        closing: raised where it is to close.
        interrupted, asked_to_end: whether it was.
        closed: the patience of each time that it was closed.
    """

    def __init__(self, number, called, files, guard, options):
        self.started_with = SimpleNamespace(invocation=called, files=files, guard=guard, **options)
        self.process = ScriptedProcess(100 + number)
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.far = socket.create_connection(server.getsockname())
            self._near = server.accept()[0]
        self.channel = None
        self.printed = ""
        self.refusal = None
        self.closing = None
        self.interrupted = False
        self.asked_to_end = False
        self.closed = []

    def connect(self):
        """Give the way to it."""
        if self.refusal is not None:
            raise self.refusal
        self.channel = Channel(self._near)
        return self.channel

    def last_line(self):
        """Give the last line that it printed."""
        return self.printed

    def interrupt(self):
        """Remember that Ctrl-C came."""
        self.interrupted = True

    def ask_to_end(self):
        """Remember that it was asked to end."""
        self.asked_to_end = True

    def close(self, *, patience):
        """Remember that it was closed."""
        self.closed.append(patience)
        if self.closing is not None:
            raise self.closing

    def say(self, *messages):
        """Send messages in one piece."""
        self.far.sendall(b"".join(json.dumps(encode(one)).encode() + b"\n" for one in messages))

    def heard(self):
        """Give the message that it was sent."""
        with self.far.makefile("rb") as lines:
            return decode(json.loads(lines.readline()))

    def hang_up(self):
        """Close both ends."""
        self.far.close()
        self._near.close()


class Cast:
    """Starts scripted workers in place of real ones.

    Attributes:
        workers: those that were started, in order.
        most: how many can be.
    """

    def __init__(self):
        self.workers = []
        self.most = 2

    def __call__(self, called, files, guard, **options):
        """Start the next one."""
        if len(self.workers) == self.most:
            raise LaunchError("no more processes")
        self.workers.append(ScriptedWorker(len(self.workers), called, files, guard, options))
        return self.workers[-1]

    def parked(self, pair, collected=(("a",), ("a",))):
        """Have both workers say what they collected, and park the pair; gives what that gives."""
        for slot, (worker, nodeids) in enumerate(zip(self.workers, collected, strict=True)):
            worker.say(Ready(tuple(nodeids), f"place {slot}"))
        return pair.park()


@pytest.fixture
def cast(monkeypatch):
    """Put scripted workers in place, whose CPUs nobody changes."""
    cast = Cast()
    monkeypatch.setattr(pairs, "Worker", cast)
    monkeypatch.setattr(pairs, "run_on", lambda *_: None)
    with ExitStack() as connections:
        connections.callback(lambda: [worker.hang_up() for worker in cast.workers])
        yield cast


class Stage:
    """Decides when which worker says what; time passes only while nobody speaks.

    Args:
        workers: the two.
        events: seconds since the last one, slot, and the messages said at once, in order.
    """

    def __init__(self, workers, *events):
        self._workers = workers
        self._events = list(events)
        self._now = 0.0

    def monotonic(self):
        """Read the clock."""
        return self._now

    def select(self, voices, _writing, _failing, left):
        """Wait for the next event, or until the time that is left has passed."""
        seconds, slot, *messages = self._events[0]
        if seconds > left:
            self._events[0] = (seconds - left, slot, *messages)
            self._now += left
            return [], [], []
        del self._events[0]
        self._now += seconds
        worker = self._workers[slot]
        if messages:
            worker.say(*messages)
        else:
            worker.far.shutdown(socket.SHUT_WR)
        return select.select(voices, [], [], 10)


@pytest.fixture
def hear(cast, terms, monkeypatch):
    """Give a function that runs a block of scripted events and gives its report."""

    def hear(*events, candidate_slot=1, codes=(None, None)):
        pair = Pair(terms, candidate_slot, GUARD)
        cast.parked(pair)
        stage = Stage(cast.workers, *events)
        for worker, code in zip(cast.workers, codes, strict=True):
            worker.process.code = code
        for module in (pairs, voices, channel):
            monkeypatch.setattr(module, "time", stage)
        monkeypatch.setattr(pairs, "select", stage)
        return pair.run({"a": "location"}, {})

    return hear


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("{top}/tests/conf.py", "{tree}/tests/conf.py"),
        ("{top}", "{tree}"),
        ("--ignore={top}/tests", "--ignore={tree}/tests"),
        ("--override-ini=cache_dir={top}/c", "--override-ini=cache_dir={tree}/c"),
        ("pythonpath={top}/src", "pythonpath={tree}/src"),
        ("{top}/x=1/tests", "{tree}/x=1/tests"),
        ("--ignore={top}/x=1/tests", "--ignore={tree}/x=1/tests"),
        ("--ignore={top}/.venv/lib", None),
        ("{top}-other/tests", None),
        ("--ignore={top}-other/x={top}", None),
        ("--ignore=tests", None),
        ("tests/test_a.py", None),
        ("-k=a=b", None),
        ("=", None),
        ("", None),
    ],
)
def test_arguments_that_lead_into_the_project_lead_into_the_tree(sides, written, moved):
    """Absolute paths are moved, alone or after an equals sign; whatever else stays as it is."""
    top, side = sides.project.top, sides.candidate
    written = written.format(top=top)
    expected = written if moved is None else moved.format(tree=side.tree)
    assert moved_to(invocation(top, written), sides, side).arguments == (expected,)


def test_directories_and_the_ini_file_are_moved(sides):
    """Those of the project; others, and the lack of an ini file, stay."""
    top, side = sides.project.top, sides.baseline
    called = Invocation((), (), top / "tests", top, top / "tox.ini", frozenset({"xdist"}))
    expected = Invocation(
        (), (), side.tree / "tests", side.tree, side.tree / "tox.ini", frozenset({"xdist"})
    )
    assert moved_to(called, sides, side) == expected
    outside = invocation(top.parent, inifile=top.parent / "tox.ini")
    assert moved_to(outside, sides, side) == outside
    assert moved_to(invocation(top), sides, side).inifile is None


def test_test_paths_are_left_to_the_launcher(sides):
    """A path that names tests stays as written, since the launcher drops it by that."""
    tests = str(sides.project.top / "tests")
    called = invocation(sides.project.top, "-v", tests, paths=[tests])
    moved = moved_to(called, sides, sides.candidate)
    assert (moved.arguments, moved.paths) == (("-v", tests), (tests,))


@pytest.mark.parametrize("candidate_slot", [0, 1])
def test_each_slot_starts_its_side(cast, terms, candidate_slot):
    """The coin says where the candidate sits; each worker gets its tree's directory and files."""
    Pair(terms, candidate_slot, GUARD)
    sides = terms.sides
    expected = [sides.baseline, sides.candidate]
    if candidate_slot == 0:
        expected.reverse()
    for worker, side in zip(cast.workers, expected, strict=True):
        started = worker.started_with
        assert started.invocation.directory == side.tree
        assert started.files == [side.tree / "tests" / "test_a.py"]
        environment = started.environment
        project = sides.project
        assert environment[RELOCATION] == relocation_to(
            project.top, side.tree, project.environments
        )
        assert environment["PYTHONPATH"].split(os.pathsep)[:2] == list(map(str, side.path))
        assert (started.executable, started.guard) == (sys.executable, GUARD)


def test_a_side_with_an_interpreter_of_its_own_is_run_by_it(cast, terms, sides):
    """Only that side is."""
    own = Side("baseline", "main", "", sides.baseline.tree, (), python=Path("own") / "python")
    other = Sides(sides.project, own, sides.candidate, identical=False, tests=frozenset())
    Pair(terms_of(other, terms.invocation), 1, GUARD)
    baseline, candidate = (worker.started_with for worker in cast.workers)
    assert baseline.executable == str(Path("own") / "python")
    assert candidate.executable == sys.executable


@pytest.mark.parametrize("candidate_slot", [0, 1])
def test_the_environments_of_both_sides_have_one_shape(
    cast, terms, sides, monkeypatch, candidate_slot
):
    """Names and lengths are equal but for the padding; hashes are seeded alike, names differ."""
    monkeypatch.setenv("PYTHONPATH", str(sides.project.top / "lib"))
    pair = Pair(terms, candidate_slot, GUARD)
    first, second = (dict(worker.started_with.environment) for worker in cast.workers)
    for name in ("PERFMON_PADDING", "PERFMON_BALLAST"):
        assert first.pop(name) is not None
        assert second.pop(name) is not None
    assert first["PYTHONHASHSEED"] == second["PYTHONHASHSEED"] == str(pair.seed)
    assert [one["PYTEST_XDIST_WORKER"] for one in (first, second)] == ["gw91", "gw92"]
    lengths = [{name: len(text) for name, text in one.items()} for one in (first, second)]
    assert lengths[0] == lengths[1]


def test_padding_and_ballast_are_drawn_for_each_worker(cast, terms, monkeypatch):
    """No draw serves twice, and each is below its bound."""
    bounds = []

    def randbelow(bound):
        bounds.append(bound)
        return len(bounds)

    monkeypatch.setattr(
        pairs, "secrets", SimpleNamespace(randbits=lambda bits: bits, randbelow=randbelow)
    )
    pair = Pair(terms, 0, GUARD)
    drawn = [worker.started_with.environment for worker in cast.workers]
    assert [len(one["PERFMON_PADDING"]) for one in drawn] == [1, 3]
    assert [one["PERFMON_BALLAST"] for one in drawn] == ["2", "4"]
    assert bounds == [4096, 1 << 20] * 2
    assert pair.seed == 32


def test_the_users_path_follows_the_sides_own(cast, sides, monkeypatch):
    """Entries in the project lead into the tree, others stay; relative ones count from the call."""
    top = sides.project.top
    entries = ["", str(top / "src"), str(top / "lib"), str(top.parent / "x"), "gen", ".venv/lib"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entries))
    Pair(terms_of(sides, invocation(top)), 1, GUARD)
    tree = sides.baseline.tree
    expected = [
        tree / "src",
        tree,
        tree / "lib",
        top.parent / "x",
        tree / "gen",
        top / ".venv" / "lib",
    ]
    path = cast.workers[0].started_with.environment["PYTHONPATH"]
    assert path.split(os.pathsep) == list(map(str, expected))


@pytest.mark.parametrize("plugin", ["randomly", "pytest_randomly"])
def test_tests_that_draw_draw_alike_on_both_sides(cast, sides, plugin):
    """Where pytest-randomly is there, both sides get the pair's seed after the user's own."""
    called = invocation(sides.project.top, "--randomly-seed=1", plugins=[plugin])
    pair = Pair(terms_of(sides, called), 1, GUARD)
    for worker in cast.workers:
        seeds = worker.started_with.invocation.arguments
        assert seeds == ("--randomly-seed=1", f"--randomly-seed={pair.seed}")


def test_without_such_a_plugin_no_seed_is_given(cast, terms):
    """An option that nobody knows would be an error."""
    Pair(terms, 1, GUARD)
    assert [worker.started_with.invocation.arguments for worker in cast.workers] == [(), ()]


def test_where_the_second_worker_does_not_start_the_first_is_ended(cast, terms):
    """The error passes through, and nothing is left behind."""
    cast.most = 1
    with pytest.raises(LaunchError, match="no more processes"):
        Pair(terms, 1, GUARD)
    assert cast.workers[0].closed == [0.0]


@pytest.mark.parametrize("candidate_slot", [0, 1])
def test_parking_gives_what_each_side_collected(cast, terms, candidate_slot):
    """The baseline's comes first, wherever it sits."""
    pair = Pair(terms, candidate_slot, GUARD)
    collected = [("a", "b"), ("a", "c")]
    if candidate_slot == 0:
        collected.reverse()
    assert cast.parked(pair, collected) == ({"a", "b"}, {"a", "c"})


@pytest.mark.parametrize(
    ("cpus", "expected"),
    [((4, 7), [((7,), 100), ((4,), 101)]), ((1, 4, 7), []), ((7,), []), ((), [])],
)
def test_both_starting_workers_see_equally_many_cpus(cast, sides, monkeypatch, cpus, expected):
    """Of two CPUs each gets one, the first worker the one that measures; else both stay."""
    moves = []
    monkeypatch.setattr(pairs, "run_on", lambda *asked: moves.append(asked))
    pair = Pair(terms_of(sides, invocation(sides.project.top), cpus), 1, GUARD)
    cast.parked(pair)
    assert moves == expected


@pytest.mark.parametrize(
    ("printed", "last"),
    [("ERROR: no such fixture", ": ERROR: no such fixture"), ("", "")],
)
@pytest.mark.parametrize(
    ("said", "why"),
    [([], "the other end has closed the connection"), ([Done({"a": None})], "it ended before .*")],
)
def test_a_worker_that_does_not_park_is_quoted(cast, terms, *, printed, last, said, why):
    """The error names the side, says why, and ends with the last line that was printed."""
    pair = Pair(terms, 1, GUARD)
    first, second = cast.workers
    first.say(Ready(("a",), "place"))
    second.say(*said)
    second.far.close()
    second.printed = printed
    expected = rf"^the candidate \(working tree\) did not start: {why}{last}$"
    with pytest.raises(PairError, match=expected) as raised:
        pair.park()
    assert "Done" not in str(raised.value)


def test_a_worker_that_collects_for_too_long_is_told(cast, terms, monkeypatch):
    """One that says nothing in the time that it has to start is an error."""
    monkeypatch.setattr(pairs, "_START_SECONDS", 0.0)
    pair = Pair(terms, 0, GUARD)
    expected = r"^the candidate \(working tree\) did not start: the time limit was reached$"
    with pytest.raises(PairError, match=expected):
        pair.park()
    assert len(cast.workers) == 2


def test_a_worker_that_does_not_call_is_quoted_once(cast, terms):
    """The launcher's error has its last line already."""
    pair = Pair(terms, 1, GUARD)
    cast.workers[0].printed = "no such option"
    cast.workers[0].refusal = LaunchError("it ended with exit code 4 (no such option)")
    why = r"it ended with exit code 4 \(no such option\)"
    expected = rf"^the baseline \(main\) did not start: {why}$"
    with pytest.raises(PairError, match=expected):
        pair.park()


@pytest.mark.slow
def test_a_real_worker_whose_conftest_gives_up_is_quoted(sides):
    """A usage error in a hook, printed after the worker's good-bye, is found all the same."""
    for side in (sides.baseline, sides.candidate):
        (side.tree / "tests").mkdir()
        (side.tree / "tests" / "test_a.py").write_text("def test_a():\n    pass\n")
    (sides.candidate.tree / "conftest.py").write_text(
        "import pytest\n\n"
        "def pytest_collection_modifyitems():\n"
        "    raise pytest.UsageError('the database is not there')\n"
    )
    terms = terms_of(sides, invocation(sides.project.top), ())
    with guarded() as guard, closing(Pair(terms, 0, guard)) as pair:
        expected = r"candidate .* the database is not there$"
        with pytest.raises(PairError, match=expected):
            pair.park()


@pytest.mark.parametrize(("cpus", "cpu"), [((4, 7), 7), ((), None)])
def test_both_are_let_go_on_the_same_terms(cast, sides, cpus, cpu):
    """One message but for the slot: tests, seed, paces, and the first one's meeting place."""
    pair = Pair(terms_of(sides, invocation(sides.project.top), cpus), 1, GUARD)
    cast.parked(pair)
    for worker in cast.workers:
        worker.say(Done({}))
    pair.run({"a": "location", "b": "p95"}, {"a": {"op": PACE}})
    for slot, worker in enumerate(cast.workers):
        assert worker.heard() == Go(
            nodeids=("a", "b"),
            slot=slot,
            meeting_place="place 0",
            seed=pair.seed,
            statistics={"a": "location", "b": "p95"},
            paces={"a": {"op": PACE}},
            cpu=cpu,
            all_cpus=cpus,
            always_pin=False,
            slice_seconds=60.0,
        )


@pytest.mark.parametrize("candidate_slot", [0, 1])
def test_both_sides_are_heard_out(hear, candidate_slot):
    """Whoever speaks when, all that a side said is in its own report, in order."""
    trouble = Ended("b", "call failed: no")
    done = Done({"demo": None}, 3, (9, 8))
    report = hear(
        (1, 0, Began("a")),
        (1, 1, Began("a")),
        (1, 1, SLICES),
        (1, 0, SLICES),
        (1, 0, Began("b")),
        (1, 0, trouble),
        (1, 0, done),
        (1, 1, Began("b")),
        (1, 1, Done({})),
        candidate_slot=candidate_slot,
    )
    first = SideReport(("a", "b"), (SLICES,), (trouble,), done, "")
    second = SideReport(("a", "b"), (SLICES,), (), Done({}), "")
    assert report.candidate_slot == candidate_slot
    assert report.candidate == (first, second)[candidate_slot]
    assert report.baseline == (second, first)[candidate_slot]


def test_messages_that_came_together_are_all_heard(hear):
    """Those that were read with an earlier one are not waited for."""
    report = hear((1, 0, Began("a"), SLICES, Done({})), (1, 1, Done({})))
    assert report.baseline == SideReport(("a",), (SLICES,), (), Done({}), "")


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (3, "its process ended with exit code 3"),
        (0, "its process ended with exit code 0"),
        (-15, "its process was ended by SIGTERM"),
        (-250, "its process ended with exit code -250"),
        (None, "the other end has closed the connection"),
    ],
)
def test_a_side_that_falls_silent_has_no_last_word(hear, code, fault):
    """Its report says how its process ended, and the other side is heard to its end."""
    report = hear(
        (1, 0, Began("a")),
        (1, 0),
        (1, 1, Began("a")),
        (1, 1, Done({})),
        codes=(code, None),
    )
    assert report.baseline == SideReport(("a",), (), (), None, fault)
    assert report.candidate == SideReport(("a",), (), (), Done({}), "")


def test_a_side_that_is_gone_before_it_is_let_go_is_reported(cast, terms):
    """That it cannot be told anything any more is no error."""
    pair = Pair(terms, 1, GUARD)
    cast.parked(pair)
    first, second = cast.workers
    first.channel.send({})  # what it leaves unread makes its end an error to who sends more
    first.far.close()
    first.process.code = -15
    second.say(Done({}))
    report = pair.run({"a": "location"}, {})
    assert report.baseline == SideReport((), (), (), None, "its process was ended by SIGTERM")
    assert report.candidate.done == Done({})
    assert second.asked_to_end


def test_the_time_limit_is_for_a_test(hear, cast):
    """A block may take longer, as long as no test does."""
    events = [(60, 0), (30, 1)] * 3
    said = [Began("a")] * 2 + [Began("b")] * 2 + [Done({})] * 2
    report = hear(*((*event, message) for event, message in zip(events, said, strict=True)))
    assert report.baseline == report.candidate == SideReport(("a", "b"), (), (), Done({}), "")
    assert not any(worker.asked_to_end for worker in cast.workers)


@pytest.mark.parametrize("begun", [(), ("a",)])
def test_a_side_that_takes_too_long_for_a_test_is_ended(hear, cast, begun):
    """It alone is, at the time that is said; what the other says afterwards is still heard."""
    report = hear(
        *((1, 1, Began(nodeid)) for nodeid in begun),
        (60, 0, Began("a")),
        (90, 0, Done({})),
    )
    fault = "it took longer than 100 s, which --perf-against-time may extend"
    assert report.candidate == SideReport(begun, (), (), None, fault)
    assert report.baseline == SideReport(("a",), (), (), Done({}), "")
    assert [worker.asked_to_end for worker in cast.workers] == [False, True]


def test_a_side_that_hangs_within_a_message_is_ended(cast, terms):
    """Half a line is no sign of life."""
    impatient = replace(terms, test_seconds=0.01)
    pair = Pair(impatient, 1, GUARD)
    cast.parked(pair)
    first, second = cast.workers
    first.far.sendall(b'{"kind": "Beg')
    second.say(Done({}))
    report = pair.run({"a": "location"}, {})
    assert report.baseline.fault.startswith("it took longer than 0.01 s")
    assert first.asked_to_end


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        '{"kind": "Greeting", "body": {}}',
        '{"kind": "Began"}',
        '{"kind": "Began", "body": {}}',
        '{"kind": "Began", "body": []}',
        '{"kind": "Began", "body": {"nodeid": 5}}',
        "[]",
        "Began a",
    ],
)
def test_what_is_no_message_is_a_fault(cast, terms, line):
    """A worker of another version, say, costs its own report, which says what was wrong."""
    pair = Pair(terms, 1, GUARD)
    cast.parked(pair)
    first, second = cast.workers
    first.far.sendall(f"{line}\n".encode())
    second.say(Done({}))
    report = pair.run({"a": "location"}, {})
    assert report.baseline.done is None
    assert "no message" in report.baseline.fault or "a line that is not" in report.baseline.fault
    assert report.candidate.done == Done({})


def test_closing_ends_both_with_the_same_patience(cast, terms):
    """By default none."""
    pair = Pair(terms, 1, GUARD)
    pair.close()
    pair.close(patience=1.5)
    assert [worker.closed for worker in cast.workers] == [[0.0, 1.5]] * 2


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_closing_that_is_interrupted_ends_both(cast, terms, error, slot):
    """Ctrl-C while one is ended goes on once the other is ended too."""
    pair = Pair(terms, 1, GUARD)
    cast.workers[slot].closing = error()
    with pytest.raises(error):
        pair.close(patience=1.5)
    assert [worker.closed for worker in cast.workers] == [[1.5]] * 2


def test_ctrl_c_in_a_block_reaches_both_workers(cast, terms, monkeypatch):
    """Which a terminal would not do: each has two seconds to tear its fixtures down."""

    def interrupted(*_):
        raise KeyboardInterrupt

    pair = Pair(terms, 1, GUARD)
    cast.parked(pair)
    monkeypatch.setattr(pairs.select, "select", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pair.run({"a": "location"}, {})
    assert [worker.interrupted for worker in cast.workers] == [True, True]
    assert [worker.closed for worker in cast.workers] == [[pairs._TEAR_DOWN_SECONDS]] * 2
