"""What the columns of a particle table mean, each checked once; every message names file, row and column."""

import os
from typing import Optional, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import rotations_from_euler
from gmmrefine.io.particle_table import ParticleTable, require
from gmmrefine.io.stacks import missing_stack, stack_header
from gmmrefine.io.star import StarBlock
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, CTF_RAW, CtfParameters

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")
DEFOCUS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
USUAL_AMPLITUDE_CONTRAST = 0.1


def rotations(block: StarBlock) -> np.ndarray:
    """Rotations (N, 3, 3), reference → particle, of rlnAngleRot, Tilt and Psi."""
    if "rlnAnglePsi" in block and not any(label in block for label in ANGLES[:2]):
        raise InputError(
            f"{block.source}: particles have in-plane angles only (2D classification); rlnAngleRot and rlnAngleTilt "
            f"are missing. Run a 3D refinement first."
        )
    require(block, ANGLES, "the orientation of each particle")
    return rotations_from_euler(np.column_stack([block.numbers(label) for label in ANGLES]))


def shifts(block: StarBlock, pixel_size: np.ndarray) -> np.ndarray:
    """Shifts (N, 2) in Å of rlnOriginXAngst, YAngst, or of rlnOriginX, Y in px; 0 when the table has neither.

    Parameters
    ----------
    block : StarBlock
        N particles.
    pixel_size : (N,) float
        Å/px of the images.
    """
    values = np.zeros((len(block), 2))
    for axis, label in enumerate(ORIGINS):
        in_pixels = label.replace("Angst", "")
        found = [
            block.optional_numbers(name) * scale
            for name, scale in ((label, 1.0), (in_pixels, pixel_size))
            if name in block and not block.missing(name).all()
        ]
        if found:
            values[:, axis] = np.where(np.isnan(found[0]), found[-1], found[0])
        lost = np.flatnonzero(np.isnan(values[:, axis]))
        if len(lost):
            raise InputError(
                f"{block.where(lost[0])}: {label} has no value ({len(lost)} of {len(block)} rows). Remove these particles, or "
                "write 0 where they are centred."
            )
    return values


def half_sets(block: StarBlock) -> np.ndarray:
    """Half sets (N,) of rlnRandomSubset: 1 or 2, or 0 for all particles when none is known."""
    if "rlnRandomSubset" not in block:
        return np.zeros(len(block), int)
    missing = block.missing("rlnRandomSubset")
    given = np.where(missing, b"0", block.columns["rlnRandomSubset"])
    half_set = block.with_columns({"rlnRandomSubset": given}).integers("rlnRandomSubset")
    wrong = np.flatnonzero(~np.isin(half_set, (0, 1, 2)))
    if len(wrong):
        raise InputError(
            f"{block.where(wrong[0])}: rlnRandomSubset is {half_set[wrong[0]]}; expected 1 or 2. Correct the column."
        )
    unknown = np.flatnonzero(half_set == 0)
    if 0 < len(unknown) < len(block):
        raise InputError(
            f"{block.where(unknown[0])}: rlnRandomSubset is {'missing' if missing[unknown[0]] else 0} ({len(unknown)} of "
            f"{len(block)} rows); expected 1 or 2. "
            f"Remove these particles or give them the half set of the upstream refinement."
        )
    return half_set


def ctf(table: ParticleTable, optics_rows: np.ndarray) -> Tuple[CtfParameters, Tuple[str, ...]]:
    """CTF of every particle, and notes on values that had to be assumed.

    Parameters
    ----------
    table : ParticleTable
    optics_rows : (N,) int
        Row in the optics table of every particle.
    """
    block = table.particles
    require(block, DEFOCUS, "the CTF of each particle")
    defocus = {label: block.numbers(label) for label in DEFOCUS}
    for label in DEFOCUS[:2]:
        below = np.flatnonzero(defocus[label] < 0)
        if len(below):
            raise InputError(
                f"{block.where(below[0])}: {label} is {defocus[label][below[0]]:g} Å; RELION's defocus is positive for "
                f"underfocus. Multiply by -1 if your program counts the other way, else remove this particle."
            )
    voltage = _optics_value(table, optics_rows, "rlnVoltage", (1, 2000), "kV")
    cs = _optics_value(table, optics_rows, "rlnSphericalAberration", (0, 100), "mm")
    contrast = _optics_value(table, optics_rows, "rlnAmplitudeContrast", (0, 1), "", default=USUAL_AMPLITUDE_CONTRAST)
    given = table.optional("rlnAmplitudeContrast", optics_rows)
    notes: Tuple[str, ...] = ()
    if given is None or np.isnan(given).any():
        some = "" if given is None else f" for {np.isnan(given).sum()} of {len(given)} particles"
        notes = (f"{block.source} has no rlnAmplitudeContrast{some}; {USUAL_AMPLITUDE_CONTRAST} is assumed.",)
    flipped = table.numbers("rlnCtfDataArePhaseFlipped", optics_rows, default=0)
    premultiplied = table.numbers("rlnCtfDataAreCtfPremultiplied", optics_rows, default=0)
    state = np.where(premultiplied > 0, CTF_PREMULTIPLIED, np.where(flipped > 0, CTF_PHASE_FLIPPED, CTF_RAW))
    phase_shift = table.numbers("rlnPhaseShift", optics_rows, default=0)
    u, v, angle = defocus.values()
    return CtfParameters(u, v, angle, phase_shift, voltage, cs, contrast, state), notes


def _optics_value(
    table: ParticleTable,
    optics_rows: np.ndarray,
    label: str,
    limits: Tuple[float, float],
    unit: str,
    *,
    default: Optional[float] = None,
) -> np.ndarray:
    """Values (N,) of a column that every particle needs, within limits."""
    lowest, highest = limits
    values = table.numbers(label, optics_rows) if default is None else table.numbers(label, optics_rows, default)
    if values is None:
        raise InputError(
            f"{table.source}: {label} is in neither data_optics nor data_particles. Add the value of the microscope."
        )
    wrong = np.flatnonzero((values < lowest) | (values > highest))
    if len(wrong):
        raise InputError(
            f"{table.particles.where(wrong[0])}: {label} is {values[wrong[0]]:g} {unit}; expected {lowest} to "
            f"{highest}. Correct the optics group."
        )
    return values


def box_sizes(table: ParticleTable, optics_rows: np.ndarray, stacks: Sequence[str], stack_index: np.ndarray) -> np.ndarray:
    """Box of every particle, (N,) in px, from rlnImageSize or else the headers of the stacks.

    Parameters
    ----------
    table : ParticleTable
    optics_rows : (N,) int
        Row in the optics table of every particle.
    stacks : sequence of str
        Paths.
    stack_index : (N,) int
        Which of them holds the particle.
    """
    told = table.optional("rlnImageSize", optics_rows)
    values = np.full(len(optics_rows), np.nan) if told is None else told
    unknown = np.isnan(values)
    if unknown.any():
        values = np.where(unknown, _box_of_stacks(table, stacks, stack_index, unknown), values)
    wrong = np.flatnonzero((values < 2) | (values != np.rint(values)))
    if len(wrong):
        raise InputError(
            f"{table.particles.where(wrong[0])}: rlnImageSize is {values[wrong[0]]:g} px; expected a whole number of at least "
            "2. Correct the optics group."
        )
    return values.astype(int)


def _box_of_stacks(table: ParticleTable, stacks: Sequence[str], stack_index: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Side in px of the images (N,) float, by the headers of the stacks of those that are ``wanted`` (N,) bool; else 0."""
    sides = np.zeros(len(stacks))
    for number in np.unique(stack_index[wanted]):
        stack = stacks[number]
        if not os.path.isfile(stack):
            raise InputError(missing_stack(table, np.flatnonzero(wanted & (stack_index == number))[0], stack))
        rows, columns = stack_header(stack)[2:4]
        if rows != columns:
            raise InputError(
                f"{table.source}: images of {stack} are {columns}×{rows} px; expected a square. Extract with one box."
            )
        sides[number] = rows
    return sides[stack_index]
