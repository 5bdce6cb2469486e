"""STAR files as tables of text, so that what is not understood survives unchanged.

The reader follows RELION's own rules (one row per line, values split at blanks) because the libraries at hand either
turn text into numbers ('0003' into 3) or stop at names that CIF reserves ('data_1/mic.mrc'). Of STAR's own rules it has quotes,
comments after values and keywords in any case; line ends and the encoding may be those of any system.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Dict, Iterable, Iterator, List, Mapping, Tuple

import numpy as np
from numpy.typing import ArrayLike

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.particles.optics import Index
from gmmrefine.particles.stack_file import compression
from gmmrefine.regular_file import FilePath, open_regular

ROWS_AT_A_TIME = 4096
RELION_31 = 30001
NONE = b"<NA>"
# what programs write where a value is missing, without quotes and in lower case
_NONE_TEXTS = ("<na>", "none", "nan", "-nan", "null", "na", "n/a", ".", "?", "")
_VALUES = re.compile(rb"""'.*?'(?=\s|$)|".*?"(?=\s|$)|\S+""")
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_SNIFFED = 1 << 16
_LARGEST_WHOLE = 2**53  # beyond, floating numbers are not exact
_NEED_QUOTES = ("#", "_", "'", '"', ";")  # at the beginning of a value


@dataclass(frozen=True, eq=False)
class StarBlock:
    """One ``data_`` block.

    Parameters
    ----------
    name : str
        What follows ``data_``.
    columns : dict of str to (R,) bytes
        Text of every value as it stands in the file (quotes included), by label without the leading underscore.
    is_loop : bool
        A table; otherwise label-value pairs, R = 1.
    source : str
        File it came from, for messages.
    version : int
        RELION's file version.
    """

    name: str
    columns: Dict[str, np.ndarray] = field(repr=False)
    is_loop: bool = True
    source: str = ""
    version: int = RELION_31

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __contains__(self, label: str) -> bool:
        return label in self.columns

    def subset(self, index: Index) -> "StarBlock":
        """Some of the rows, by index or mask (R,)."""
        return self.with_columns({label: text[index] for label, text in self.columns.items()})

    def with_columns(self, columns: Dict[str, np.ndarray]) -> "StarBlock":
        """The same block with other columns."""
        return StarBlock(self.name, columns, self.is_loop, self.source, self.version)

    def strings(self, label: str) -> List[str]:
        """Values of a column without quotes, list of str."""
        return [text.decode("utf-8", "surrogateescape") for text in _unquoted(self.columns[label].tolist())]

    def numbers(self, label: str) -> np.ndarray:
        """Values of a column as finite numbers, (R,) float.

        Raises
        ------
        InputError
            A value that is not a finite number, with its row.
        """
        text = self.columns[label]
        try:
            values = text.astype(float)
        except ValueError:
            values = np.array([_number_or_nan(value) for value in text.tolist()])
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            found = text[bad[0]].decode("utf-8", "replace")
            raise InputError(
                f"{self.where(bad[0])}: {label} is '{found}'; expected a finite number. Correct or remove this row."
            )
        return values

    def optional_numbers(self, label: str) -> np.ndarray:
        """Values of a column of which some may be missing, (R,) float; NaN where it is as ``missing`` says."""
        text = self.columns[label]
        try:
            values = text.astype(float)
        except ValueError:
            missing = self.missing(label)
            values = np.where(missing, np.nan, self.with_columns({label: np.where(missing, b"0", text)}).numbers(label))
        if np.isinf(values).any():
            self.numbers(label)  # says where
        return values

    def missing(self, label: str) -> np.ndarray:
        """Where a column has no value, (R,) bool: ``<NA>``, ``None``, ``nan``, an empty text and the like."""
        different, index = np.unique(self.columns[label], return_inverse=True)
        none = [is_none(text.decode("latin-1")) for text in _unquoted(different.tolist())]
        return np.array(none, bool)[index.ravel()]

    def integers(self, label: str) -> np.ndarray:
        """Values of a column as whole numbers, (R,) int."""
        values = self.numbers(label)
        bad = np.flatnonzero((values != np.round(values)) | (np.abs(values) > _LARGEST_WHOLE))
        if len(bad):
            raise InputError(f"{self.where(bad[0])}: {label} is {values[bad[0]]:g}; expected a whole number.")
        return values.astype(int)

    def where(self, row: int) -> str:
        """Place in the file for messages; ``row`` counts from 0, the text from 1."""
        return f"{self.source}, data_{self.name}, row {row + 1}"


def is_none(text: str) -> bool:
    """Whether the text of a value, without quotes, says that there is none."""
    return text.lower() in _NONE_TEXTS


def text_column(values: ArrayLike, digits: int = 6) -> np.ndarray:
    """Values as STAR text, (R,) bytes: floats with fixed decimals, strings quoted where needed, bytes as they are.

    Parameters
    ----------
    values : (R,) array or list
    digits : int
        Decimals of floats.
    """
    values = np.asarray(values)
    if values.dtype.kind == "S":
        return values
    if values.dtype.kind == "f":
        return np.char.mod(f"%.{digits}f", values).astype("S")
    if values.dtype.kind in "iub":
        return values.astype(int).astype("S")
    return np.array([quoted(str(value)) for value in values.tolist()], dtype="S")


def text_columns(columns: Mapping[str, ArrayLike]) -> Dict[str, np.ndarray]:
    """Several columns as STAR text, dict of str to (R,) bytes."""
    return {label: text_column(values) for label, values in columns.items()}


def optional_column(values: ArrayLike, digits: int = 6) -> np.ndarray:
    """Numbers as STAR text, (R,) bytes; NaN stands for none and is written ``<NA>``, as STAR readers of Python expect it.

    Parameters
    ----------
    values : (R,) float
    digits : int
        Decimals.
    """
    values = np.asarray(values, float)
    return np.where(np.isnan(values), NONE, text_column(values, digits))


def exact_column(values: ArrayLike) -> np.ndarray:
    """Numbers as the shortest STAR text that reads back to the same number, (R,) bytes."""
    return np.array([repr(value) for value in np.asarray(values).astype(float).tolist()], dtype="S")


def read_star(path: FilePath) -> Dict[str, StarBlock]:
    """All blocks of a STAR file.

    Returns
    -------
    dict of str to StarBlock
        By block name, in file order.

    Raises
    ------
    InputError
        Missing or unreadable file, not a STAR file, a row of another length than its header.
    """
    blocks, builder, version = {}, None, RELION_31
    for number, line in _lines(path):
        if line.startswith(b"# version"):
            version = max(RELION_31, _version(line))
        words = _split(line)
        if not words:
            continue
        if len(words) == 1 and words[0][:5].lower() == b"data_":
            builder = _BlockBuilder(words[0][5:].decode("utf-8", "replace"), str(path), version)
            if builder.name in blocks:
                raise InputError(f"{path}, line {number}: a second block data_{builder.name}; rename one.")
            blocks[builder.name] = builder
        elif builder is None:
            raise InputError(f"{path} is not a STAR file: line {number} comes before any data_ block.")
        else:
            builder.add(words, number)
    if not blocks:
        raise InputError(f"{path} is not a STAR file: it has no data_ block.")
    return {name: builder.block() for name, builder in blocks.items()}


def _lines(path: FilePath) -> Iterator[Tuple[int, bytes]]:
    """Lines of a file, (number from 1, bytes) without blanks at the ends, whatever system wrote it."""
    try:
        with open_regular(path) as file:
            head = file.read(_SNIFFED)
            packed = compression(head)
            if packed:
                raise InputError(f"{path}: {packed} and give the unpacked file.")
            if head.startswith(_UTF16_MARKS):
                text = (head + file.read()).decode("utf-16", "replace")
                lines: Iterable[bytes] = text.encode().splitlines()
            elif b"\r" in head and b"\n" not in head:
                lines = (head + file.read()).split(b"\r")
            else:
                file.seek(0)
                lines = file
            for number, line in enumerate(lines, 1):
                yield number, (line[len(_UTF8_MARK) :] if line.startswith(_UTF8_MARK) else line).strip()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error


def write_star(path: FilePath, blocks: Iterable[StarBlock], comment: str = "") -> None:
    """Write blocks as one STAR file, whole or not at all; the same blocks give the same bytes.

    Parameters
    ----------
    path : str or Path
    blocks : iterable of StarBlock
    comment : str
        A line at the top.
    """
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        if comment:
            file.write(f"# {comment}\n".encode())
        for block in blocks:
            file.write(f"\n# version {block.version}\n\ndata_{block.name}\n\n".encode())
            if block.is_loop:
                _write_loop(file, block)
            else:
                for label, text in block.columns.items():
                    file.write(f"_{label} ".encode() + text[0] + b"\n")
            file.write(b"\n")


def folder_of(path: FilePath) -> Path:
    """Absolute folder of a file."""
    return Path(path).absolute().parent


def quoted(text: str) -> bytes:
    """One value as STAR text, bytes, in quotes when it is empty, has blanks or would be taken for something else."""
    if not text or text.startswith(_NEED_QUOTES) or any(c.isspace() for c in text):
        mark = "'" if '"' in text else '"'
        text = f"{mark}{text}{mark}"
    return text.encode("utf-8", "surrogateescape")


class _BlockBuilder:
    """Collects the lines of one block; rows are packed into byte arrays as they come, to save memory."""

    def __init__(self, name: str, source: str, version: int) -> None:
        self.name, self.source, self.version = name, source, version
        self.labels: Dict[str, None] = {}  # in order; a dict finds one among many
        self.rows: List[List[bytes]] = []
        self.packed: List[List[np.ndarray]] = []
        self.is_loop = False

    def add(self, words: List[bytes], number: int) -> None:
        first = words[0]
        if first.lower() == b"loop_":
            if self.labels:
                raise InputError(f"{self.source}, line {number}: a second loop_ in data_{self.name}; expected one table.")
            self.is_loop = True
            for word in words[1:]:
                self._add_label([word], number)
        elif first.startswith(b"_") and not (self.is_loop and (self.rows or self.packed)):
            self._add_label(words, number)
        elif not self.is_loop:
            raise InputError(f"{self.source}, line {number}: expected '_label value' or loop_ in data_{self.name}.")
        else:
            self._add_row(words, number)

    def _add_label(self, words: List[bytes], number: int) -> None:
        label = words[0][1:].decode("utf-8", "replace")
        if label in self.labels:
            raise InputError(f"{self.source}, line {number}: column {label} appears twice in data_{self.name}.")
        self.labels[label] = None
        if not self.is_loop:
            if len(words) < 2:
                raise InputError(f"{self.source}, line {number}: {label} has no value.")
            value = words[1] if len(words) == 2 else b'"' + b" ".join(words[1:]) + b'"'
            self.rows = self.rows or [[]]
            self.rows[0].append(value)

    def _add_row(self, values: List[bytes], number: int) -> None:
        if len(values) != len(self.labels):
            row = sum(len(chunk[0]) for chunk in self.packed) + len(self.rows) + 1
            raise InputError(
                f"{self.source}, line {number}: row {row} of data_{self.name} has {len(values)} values for "
                f"{len(self.labels)} columns. The file is damaged or cut off; write it again."
            )
        self.rows.append(values)
        if len(self.rows) == ROWS_AT_A_TIME:
            self._pack()

    def _pack(self) -> None:
        self.packed.append([np.array(column, dtype="S") for column in zip(*self.rows)])
        self.rows = []

    def block(self) -> StarBlock:
        if self.rows:
            self._pack()
        empty = np.zeros(0, dtype="S1")
        columns = [np.concatenate(chunks) for chunks in zip(*self.packed)] or [empty] * len(self.labels)
        return StarBlock(self.name, dict(zip(self.labels, columns)), self.is_loop, self.source, self.version)


def _write_loop(file: BinaryIO, block: StarBlock) -> None:
    file.write(b"loop_\n")
    for position, label in enumerate(block.columns, 1):
        file.write(f"_{label} #{position}\n".encode())
    columns = list(block.columns.values())
    for start in range(0, len(block), ROWS_AT_A_TIME):
        rows = zip(*(column[start : start + ROWS_AT_A_TIME].tolist() for column in columns))
        file.write(b"".join(b" ".join(row) + b"\n" for row in rows))


def _split(line: bytes) -> List[bytes]:
    """Values of a line, without a comment: what begins with # after a blank."""
    words = _VALUES.findall(line) if b"'" in line or b'"' in line else line.split()
    if b"#" in line:
        return words[: next((place for place, word in enumerate(words) if word.startswith(b"#")), None)]
    return words


def _version(line: bytes) -> int:
    word = line.split()[-1]
    return int(word) if word.isdigit() else 0


def _unquoted(values: Iterable[bytes]) -> Iterator[bytes]:
    return (
        value[1:-1] if value[:1] in (b"'", b'"') and len(value) > 1 and value[:1] == value[-1:] else value for value in values
    )


def _number_or_nan(value: bytes) -> float:
    try:
        return float(next(_unquoted([value])))
    except ValueError:
        return float("nan")
