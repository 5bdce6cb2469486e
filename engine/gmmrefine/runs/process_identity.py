"""Which process this is, and whether another one still lives."""

import os
import platform
import time
from dataclasses import asdict, dataclass
from typing import Any, Dict, Optional, Tuple

_BOOT = "/proc/sys/kernel/random/boot_id"
_PROCESSES = "/proc/self/ns/pid"
_DEAD = "ZX"  # states of processes that have ended and were not collected


@dataclass(frozen=True)
class ProcessIdentity:
    """What tells a process from all others, also from a later one of the same number.

    Parameters
    ----------
    host : str
        Name of the computer.
    boot : str
        Its start, a number drawn then; empty where the system tells none.
    table : str
        The process table in which the number counts; a container has its own.
    pid : int
    started : int
        When the process began, clock ticks since the computer started; 0 where the system does not tell.
    """

    host: str
    boot: str
    table: str
    pid: int
    started: int

    def to_dict(self) -> Dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def this_process() -> ProcessIdentity:
    """The ProcessIdentity of this process."""
    pid = os.getpid()
    stat = _stat(pid)
    try:
        table = os.readlink(_PROCESSES)
    except OSError:
        table = ""
    return ProcessIdentity(platform.node(), _boot(), table, pid, stat[1] if stat else 0)


def is_alive(other: ProcessIdentity, last_sign: float) -> Optional[bool]:
    """Whether a process lives; None where that cannot be seen from here.

    Parameters
    ----------
    other : ProcessIdentity
    last_sign : float
        When it was last known to live, seconds since 1970.
    """
    me = this_process()
    if (other.boot, other.table) != (me.boot, me.table) or not (me.boot or other.host == me.host):
        has_restarted = other.host == me.host and other.boot != me.boot and last_sign < _started_at()
        return False if has_restarted else None
    stat = _stat(other.pid)
    if stat is not None:
        state, started = stat
        return state not in _DEAD and started == other.started
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return None  # a process of this number, of which another user is shown nothing


def _boot() -> str:
    try:
        with open(_BOOT, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _started_at() -> float:
    """When this computer started, seconds since 1970."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _stat(pid: int) -> Optional[Tuple[str, int]]:
    """State and start of a process, or None where they are not shown."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
