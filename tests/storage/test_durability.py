"""Killed, crowded, full and read-only: no run is lost and none is half there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from storage.saving_process import KEYS
from storage.stored_runs import HERE, PARSE, make_run

from pytest_perfmon.errors import StoreError
from pytest_perfmon.storage.directory import DirectoryStore

SCRIPT = Path(__file__).with_name("saving_process.py")
ROOT = SCRIPT.parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start a process that saves."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def read_back(place: Path) -> tuple[dict[int, object], list[str]]:
    """Give all runs of a store by number, and what was said of damaged files."""
    damaged: list[str] = []
    runs = DirectoryStore(place).runs(on_damaged=damaged.append)
    return {int(run.id, 16): run for run in runs}, damaged


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_two_hundred_kills_lose_nothing(tmp_path):
    """After 200 kill -9's while saving, each acknowledged run is whole and nothing half counts."""
    output, _ = start("kill", tmp_path, 200).communicate(timeout=120)
    acknowledged = set(map(int, output.split()))
    saved, damaged = read_back(tmp_path)
    assert damaged == []
    assert acknowledged <= saved.keys()
    assert all(run == make_run(number, keys=KEYS) for number, run in saved.items())
    assert len(acknowledged) > 2
    assert list(tmp_path.glob("default/.saving-*")), "no kill came while a file was half written"


@pytest.mark.slow
def test_sixteen_processes_save_at_once(tmp_path):
    """Sixteen processes that save into one new store at the same time all keep all their runs."""
    crowd = [start("save", tmp_path / "new", 1 + 10 * place, 5) for place in range(16)]
    outputs = [process.communicate(timeout=120)[0] for process in crowd]
    assert [process.returncode for process in crowd] == [0] * 16
    acknowledged = {int(number) for output in outputs for number in output.split()}
    saved, damaged = read_back(tmp_path / "new")
    assert acknowledged == saved.keys() == {1 + 10 * a + b for a in range(16) for b in range(5)}
    assert damaged == []
    assert not list(tmp_path.glob("new/default/.saving-*"))


def check_refused(store: DirectoryStore, place: Path, reason: str) -> None:
    """Check that a save fails in one line and leaves the store as it was."""
    before = sorted(place.rglob("*"))
    with pytest.raises(
        StoreError, match=f"cannot save the run to .*{reason}.*--perf-store"
    ) as caught:
        store.save(make_run(2, keys=KEYS))
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(place.rglob("*")) == before
    window = store.window("default", HERE, [PARSE.nodeid])
    assert ([value.run_id for value in window.values[PARSE]], window.warnings) == (
        ["0" * 11 + "1"],
        (),
    )


@pytest.fixture
def small_disk(tmp_path):
    """Give a file system of 64 KB and a way to mount it anew with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            return subprocess.run(command, check=False, capture_output=True).returncode == 0
        except OSError:
            return False

    if not mount("size=64k"):
        pytest.skip("needs the right to mount a file system")
    yield place, mount
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_a_usage_error_and_loses_nothing(small_disk):
    """Where the disk is full, a save fails in one line, and no part of it is left."""
    place, _ = small_disk
    store = DirectoryStore(place)
    store.save(make_run(1))
    place.joinpath("ballast").write_bytes(b"x" * 48 * 1024)
    check_refused(store, place, "No space left on device")


def test_a_read_only_disk_is_a_usage_error_and_loses_nothing(small_disk):
    """Where the disk is read-only, a save fails in one line; what is there can be read."""
    place, mount = small_disk
    store = DirectoryStore(place)
    store.save(make_run(1))
    assert mount("remount,ro")
    check_refused(store, place, "Read-only file system")


def test_a_file_size_limit_is_a_usage_error_and_loses_nothing(tmp_path):
    """Where the system forbids files of that size, a save fails as on a full disk."""
    resource = pytest.importorskip("resource", reason="needs the limits of a Unix")
    store = DirectoryStore(tmp_path)
    store.save(make_run(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        check_refused(store, tmp_path, "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_interrupted_save_leaves_nothing(tmp_path, monkeypatch):
    """Ctrl-C while a file is being written leaves no part of it and goes on to the caller."""
    store = DirectoryStore(tmp_path)
    store.save(make_run(1))

    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(KeyboardInterrupt):
        store.save(make_run(2))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_save_reaches_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """The file's bytes are synced under the temporary name; the name itself is synced after."""
    if os.name == "nt":
        pytest.skip("directories cannot be synced there")
    store = DirectoryStore(tmp_path)
    store.save(make_run(1))
    (first,) = tmp_path.glob("default/*.json")
    synced = []

    def note(descriptor):
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((target.name[:8], sorted(path.name[:8] for path in first.parent.iterdir())))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to see what is synced")
    monkeypatch.setattr(os, "fsync", note)
    store.save(make_run(2))
    assert synced == [
        (".saving-", [".saving-", "20260101"]),
        ("default", ["20260101", "20260101"]),
    ]
