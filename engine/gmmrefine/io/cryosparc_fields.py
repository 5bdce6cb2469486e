"""Fields of cryoSPARC's particle files: what each holds, and how its texts are read.

The names and types are those of files that cryoSPARC 2 to 4 wrote and of cryosparc-tools 5.0.3.
"""

import hashlib
import os
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.grey_columns import CONTRAST_LABEL
from gmmrefine.io.star import StarBlock

SIGN_LABEL = CONTRAST_LABEL
UID_LABEL = "gmmCryosparcUid"
SIZE_LABELS = ("gmmMicrographSizeX", "gmmMicrographSizeY")  # px
IMAGES = (("blob/path", "S"), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,)), ("blob/psize_A", "<f4"))
CTF = (
    ("ctf/accel_kv", "<f4"),
    ("ctf/cs_mm", "<f4"),
    ("ctf/amp_contrast", "<f4"),
    ("ctf/df1_A", "<f4"),
    ("ctf/df2_A", "<f4"),
    ("ctf/df_angle_rad", "<f4"),
)
POSES = (("alignments3D/pose", "<f4", (3,)), ("alignments3D/shift", "<f4", (2,)), ("alignments3D/psize_A", "<f4"))
OPTIONAL = (
    ("uid", "<u8"),
    ("blob/sign", "<f4"),
    ("ctf/exp_group_id", "<u4"),
    ("ctf/phase_shift_rad", "<f4"),
    ("ctf/tilt_A", "<f4", (2,)),
    ("ctf/trefoil_A", "<f4", (2,)),
    ("ctf/tetra_A", "<f4", (4,)),
    ("ctf/anisomag", "<f4", (4,)),
    ("ctf/shift_A", "<f4", (2,)),
    ("ctf/bfactor", "<f4"),
    ("alignments3D/split", "<u4"),
    ("alignments3D/class", "<u4"),
    ("alignments3D/class_posterior", "<f4"),
    ("blob/import_sig", "<u8"),
    ("ctf/type", "S"),
    ("sym_expand/src_uid", "<u8"),
    ("filament/filament_uid", "<u8"),
)
LOCATION = (
    ("location/micrograph_uid", "<u8"),
    ("location/exp_group_id", "<u4"),
    ("location/micrograph_path", "S"),
    ("location/micrograph_shape", "<u4", (2,)),
    ("location/center_x_frac", "<f4"),
    ("location/center_y_frac", "<f4"),
    ("location/micrograph_psize_A", "<f4"),
)
REQUIRED = tuple(field[0] for field in (*IMAGES, *CTF))
NEEDED = frozenset((*REQUIRED, *(field[0] for field in POSES)))
_FORMS: Dict[str, Tuple[Any, ...]] = {field[0]: field for field in (*IMAGES, *CTF, *POSES, *OPTIONAL, *LOCATION)}
KNOWN = frozenset(_FORMS)  # by this program's readers


def check_fields(rows: np.ndarray, source: str) -> None:
    """Refuse known fields, and alignments, of another form than cryoSPARC gives them.

    Parameters
    ----------
    rows : structured array
    source : str

    Raises
    ------
    InputError
    """
    for name in rows.dtype.names:
        _, kind, *shape = _FORMS.get(name, (name, "<f4"))
        if name not in _FORMS and not name.startswith("alignments"):
            continue
        is_text = rows.dtype[name].base.kind in "SU"
        if is_text != (kind == "S") or not (is_text or rows.dtype[name].base.kind in "iufb"):
            raise InputError(
                f"{source}: {name} is of type {rows.dtype[name].base}; expected {'text' if kind == 'S' else 'numbers'}. "
                f"Write the file again from cryoSPARC."
            )
        if name in _FORMS:
            given_shape(rows[name], name, shape[0] if shape else (), source)


def form_of(name: str) -> str:
    """NumPy's type of a number's field as cryoSPARC has it, or 'S' for text."""
    return _FORMS.get(name, (name, "<f4"))[1]


def texts(rows: np.ndarray, name: str) -> List[str]:
    """Values of a field of text, bytes or Unicode, as list of str.

    Parameters
    ----------
    rows : (N,) structured array
    name : str
        Of the field.
    """
    values = rows[name].tolist()
    return values if rows.dtype[name].kind == "U" else [value.decode("utf-8", "surrogateescape") for value in values]


def paths(rows: np.ndarray, name: str) -> List[str]:
    """Paths as list of str, without the '>' that cryoSPARC marks paths of its project with.

    Parameters
    ----------
    rows : (N,) structured array
    name : str
        Of the field.
    """
    return [path[1:] if path.startswith(">") else path for path in texts(rows, name)]


def given_shape(values: np.ndarray, name: str, shape: Tuple[int, ...], source: str) -> np.ndarray:
    """Values (N, …) of a field that must have numbers of one shape in every row.

    Parameters
    ----------
    values : (N, …) float
    name : str
        Of the field, for the message.
    shape : tuple of int
        Expected of one row, () for a single number.
    source : str
        File, for the message.

    Raises
    ------
    InputError
    """
    if values.shape[1:] != shape:
        raise InputError(
            f"{source}: {name} has {int(np.prod(values.shape[1:]))} numbers in every row; expected {int(np.prod(shape))}. "
            f"Write the file again from cryoSPARC."
        )
    return values


def text_field(values: Sequence[str]) -> np.ndarray:
    """Texts as cryoSPARC keeps them, (N,) bytes."""
    return np.array([os.fsencode(value) for value in values] or [b""], dtype="S")[: len(values)]


def finite(rows: np.ndarray, name: str, source: str) -> np.ndarray:
    """Values of a field as finite float.

    Parameters
    ----------
    rows : (N,) structured array
    name : str
        Of the field.
    source : str
        File, for the message.

    Raises
    ------
    InputError
        A value that is none, with its row.
    """
    values = rows[name].astype(float)
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if len(bad):
        raise InputError(f"{source}, row {bad[0] + 1}: {name} is {values[bad[0]]}; expected finite numbers. Remove this row.")
    return values


def kept_uids(block: StarBlock) -> np.ndarray:
    """The uids (N,) uint64 that the rows of a table have kept; refuses what is none."""
    texts = block.strings(UID_LABEL)
    wrong = [row for row, text in enumerate(texts) if not (text.isdigit() and int(text) < 2**64)]
    if wrong:
        raise InputError(
            f"{block.where(wrong[0])}: {UID_LABEL} is '{texts[wrong[0]]}'; expected a whole number. Remove the column."
        )
    return np.array([int(text) for text in texts], np.uint64)


def hashed(names: Iterable[str]) -> np.ndarray:
    """Numbers (N,) uint64 made of texts."""
    digests = [hashlib.blake2b(os.fsencode(name), digest_size=8).digest() for name in names]
    return np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64)
