"""Files of cryoSPARC's datasets (.cs) as arrays of rows, and rows as files."""

import io
import tokenize
import warnings
from typing import Any, Callable, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.cryosparc_fields import check_fields
from gmmrefine.io.cryosparc_stream import MAGIC, rows_of_stream
from gmmrefine.regular_file import FilePath, open_regular

_ANY_HEADER = 1024**3  # bytes, as cryosparc-tools takes them: a hundred classes need more than NumPy reads unasked
_DAMAGED = (
    ValueError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    SyntaxError,
    MemoryError,
    OverflowError,
    RecursionError,
    tokenize.TokenError,
)  # what NumPy raises when bytes of a header are not what they were
_read_array: Callable[..., np.ndarray] = np.lib.format.read_array  # its own hints do not know the size of the header


def read_rows(path: FilePath) -> np.ndarray:
    """The rows of a ``.cs`` file, in NumPy's or in cryosparc-tools' stream form.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    (N,) structured array
        At least one row; known fields have the form that cryoSPARC gives them.

    Raises
    ------
    InputError
        Unreadable, damaged, empty, or not such a file.
    """
    try:
        with open_regular(path) as file:
            data = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error
    if data.startswith(MAGIC):
        rows = _stream(path, data)
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of headers as Python 2 wrote them
                rows = _read_array(io.BytesIO(data), allow_pickle=False, max_header_size=_ANY_HEADER)
        except _DAMAGED as error:
            raise InputError(f"{path} is not a whole cryoSPARC .cs file ({_one_line(error)}). Copy it again.") from error
    if rows.dtype.names is None or rows.ndim != 1:
        raise InputError(f"{path} is not a cryoSPARC .cs file: it holds no table of fields.")
    if len(rows) == 0:
        raise InputError(f"{path} is empty. Select particles before this step.")
    check_fields(rows, str(path))
    return rows


def write_rows(path: FilePath, rows: np.ndarray) -> None:
    """Write rows as ``.cs`` in NumPy's form, which every reader knows, whole or not at all."""
    buffer = io.BytesIO()  # NumPy's own writing to a file hides the reason when the disk is full
    np.save(buffer, rows, allow_pickle=False)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(buffer.getbuffer())


def with_fields(rows: np.ndarray, fields: Sequence[Tuple[Any, ...]]) -> np.ndarray:
    """A copy of ``rows``, packed, with further fields, zero where they are new.

    Parameters
    ----------
    rows : (N,) structured array
    fields : list of tuple
        As in a NumPy dtype; those that ``rows`` has are left out.
    """
    old = [(name, rows.dtype[name]) for name in rows.dtype.names]
    extended = np.zeros(len(rows), old + [field for field in fields if field[0] not in rows.dtype.names])
    for name in rows.dtype.names:
        extended[name] = rows[name]
    return extended


def _stream(path: FilePath, data: bytes) -> np.ndarray:
    try:
        return rows_of_stream(data)
    except ValueError as error:
        raise InputError(
            f"{path}: in cryosparc-tools' stream form (CSDAT), but it cannot be read ({_one_line(error)}). Save it in NumPy's "
            f"form: Dataset.load(file).save(file)."
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
