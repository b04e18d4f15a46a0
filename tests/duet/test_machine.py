"""What the machine tells of itself, from scripted readings."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.duet import machine
from pytest_perfmon.duet.machine import MachineState, cpu_quota, is_scarce, read_steal

READINGS = st.lists(st.integers(1, 10**9), min_size=4, max_size=60)


def spread(*readings):
    """The control's spread in such readings."""
    return MachineState(0.0, 0, readings).control_spread


def test_the_spread_is_half_the_middle_half():
    """Of eight readings the outer two on each side are left out, as a share of the median."""
    assert spread(1, 90, 95, 100, 100, 105, 110, 9999) == pytest.approx(0.05)


@pytest.mark.parametrize("readings", [(), (100,), (100, 200, 300), (0, 0, 0, 0), (0, 5, 6, 7)])
def test_without_enough_readings_there_is_no_spread(readings):
    """Quartiles take four readings above zero."""
    assert spread(*readings) == 0.0


@given(READINGS, st.randoms())
def test_the_spread_does_not_depend_on_the_order(readings, chance):
    """Readings of the two sides may come in any order."""
    shuffled = list(readings)
    chance.shuffle(shuffled)
    assert spread(*shuffled) == spread(*readings)


@given(READINGS, st.integers(2, 1000))
def test_the_spread_is_a_share(readings, factor):
    """A machine that is so many times as slow has the same spread."""
    slower = [factor * one for one in readings]
    assert spread(*slower) == pytest.approx(spread(*readings))


@pytest.fixture
def stat(tmp_path, monkeypatch):
    """A file in the place of the system's, written by its first line."""

    def write(line):
        path = tmp_path / "stat"
        path.write_text(f"{line}\ncpu0 1 1 1 1 1 1 1 777 1 1\n", encoding="ascii")
        monkeypatch.setattr(machine, "_STAT", path)

    return write


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="the system has no clock ticks")
def test_stolen_time_is_read_in_seconds(stat):
    """The eighth number of the line of all CPUs, in clock ticks."""
    stat("cpu  10 20 30 40 50 60 70 250 90 100")
    assert read_steal() == 250 / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("line", ["", "cpu  10 20 30", "cpu  1 2 3 4 5 6 7 much 9 10"])
def test_what_the_system_does_not_tell_is_zero(stat, line):
    """Kernels without the number, or with another form, steal nothing that is known of."""
    stat(line)
    assert read_steal() == 0.0


def test_a_system_without_the_file_is_no_error(tmp_path, monkeypatch):
    """Where there is no such file, stolen time is unknown and given as 0."""
    monkeypatch.setattr(machine, "_STAT", tmp_path / "none")
    assert read_steal() == 0.0


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups in the place of the system's: what a process is in, and limits by group."""

    def write(own, limits):
        (tmp_path / "cgroup").write_text(own, encoding="utf-8")
        for group, limit in limits.items():
            place = tmp_path / "groups" / group
            place.mkdir(parents=True, exist_ok=True)
            (place / "cpu.max").write_text(limit, encoding="ascii")

    monkeypatch.setattr(machine, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path / "groups")
    return write


@pytest.mark.parametrize(
    ("own", "limits", "quota"),
    [
        ("0::/\n", {"": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b": "max 100000", "a": "50000 100000", "": "400000 100000"}, 0.5),
        ("0::/docker/1f\n", {"": "100000 100000"}, 1.0),
        ("3:cpuset:/\n0::/a\n", {"a": "300000 100000"}, 3.0),
        ("0::/a\n", {"a": "max 100000"}, None),
        ("0::/a\n", {"a": "nonsense"}, None),
        ("0::/a\n", {"a": "100000 0"}, None),
        ("1:cpu:/a\n", {"a": "100000 100000"}, None),
        ("0::/a\n", {}, None),
    ],
)
def test_a_containers_quota_is_the_least_around_the_process(groups, own, limits, quota):
    """In CPUs; groups of version 1, and those that a container does not see, limit nothing."""
    groups(own, limits)
    assert cpu_quota() == quota


def test_a_system_without_control_groups_has_no_quota(tmp_path, monkeypatch):
    """Where there is no such file, nothing says."""
    monkeypatch.setattr(machine, "_CGROUP", tmp_path / "none")
    assert cpu_quota() is None


@pytest.mark.parametrize(("quota", "scarce"), [(None, False), (2.0, False), (1.9, True)])
def test_less_than_two_cpus_are_scarce(quota, scarce):
    """Two processes need one each."""
    assert is_scarce(quota) is scarce
