"""What a lock file says of its process, and whether that one has to be respected."""

import json
import os
import time
import uuid
from dataclasses import dataclass
from typing import Optional

from gmmrefine.errors import InputError
from gmmrefine.progress import readable_time
from gmmrefine.runs.process_identity import ProcessIdentity, is_alive, this_process

SILENCE = 600.0  # seconds without a sign of life, after which a process that cannot be looked at may be given up


@dataclass(frozen=True)
class Claim:
    """A process and what it runs in a folder.

    Parameters
    ----------
    owner : ProcessIdentity or None
        None where the file does not tell.
    command : str
    since : float
        Seconds since 1970.
    token : str
        Drawn for this claim; no other has it.
    last_sign : float
        When the file was touched, seconds since 1970 by the clock of the file system.
    """

    owner: Optional[ProcessIdentity]
    command: str
    since: float
    token: str
    last_sign: float

    def to_json(self) -> str:
        """What stands in the file."""
        process = None if self.owner is None else self.owner.to_dict()
        return json.dumps({"command": self.command, "since": self.since, "token": self.token, "process": process}) + "\n"

    def describe(self, now: float) -> str:
        """Command, process, computer and times in words; ``now`` by the clock of the file system."""
        sign = f"last sign of life {readable_time(max(now - self.last_sign, 0))} ago"
        if self.owner is None:
            return f"an unknown process, {sign}"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"'{self.command}', process {self.owner.pid} on {self.owner.host}, since {since}, {sign}"

    def refuse_if_alive(self, place: str, now: float, take_over: bool) -> None:
        """Refuse a folder, ``place``, in which a process works, or may still work and is not to be given up.

        Parameters
        ----------
        place : str
        now : float
            Seconds since 1970 by the clock of the file system.
        take_over : bool
            Whether the user gives up a process that was silent for long and cannot be looked at.
        """
        alive = None if self.owner is None else is_alive(self.owner, self.last_sign)
        if alive is False:
            return
        found = f"{place} is in use by another run: {self.describe(now)}"
        if alive:
            raise InputError(f"{found}. Two runs must not write to one folder: wait for it, or stop it.")
        unseen = f"{found}; whether it lives cannot be seen from this computer"
        left = SILENCE - (now - self.last_sign)
        if left > 0:
            when = time.strftime("%H:%M:%S", time.localtime(time.time() + left))
            raise InputError(
                f"{unseen}. Wait for it or stop it; if it is dead, give the same command with --take-over after {when}."
            )
        if not take_over:
            raise InputError(f"{unseen}. If it is dead, give the same command with --take-over.")


def new_claim(command: str) -> Claim:
    """The Claim of this process for a command."""
    now = time.time()
    return Claim(this_process(), command, now, uuid.uuid4().hex, now)


def read_claim(path: str) -> Optional[Claim]:
    """The Claim in a lock file, or None where there is no file; one that cannot be read is of nobody."""
    try:
        with open(path, encoding="utf-8") as file:
            text, status = file.read(), os.fstat(file.fileno())  # of an open file it is fresh, also over NFS
    except FileNotFoundError:
        return None
    except (PermissionError, UnicodeDecodeError):
        text, status = "", os.stat(path)
    try:
        content = json.loads(text)
        owner = ProcessIdentity(**content["process"])
        return Claim(owner, str(content["command"]), float(content["since"]), str(content["token"]), status.st_mtime)
    except (ValueError, KeyError, TypeError):
        return Claim(None, "", 0.0, f"{status.st_ino}-{status.st_mtime_ns}", status.st_mtime)
