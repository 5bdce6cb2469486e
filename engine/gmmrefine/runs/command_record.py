"""run.json of a command without steps, written once at its end."""

import os
import resource
import time
from typing import Any, Iterable, Mapping, Optional

from gmmrefine.progress import Progress
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.record_file import write_with_copy
from gmmrefine.runs.same_run import origin_of


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def write_run_record(
    directory: FilePath,
    command: str,
    settings: Mapping[str, Any],
    results: Mapping[str, Any],
    *,
    inputs: Iterable[Optional[FilePath]] = (),
    started: Optional[float] = None,
) -> None:
    """Write run.json and the one event of a command without steps.

    Parameters
    ----------
    directory : str or Path
    command : str
    settings, results : dict
        JSON-able, by name.
    inputs : list of str or None
        Files whose content decides the result; None is left out.
    started : float, optional
        ``time.time()`` at the start of the command.
    """
    seconds = round(time.time() - (started or time.time()), 3)
    Progress(directory).event(step=command, seconds=seconds)
    write_with_copy(
        os.path.join(directory, "run.json"),
        {
            **origin_of(command, settings, inputs),
            "results": results,
            "timings": {"total": seconds},
            "peak_memory_mb": peak_memory_mb(),
            "finished": True,
        },
    )
