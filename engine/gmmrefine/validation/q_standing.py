"""Where a mean Q-score stands among those of EMDB's entries: an estimate of wwPDB's Q_relative.

wwPDB's validation reports give the percentile of an entry's mean Q among all entries of EMDB and among those of similar
resolution, as of some date; here the quantiles of one date stand in ``data/emdb_q_by_resolution.csv``, which says its source.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

SIGMA = 0.4  # Å, of the scores in the table
DATE = "2025-01-15"
_TABLE = Path(__file__).parent.parent / "data" / "emdb_q_by_resolution.csv"
_QUANTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)


@dataclass(frozen=True)
class Standing:
    """The part of some entries whose mean Q is lower.

    Parameters
    ----------
    percentile : float
        Percent, 1 or 99 at the ends, beyond which the table does not tell.
    entries : int
    resolutions : tuple of float or None
        Å, of the entries; None for all.
    """

    percentile: float
    entries: int
    resolutions: Optional[Tuple[float, float]]

    def __str__(self) -> str:
        which = (
            f"all {self.entries} entries"
            if self.resolutions is None
            else ("the {} at {:g} to {:g} Å".format(self.entries, *self.resolutions))
        )
        if self.percentile <= 1:
            return f"below at least 99 % of {which}"
        return f"above {'at least ' if self.percentile >= 99 else ''}{self.percentile:.0f} % of {which}"


def standings(mean_q: float, resolution: float = 0.0) -> List[Standing]:
    """Where a mean Q stands among all entries and among those of similar resolution.

    Parameters
    ----------
    mean_q : float
        Of all non-hydrogen atoms, with σ 0.4 Å.
    resolution : float
        Å; 0 for unknown. Outside the table's resolutions there is no second standing.

    Returns
    -------
    list of Standing
        All first.
    """
    (*by_resolution, everything) = _rows()
    rows: List[Tuple[Optional[Tuple[float, float]], Dict[str, Any]]] = [(None, everything)] + [
        ((low, high), row)
        for low, high, row in ((each["from"], each["to"], each) for each in by_resolution)
        if low <= resolution < high
    ]
    return [Standing(float(np.interp(mean_q, row["q"], _QUANTILES)), row["entries"], resolutions) for resolutions, row in rows]


@lru_cache(maxsize=1)
def _rows() -> List[Dict[str, Any]]:
    lines = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [
        {
            "from": float(row["resolution_from"]),
            "to": float(row["resolution_to"]),
            "entries": int(row["entries"]),
            "q": [float(row[f"q_p{quantile}"]) for quantile in _QUANTILES],
        }
        for row in csv.DictReader(lines)
    ]
