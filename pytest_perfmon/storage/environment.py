"""What is recorded beside figures: the machine and interpreter, and the state of the code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfmon.model.run import Commit, Environment

_UNKNOWN: Final = "unknown"
_GIT_TIMEOUT_S: Final = 10.0


def current_environment(extra: Mapping[str, str]) -> Environment:
    """Name the machine and interpreter by what stays the same from run to run; starts no process.

    Args:
        extra: further fields, such as hooks give; one of a built-in name replaces that.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    fields = {
        "implementation": sys.implementation.name,
        "python": version + getattr(sys, "abiflags", ""),
        "system": sys.platform,
        "machine": _machine(),
        "cpu": _cpu_model(),
        "cpus": str(os.cpu_count() or _UNKNOWN),
    }
    return Environment(fields | dict(extra))


def current_commit(root: Path) -> Commit:
    """Ask git for the commit, the branch and whether tracked files differ; takes no lock of it.

    Returns:
        An empty `Commit` where there is no git, no repository, or no answer within ten seconds;
        an empty branch on a detached head, an empty id before the first commit.
    """
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(root)]
    command += ["status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command, capture_output=True, check=True, timeout=_GIT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return Commit()
    return parse_status(answer.stdout.decode("utf-8", errors="replace"))


def parse_status(text: str) -> Commit:
    """Read what `git status --porcelain=v2 --branch` printed."""
    lines = text.splitlines()
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    commit, branch = headers.get("branch.oid", ""), headers.get("branch.head", "")
    return Commit(
        id="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        dirty=any(not line.startswith("# ") for line in lines),
    )


def parse_cpuinfo(text: str) -> str:
    """Find the processor's name in what Linux has in `/proc/cpuinfo`; empty where it has none.

    ARM systems give the numbers of maker and part instead of a name.
    """
    pairs = (line.partition(":") for line in text.splitlines())
    first: dict[str, str] = {}
    for name, _, value in pairs:
        first.setdefault(name.strip().lower(), " ".join(value.split()))
    named = first.get("model name") or first.get("cpu model") or first.get("cpu")
    if named:
        return named
    maker, part = first.get("cpu implementer"), first.get("cpu part")
    return f"implementer {maker} part {part}" if maker and part else ""


def _machine() -> str:
    if sys.platform == "win32":
        return os.environ.get("PROCESSOR_ARCHITECTURE", _UNKNOWN)
    return os.uname().machine


def _cpu_model() -> str:
    model = ""
    with suppress(OSError):
        if sys.platform == "win32":
            model = _cpu_of_windows()
        elif sys.platform == "darwin":
            model = _cpu_of_macos()
        else:
            model = parse_cpuinfo(Path("/proc/cpuinfo").read_text("utf-8", errors="replace"))
    return model or _UNKNOWN


def _cpu_of_macos() -> str:
    import ctypes  # noqa: PLC0415 - only macOS needs it

    size = ctypes.c_size_t(256)
    text = ctypes.create_string_buffer(size.value)
    ctypes.CDLL(None).sysctlbyname(
        b"machdep.cpu.brand_string", text, ctypes.byref(size), None, ctypes.c_size_t(0)
    )
    return text.value.decode("utf-8", errors="replace")


def _cpu_of_windows() -> str:
    if sys.platform != "win32":
        return ""
    import winreg  # noqa: PLC0415 - only Windows has it

    place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
        return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
