"""Which optics group each particle belongs to, in files where that was broken by joining, converting or editing."""

from typing import List, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.star import StarBlock, text_column

NUMBER, NAME = "rlnOpticsGroup", "rlnOpticsGroupName"
_MOST_SHOWN = 3  # columns in which two rows of one number differ


def numbered_groups(optics: StarBlock, particles: StarBlock) -> Tuple[StarBlock, StarBlock]:
    """Optics table and particles with a number for every group and particle.

    An optics table of one row without a number is the group of all particles. Particles may name their group instead of
    giving its number.

    Parameters
    ----------
    optics, particles : StarBlock

    Returns
    -------
    tuple of StarBlock
        The same two, with rlnOpticsGroup.

    Raises
    ------
    InputError
        Groups or particles without a number, a number that stands in two rows, a group that is not there.
    """
    optics = _with_numbers(optics, particles)
    _refuse_twice(optics)
    return optics, _with_groups(particles, optics)


def _has(block: StarBlock, label: str) -> bool:
    return label in block and not block.missing(label).all()


def _with_numbers(optics: StarBlock, particles: StarBlock) -> StarBlock:
    """The optics table with a number in every row."""
    if _has(optics, NUMBER):
        lost = np.flatnonzero(optics.missing(NUMBER))
        if len(lost) and len(optics) > 1:
            raise InputError(
                f"{optics.where(lost[0])}: {NUMBER} is missing; the other groups have one. Write the number that its particles "
                "have."
            )
        return optics
    if len(optics) == 1:
        numbers = [_only_number(particles)]
    elif _has(optics, NAME) and _named(particles):
        numbers = list(range(1, len(optics) + 1))
    else:
        raise InputError(
            f"{optics.source}, data_optics: column {NUMBER} is missing, and there are {len(optics)} rows: which particles "
            f"belong to which is not known. Write {NUMBER} in every row."
        )
    return optics.with_columns(dict(optics.columns, **{NUMBER: text_column(numbers)}))


def _named(particles: StarBlock) -> bool:
    """Whether particles say their group by its name."""
    if _has(particles, NUMBER):
        given = particles.subset(~particles.missing(NUMBER))
        return not all(map(_is_number, set(given.strings(NUMBER))))
    return _has(particles, NAME)


def _only_number(particles: StarBlock) -> int:
    """The group's number that all particles have, 1 where they have none."""
    if not _has(particles, NUMBER) or _named(particles):
        return 1
    found = np.unique(particles.subset(~particles.missing(NUMBER)).integers(NUMBER))
    if len(found) > 1:
        raise InputError(
            f"{particles.source}: data_particles has the optics groups {', '.join(map(str, found))}, but data_optics only one "
            f"row, without {NUMBER}. Add the other groups."
        )
    return found[0]


def _refuse_twice(optics: StarBlock) -> None:
    numbers = optics.integers(NUMBER)
    for row, number in enumerate(numbers):
        first = int(np.flatnonzero(numbers == number)[0])
        if first != row:
            differ = [
                f"{label} {text[first].decode('utf-8', 'replace')} and {text[row].decode('utf-8', 'replace')}"
                for label, text in optics.columns.items()
                if label != NUMBER and text[first] != text[row]
            ]
            advice = (
                f"{', '.join(differ[:_MOST_SHOWN])}. Give each data set a number of its own, there and in data_particles."
                if differ
                else "the two are equal. Remove one."
            )
            rows = f"{first + 1} and {row + 1}"
            raise InputError(f"{optics.where(row)}: optics group {number} stands in two rows ({rows}): {advice}")


def _with_groups(particles: StarBlock, optics: StarBlock) -> StarBlock:
    """The particles with a number each."""
    if _named(particles):
        numbers = _numbers_by_name(particles, NUMBER if _has(particles, NUMBER) else NAME, optics)
        return particles.with_columns(dict(particles.columns, **{NUMBER: text_column(numbers)}))
    if len(optics) == 1:
        missing = particles.missing(NUMBER) if NUMBER in particles else np.ones(len(particles), bool)
        if missing.any():
            own = particles.columns.get(NUMBER, np.zeros(len(particles), "S1"))
            filled = np.where(missing, text_column(optics.integers(NUMBER)), own)
            return particles.with_columns(dict(particles.columns, **{NUMBER: filled}))
    return particles


def _numbers_by_name(particles: StarBlock, label: str, optics: StarBlock) -> List[int]:
    """Numbers (N,) of the groups whose names, or numbers, the particles have in a column."""
    numbers = optics.integers(NUMBER)
    known = {str(number): number for number in numbers}
    names = optics.strings(NAME) if NAME in optics else []
    for name, number in zip(names, numbers):
        if names.count(name) == 1:
            known[name] = number
    wanted = particles.strings(label)
    lost = next((row for row, name in enumerate(wanted) if name not in known), None)
    if lost is not None:
        times = names.count(wanted[lost])
        raise InputError(
            f"{particles.where(lost)}: {label} is '{wanted[lost]}', "
            + (f"which {times} groups of data_optics are called" if times else f"but data_optics has only {', '.join(known)}")
            + ". Write the number of the group."
        )
    return [known[name] for name in wanted]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
