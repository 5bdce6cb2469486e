"""cryosparc-tools' stream form of a dataset (``Dataset.save(path, format=CSDAT_FORMAT)``), read as an array of rows.

After the magic bytes come the length of a JSON header and the header (number of rows, type of every column, which columns are
compressed by LZ4), then every column behind its length, and the texts, each ended by a zero; a column of text holds where each
begins. Lengths are little-endian, 32 bits.
"""

import json
from typing import Tuple

import numpy as np

MAGIC = b"\x95CSDAT"
_TEXT = "|O"
_COMPRESSION = "lz4"
_SHORTEST_MATCH = 4


def rows_of_stream(data: bytes) -> np.ndarray:
    """The rows of a dataset in stream form.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    (N,) structured array

    Raises
    ------
    ValueError
        Not such a stream, or damaged.
    """
    text, position = _part(data, len(MAGIC))
    try:
        header = json.loads(text)
        count, packed = int(header["length"]), set(header["compressed_fields"])
        names = [field[0] for field in header["dtype"]]
        types = [
            np.dtype("<u8") if field[1] == _TEXT else np.dtype((field[1], tuple(field[2]) if field[2:] else ()))
            for field in header["dtype"]
        ]
    except (KeyError, IndexError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its header is damaged: {error}") from error
    if packed and header.get("compression") != _COMPRESSION:
        raise ValueError(f"compressed by {header.get('compression')}, only {_COMPRESSION} is read")
    columns = []
    for name, dtype in zip(names, types):
        column, position = _part(data, position) if count else (b"", position)
        size = count * dtype.itemsize
        column = unpacked(column, size) if name in packed and count else column
        if len(column) != size:
            raise ValueError(f"column {name} has {len(column)} bytes for {count} rows")
        columns.append(np.frombuffer(column, dtype.base).reshape((count, *dtype.shape)))
    texts = [field[1] == _TEXT for field in header["dtype"]]
    values = [_texts(column, data[position:]) if text else column for column, text in zip(columns, texts)]
    rows = np.zeros(count, [(name, each.dtype, each.shape[1:]) for name, each in zip(names, values)])
    for name, each in zip(names, values):
        rows[name] = each
    return rows


def unpacked(block: bytes, size: int) -> bytes:
    """The content of a block that LZ4 has compressed (LZ4's block format, without frame).

    Parameters
    ----------
    block : bytes
    size : int
        Bytes of the content.

    Raises
    ------
    ValueError
        Damaged, or of another size.
    """
    out, position, end = bytearray(), 0, len(block)
    try:
        while position < end:
            token = block[position]
            count, position = _count(block, position + 1, token >> 4)
            out += block[position : position + count]
            position += count
            if position >= end:
                break
            back = block[position] | block[position + 1] << 8
            count, position = _count(block, position + 2, token & 15)
            start, count = len(out) - back, count + _SHORTEST_MATCH
            if start < 0 or back == 0 or len(out) + count > size:
                raise ValueError("a compressed column is damaged")
            piece = out[start : start + count]  # shorter than asked for where it runs into what it makes
            out += (piece * (count // len(piece) + 1))[:count]
    except IndexError as error:
        raise ValueError("a compressed column ends too early") from error
    if len(out) != size:
        raise ValueError(f"a compressed column holds {len(out)} bytes, expected {size}")
    return bytes(out)


def _count(block: bytes, position: int, count: int) -> Tuple[int, int]:
    """A length that goes on in further bytes as long as they are full, and the position behind it."""
    if count == 15:
        while block[position] == 255:
            count, position = count + 255, position + 1
        count, position = count + block[position], position + 1
    return count, position


def _part(data: bytes, position: int) -> Tuple[bytes, int]:
    """Bytes behind their length, and the position behind them."""
    length = int.from_bytes(data[position : position + 4], "little")
    part = data[position + 4 : position + 4 + length]
    if position + 4 > len(data) or len(part) < length:
        raise ValueError(f"{length} bytes were to follow at byte {position}, but the file ends")
    return part, position + 4 + length


def _texts(starts: np.ndarray, heap: bytes) -> np.ndarray:
    """Texts (N,) bytes by where they begin in the heap."""
    different, inverse = np.unique(starts, return_inverse=True)
    if len(different) and different[-1] >= len(heap):
        raise ValueError("a text lies behind the end of the file")
    texts = [heap[start : heap.index(b"\0", start)] for start in different.tolist()]
    return np.array(texts or [b""], dtype="S")[inverse.reshape(starts.shape)] if len(starts) else np.zeros(0, "S1")
