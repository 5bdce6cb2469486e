"""Labels of the columns that tell how well poses are known, and their fields in cryoSPARC's files."""

from typing import Dict, Iterable, List

import numpy as np

from gmmrefine.io.star import StarBlock

ERRORS = "gmmRotationError", "gmmShiftError"
COVARIANCE = tuple(f"gmmCovariance{number}" for number in range(1, 16))
RAN_AWAY = "gmmRanAway"
_SLOT = "gmmrefine/"  # of no cryoSPARC job, which leaves such fields alone
_FIELDS = {f"{_SLOT}pose_error": ERRORS, f"{_SLOT}covariance": COVARIANCE, f"{_SLOT}ran_away": (RAN_AWAY,)}


def error_fields(block: StarBlock, rows: np.ndarray) -> Dict[str, np.ndarray]:
    """Fields (N, …) of a ``.cs`` file for the errors that a table has in some rows (N,); empty where it has none."""
    return {
        field: np.stack([block.numbers(label)[rows] for label in labels], axis=1)
        for field, labels in _FIELDS.items()
        if all(label in block for label in labels)
    }


def error_columns(rows: np.ndarray) -> Dict[str, np.ndarray]:
    """The columns of a ``.cs`` file's errors, dict of label to (N,); empty where it has none."""
    columns: Dict[str, np.ndarray] = {}
    for field, labels in _FIELDS.items():
        if field in rows.dtype.names and rows.dtype[field].shape == (len(labels),):
            columns.update(zip(labels, rows[field].T))
    return {label: values.astype(int if label == RAN_AWAY else float) for label, values in columns.items()}


def of_cryosparc(fields: Iterable[str]) -> List[str]:
    """Names of fields without those of this program, which a group of cryoSPARC must not name."""
    return [field for field in fields if not field.startswith(_SLOT)]
