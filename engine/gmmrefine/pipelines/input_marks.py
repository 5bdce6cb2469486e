"""Marks by which the input of a run is known again: hashes of files, stacks and half sets."""
import hashlib
import os

from gmmrefine.errors import InputError

_MARK_BYTES = 1 << 16


def file_hash(path):
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    return digest.hexdigest()


def stack_mark(path):
    """Size of an image stack and SHA-256 of its header and first pixels; stacks are too large to read whole."""
    with open(path, "rb") as file:
        return f"{os.path.getsize(path)} {hashlib.sha256(file.read(_MARK_BYTES)).hexdigest()}"


def different_names(paths):
    """Names of stacks without folders; of several with one name the later ones have a number."""
    seen, names = {}, []
    for name in map(os.path.basename, paths):
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def half_set_hash(particles):
    """SHA-256 of which image is in which half, independent of order; symmetry copies of an image are one."""
    lines = sorted({
        f"{os.path.basename(particles.stacks[stack])} {image} {half}"
        for stack, image, half in zip(particles.stack_index, particles.slice_index, particles.half_set)})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
