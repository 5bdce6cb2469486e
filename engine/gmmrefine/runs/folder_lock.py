"""One run per folder: a file that says which process writes there, and that it lives.

``run.lock`` is made as a hard link, which on one computer as over NFS succeeds for one process only, and is touched by a thread
as long as its process lives. A run that was killed leaves it. Who replaces it holds a lock on that very lock meanwhile, so that
of several processes that find it one goes on.
"""

import errno
import os
import threading
import time
from contextlib import contextmanager, suppress
from glob import escape, glob
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from gmmrefine.errors import InputError, ResourceError
from gmmrefine.io.atomic import LOCK_FILE, cannot_be_written
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.lock_claim import Claim, new_claim, read_claim

PARTS_FOLDER = "patches"  # DIR/patches/NN is part of the run in DIR
_BEAT = 30.0  # seconds between signs of life
_PATIENCE = 10.0  # seconds for another process to replace a dead lock, which takes milliseconds
_PAUSE = 0.02  # seconds
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)

_held: Dict[str, "FolderLock"] = {}  # by real path of its folder: what this process holds it may hold anew
_end_process: Optional[Callable[[], Any]] = None  # how a program is ended that has lost its folder


class FolderLock:
    """A folder held for one run of this process until ``release``.

    Parameters
    ----------
    directory : str
        Made when missing, and removed again if it is left empty.
    command : str
        What another process is told that it does.
    take_over : bool
        Whether a run is given up of which this computer cannot see whether it lives, and which was silent for ten minutes.

    Raises
    ------
    InputError
        Another run is at work in the folder, in a part of it, or in what it is part of.
    ResourceError
        The folder cannot be made, or not be written to.
    """

    def __init__(self, directory: FilePath, command: str, take_over: bool = False) -> None:
        self._directory, self._real, self._pid = str(directory), os.path.realpath(directory), os.getpid()
        self._path = os.path.join(self._real, LOCK_FILE)
        self._claim, self._take_over, self._lost = new_claim(command), take_over, ""
        self._ended = threading.Event()
        if self._real in _held:
            _held[self._real].release()
        self._made = _make(self._directory)
        try:
            dead, now = self._acquire(self._path)
        except BaseException:
            self._remove_if_empty()
            raise
        self.taken_over = (
            "" if dead is None else (f"{directory} is taken over from a run that ended without a word: {dead.describe(now)}")
        )
        _held[self._real] = self
        for guard in glob(escape(self._path) + ".*"):  # of processes that were killed as they replaced a dead lock
            with suppress(OSError):
                os.unlink(guard)
        try:
            self._refuse_whole(now)
            self._clear_parts()
        except BaseException:
            self.release()
            raise
        threading.Thread(target=self._give_signs, name=f"lock of {directory}", daemon=True).start()

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(self, *_: Any) -> None:
        self.release()

    def release(self) -> None:
        """Leave the folder to others."""
        self._ended.set()
        if self._pid != os.getpid() or _held.get(self._real) is not self:
            return
        del _held[self._real]
        with suppress(OSError):
            claim = read_claim(self._path)
            if claim is not None and claim.token == self._claim.token:
                os.unlink(self._path)
        self._remove_if_empty()

    def refuse_if_lost(self) -> None:
        """Refuse to go on in a folder that another run has taken over, or that was removed."""
        if not self._ended.is_set():
            self._look()
        if self._lost:
            raise InputError(self._lost)

    def _acquire(self, path: str) -> Tuple[Optional[Claim], float]:
        """Put this process's claim at a path; the Claim of a dead process found there, or None, and the file system's time."""
        own = os.path.join(self._real, f".{os.path.basename(path)}.{self._claim.token}.{self._pid}.tmp")
        try:
            while True:
                now = self._write(own)
                if _link(own, path):
                    return None, now
                other = read_claim(path)
                if other is not None:
                    other.refuse_if_alive(self._directory, now, self._take_over)
                    if self._replace(own, path, other):
                        return other, now
        except OSError as error:
            raise ResourceError(cannot_be_written(path, error)) from error
        finally:
            with suppress(OSError):
                os.unlink(own)

    def _replace(self, own: str, path: str, other: Claim) -> bool:
        """Move the file ``own`` to where a dead process has its Claim ``other``; False where another one did so first."""
        guard = f"{path}.{other.token}"
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._acquire(guard)
                break
            except InputError:
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)
        try:
            present = read_claim(path)
            if present is None or present.token != other.token:
                return False
            os.replace(own, path)
            return True
        finally:
            with suppress(FileNotFoundError):
                os.unlink(guard)

    def _write(self, own: str) -> float:
        """Write this process's claim; the time on the file system's clock."""
        os.makedirs(self._real, exist_ok=True)  # another run that was refused may have removed what it had made
        with open(own, "w", encoding="utf-8") as file:
            file.write(self._claim.to_json())
            file.flush()
            return os.fstat(file.fileno()).st_mtime

    def _refuse_whole(self, now: float) -> None:
        """Refuse a part of a run that another process works on as a whole."""
        parts = os.path.dirname(self._real)
        whole = os.path.dirname(parts)
        if os.path.basename(parts) == PARTS_FOLDER and whole not in _held:
            claim = read_claim(os.path.join(whole, LOCK_FILE))
            if claim is not None:
                claim.refuse_if_alive(whole, now, self._take_over)

    def _clear_parts(self) -> None:
        """Refuse a run on parts of which other processes work; remove the locks of those that have ended."""
        for path in sorted(glob(os.path.join(escape(self._real), PARTS_FOLDER, "*", LOCK_FILE))):
            part = os.path.dirname(path)
            if part not in _held:
                FolderLock(part, self._claim.command, self._take_over).release()

    def _give_signs(self) -> None:
        while not self._ended.wait(_BEAT):
            self._look()
            if self._lost and _end_process is not None:
                _end_process()
                return
            with suppress(OSError):
                os.utime(self._path)

    def _look(self) -> None:
        """Note when the folder is not held any more; a lock that was removed by hand is made again."""
        with suppress(OSError):
            if not os.path.isdir(self._real):
                self._lost = f"{self._directory} was removed while this run worked in it; the run ends."
                return
            claim = read_claim(self._path)
            if claim is None:
                own = os.path.join(self._real, f".{LOCK_FILE}.{self._claim.token}.{self._pid}.tmp")
                self._write(own)
                _link(own, self._path)
                os.unlink(own)
            elif claim.token != self._claim.token:
                self._lost = (
                    f"{self._directory} was taken over by another run, as this one gave no sign of life: "
                    f"{claim.describe(time.time())}. This run ends."
                )

    def _remove_if_empty(self) -> None:
        with suppress(OSError):
            for folder in self._made:
                folder.rmdir()


@contextmanager
def released_at_end(end_process: Optional[Callable[[], Any]]) -> Iterator[None]:
    """Release the folders held inside, however it ends.

    Parameters
    ----------
    end_process : callable or None
        Makes this program end with KeyboardInterrupt; called, in another thread, when it has lost its folder.
    """
    global _end_process
    before, _end_process = set(_held), end_process
    try:
        yield
    except KeyboardInterrupt:
        for lock in _held.values():
            lock.refuse_if_lost()
        raise
    finally:
        _end_process = None
        for real in set(_held) - before:
            _held[real].release()


def _make(directory: FilePath) -> List[Path]:
    """Make a folder; those that were missing, the innermost first, list of Path."""
    path = Path(directory)
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"{directory}: the folder cannot be made ({error.strerror}). Choose another one with -o."
        ) from error
    return missing


def _link(own: str, path: str) -> bool:
    """Whether a file could be given a second name, which was free."""
    try:
        os.link(own, path)
        return True
    except FileExistsError:
        return os.stat(own).st_nlink > 1  # a server that did it twice, as its first answer was lost
    except FileNotFoundError:
        return False  # the file itself was removed as a leftover
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    return _copy_if_free(own, path)


def _copy_if_free(own: str, path: str) -> bool:
    """As ``_link``, for file systems without links."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    with open(own, encoding="utf-8") as source, os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(source.read())
    return True
