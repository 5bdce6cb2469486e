"""Results that take seconds to make: made by the first worker that needs them, read by all of a session."""

import fcntl
import os
import shutil
from contextlib import contextmanager


def made_once(factory, name, make):
    """Folder that ``make(folder)`` fills once, however many processes run tests; not to be changed.

    Parameters
    ----------
    factory : pytest.TempPathFactory
    name : str
        Of the folder, one for each kind of result.
    make : callable
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, marker = base / name, base / f"{name}.made"
    with open(base / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            marker.touch()
    return folder


@contextmanager
def unchanged(folder):
    """Fail when something below a folder was changed: other tests, also in other processes, rely on it."""
    before = _contents(folder)
    yield folder
    after = _contents(folder)
    assert after == before, f"tests changed {folder}: {sorted(set(before.items()) ^ set(after.items()))}"


def _contents(folder):
    """Path → size and time of change of every file."""
    files = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {str(path): (status.st_size, status.st_mtime_ns) for path, status in files}
