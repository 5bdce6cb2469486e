"""The folder of a run as its report reads it: the record, and whatever files are there."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy as np
from numpy.typing import ArrayLike

from gmmrefine.errors import InputError
from gmmrefine.io.star import StarBlock, read_star
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.earlier_run import read_record

_OF_PARTICLES = ("rlnAngleRot", "rlnAngleTilt", "rlnRandomSubset", "gmmRotationChange", "gmmShiftChange")


@dataclass(frozen=True)
class RunFolder:
    """A run's folder.

    Parameters
    ----------
    directory : str
    record : dict
        Its run.json.
    """

    directory: str
    record: Dict[str, Any]
    _particles: Dict[str, StarBlock] = field(default_factory=dict, repr=False)

    @property
    def results(self) -> Dict[str, Any]:
        """What came out, dict; empty until the run is finished."""
        return self.record.get("results", {})

    @property
    def settings(self) -> Dict[str, Any]:
        """Settings by name, dict."""
        return self.record["settings"]

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return bool(self.record.get("finished"))

    @property
    def patch_folders(self) -> Dict[int, str]:
        """Folders of refined patches by number, dict of int to str."""
        return self._numbered("patches")

    @property
    def iteration_folders(self) -> Dict[int, str]:
        """Folders of iterations by number, dict of int to str."""
        return self._numbered("iterations")

    def path(self, *names: str) -> str:
        """A path below the folder."""
        return os.path.join(self.directory, *names)

    def has(self, *names: str) -> bool:
        """Whether a file is there."""
        return os.path.isfile(self.path(*names))

    def table(self, *names: str) -> StarBlock:
        """The table of a STAR file: the block ``particles`` where there is one, else the first."""
        blocks = read_star(self.path(*names))
        return blocks["particles"] if "particles" in blocks else next(iter(blocks.values()))

    def particles(self, name: str) -> StarBlock:
        """What the report needs of a particle file, which is read once; a StarBlock."""
        if name not in self._particles:
            table = self.table(name)
            require_columns(table, ())
            self._particles[name] = table.with_columns(
                {label: table.columns[label] for label in _OF_PARTICLES if label in table}
            )
        return self._particles[name]

    def columns(self, name: str, *labels: str) -> List[np.ndarray]:
        """Columns of numbers (R,) of a STAR file's table; NaN for ``<NA>``.

        Parameters
        ----------
        name : str
            File in the folder.
        *labels : str

        Raises
        ------
        InputError
            Not a STAR file, a column missing, no rows, or a value that is not a number.
        """
        table = self.table(name)
        require_columns(table, labels)
        return [table.optional_numbers(label) for label in labels]

    def _numbered(self, name: str) -> Dict[int, str]:
        folders = Path(self.path(name)).glob("[0-9][0-9]*")
        return {int(folder.name): str(folder) for folder in sorted(folders) if folder.is_dir() and folder.name.isdecimal()}


def require_columns(table: StarBlock, labels: Iterable[str]) -> None:
    """Refuse a table without rows or without some of the columns."""
    missing = [label for label in labels if label not in table]
    if missing or len(table) == 0:
        found = f"column {', '.join(missing)} is missing" if missing else "it has no rows"
        raise InputError(
            f"{table.source}, data_{table.name}: {found}; the file is damaged or another program's. Run the command that made "
            "it again."
        )


def read_run(directory: FilePath) -> RunFolder:
    """The run of a folder.

    Returns
    -------
    RunFolder

    Raises
    ------
    InputError
        No run.json there, or one that says nothing of a run.
    """
    record = read_record(directory)
    if record is None:
        raise InputError(
            f"{directory} has no run.json, nor has any folder below it; expected the folder of a run. Give the folder named "
            "with -o when the command was run."
        )
    return RunFolder(str(directory), record)


def audit_of(run: RunFolder) -> Optional[RunFolder]:
    """The audit that a folder holds: its run, or that of the folder which ``modify`` makes for it; None without."""
    if run.has("audit.star"):
        return run
    return read_run(run.path("audit")) if run.has("audit", "audit.star") else None


def run_folders(directory: FilePath) -> List[str]:
    """Folders of all runs below a folder, sorted; those inside another run belong to that one."""
    found = []
    for place, below, files in os.walk(directory):
        below.sort()
        if "run.json" in files:
            found.append(place)
            below.clear()
    return found


def last_resolutions(run: RunFolder) -> Optional[Tuple[int, List[Optional[float]]]]:
    """Iteration and resolutions in Å of the last FSC curves that the half sets exchanged; None where there are none.

    Returns
    -------
    tuple or None
        int, list of float or None: one value, or one per patch.
    """
    from gmmrefine.maps.fsc import FscCurve

    entries = [entry for entry in run.record.get("exchanges", []) if entry["kind"] == "fsc"]
    if not entries:
        return None
    last = max(entries, key=lambda entry: entry["iteration"])
    curves = last["value"] if isinstance(last["value"], list) else [last["value"]]
    box_size, pixel_size = run.record["box_size"], run.record["pixel_size"]
    threshold = run.settings.get("fsc_threshold", 0.143)
    return last["iteration"], [FscCurve.from_lists(curve, box_size, pixel_size).resolution(threshold) for curve in curves]


def known(values: ArrayLike) -> np.ndarray:
    """Values (M,) without NaN."""
    values = np.asarray(values, float)
    return values[~np.isnan(values)]
