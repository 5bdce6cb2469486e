"""Marks by which the input of a run is known again: hashes of files, stacks and half sets."""

import hashlib
import os
from collections import Counter
from typing import List, Sequence

from gmmrefine.errors import InputError
from gmmrefine.regular_file import FilePath, open_regular

_BLOCK_BYTES, SAMPLED_BLOCKS = 1 << 18, 64  # read of a stack: 16 MB, evenly spread
READ_WHOLE = _BLOCK_BYTES * SAMPLED_BLOCKS  # bytes; stacks up to this are read whole


def file_hash(path: FilePath) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    return digest.hexdigest()


def stack_mark(path: FilePath) -> str:
    """Size of an image stack and SHA-256 of blocks spread evenly over it, the first and last ones included.

    Of stacks of up to 16 MB that is all of them; in larger ones a change between two blocks is not seen.
    """
    size, digest = os.path.getsize(path), hashlib.sha256()
    with open(path, "rb") as file:
        if size <= READ_WHOLE:
            digest.update(file.read())
        else:
            for block in range(SAMPLED_BLOCKS):
                file.seek(block * (size - _BLOCK_BYTES) // (SAMPLED_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return f"{size} {digest.hexdigest()}"


def different_names(paths: Sequence[str]) -> List[str]:
    """Names of stacks, each with as few of its folders as tell it from the others, list of str."""
    parts = [os.path.abspath(path).split(os.sep)[::-1] for path in paths]
    names, depth = [each[0] for each in parts], 1
    while len(set(names)) < len(set(paths)) and depth < max(map(len, parts)):
        depth += 1
        count = Counter(names)
        names = [os.sep.join(each[depth - 1 :: -1]) if count[name] > 1 else name for name, each in zip(names, parts)]
    return names
