"""What a run says while it works: lines on the terminal and in a log, and one JSON object per step."""

import os
import sys
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Set, TextIO, Tuple, Union

from gmmrefine.errors import ResourceError
from gmmrefine.plain_json import to_json

_SECONDS_BETWEEN_UPDATES = 1.0


def readable_time(seconds: float) -> str:
    """A duration as people say it: 42 s, 3 min 20 s, 2 h 05 min."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def place_in_run(where: Mapping[str, Any]) -> str:
    """Iteration, half, … of a dict in words: iteration 2, half 1."""
    return ", ".join(f"{key} {value}" for key, value in where.items())


def text_bar(part: float, length: int = 20) -> str:
    """How far a step is, from 0 to 1, as a bar of characters with its percentage."""
    part = min(max(part, 0.0), 1.0)
    full = int(part * length)
    return "█" * full + "░" * (length - full) + f" {100 * part:3.0f} %"


def is_notebook(stream: TextIO) -> bool:
    """Whether a stream ends below a cell of a notebook."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"


class Progress:
    """Reports steps to the terminal, to ``gmmrefine.log`` and to ``events.jsonl`` of a folder.

    Parameters
    ----------
    directory : str, Path or None
        Folder of the logs; None reports to the terminal only.
    stream : file, optional
        Terminal, standard output by default.
    keep : callable, optional
        Called with subject and text of every note, to keep it with the results.
    """

    def __init__(
        self,
        directory: Union[str, "os.PathLike[str]", None] = None,
        stream: Optional[TextIO] = None,
        keep: Optional[Callable[[str, str], Any]] = None,
    ) -> None:
        self._directory = directory
        self._stream = stream or sys.stdout
        self._keep = keep
        self._noted: Set[str] = set()
        self._passing = 0  # length of the passing line in a notebook
        self.seconds: Dict[str, float] = {}

    def say(self, text: str) -> None:
        """One line for people."""
        print(text, file=self._stream, flush=True)
        self._append("gmmrefine.log", text)

    def note(self, subject: str, text: str) -> None:
        """Say what a reader of the results must know, once for a subject."""
        if subject in self._noted:
            return
        self._noted.add(subject)
        self.say(f"note: {text}")
        if self._keep is not None:
            self._keep(subject, text)

    def event(self, **values: Any) -> None:
        """One line for programs."""
        values = {key: value for key, value in values.items() if value is not None}
        self._append("events.jsonl", to_json(dict(values, time=round(time.time(), 3))))

    @contextmanager
    def step(
        self, name: str, total: Optional[int] = None, unit: str = "particles", **where: Any
    ) -> Iterator[Callable[..., None]]:
        """A step of work; yields ``report(done, **values)``.

        Parameters
        ----------
        name : str
            What is done, e.g. "refine poses".
        total : int, optional
            Number of units of work; gives speed and remaining time.
        unit : str
            What is counted.
        where : object
            Iteration, half, … for the event.
        """
        started = last = time.monotonic()
        reached: Tuple[int, Dict[str, Any]] = (0, {})
        place = place_in_run(where)
        title = f"{place}: {name}" if place else name

        def report(done: int, **values: Any) -> None:
            nonlocal last, reached
            reached = done, values
            now = time.monotonic()
            if now - last >= _SECONDS_BETWEEN_UPDATES and total:
                last = now
                rate = done / (now - started)
                eta = (total - done) / max(rate, 1e-9)
                self._overwrite(
                    f"{title}: {text_bar(done / total)} {done}/{total} {unit}, {rate:.0f}/s, {readable_time(eta)} left"
                )
                speed = {f"{unit}_per_s": round(rate, 1)}
                self.event(step=name, **where, **speed, eta_s=round(eta, 1), done=done, **values)

        try:
            yield report
        finally:
            self._overwrite("")
        seconds = time.monotonic() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        done, values = reached
        rate = done / max(seconds, 1e-9)
        self.say(f"{title}: {readable_time(seconds)}" + (f", {rate:.0f} {unit}/s" if total else ""))
        speed = {f"{unit}_per_s": round(rate, 1)} if total else {}
        self.event(step=name, **where, seconds=round(seconds, 3), eta_s=0, **speed, **values)

    def _overwrite(self, text: str) -> None:
        """A passing line: rewritten in place on a terminal and in a notebook, not shown in a file."""
        if self._stream.isatty():
            print(f"\r\033[K{text}", end="", file=self._stream, flush=True)
        elif is_notebook(self._stream) and (text or self._passing):
            # a notebook knows no "clear the line": blanks do it
            print(f"\r{' ' * self._passing}\r{text}", end="", file=self._stream, flush=True)
            self._passing = len(text)

    def _append(self, name: str, line: str) -> None:
        if self._directory is None:
            return
        path = os.path.join(self._directory, name)
        try:
            os.makedirs(self._directory, exist_ok=True)
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(line + "\n")
        except OSError as error:
            raise ResourceError(
                f"{path}: the log cannot be written ({error.strerror}). Free space or choose another folder."
            ) from error
