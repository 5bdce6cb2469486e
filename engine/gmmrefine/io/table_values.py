"""What the columns of a particle table mean, each checked once; every message names file, row and column."""
import os

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import rotations_from_euler
from gmmrefine.io.particle_table import require
from gmmrefine.io.pixel_sizes import pixel_sizes
from gmmrefine.io.stacks import missing_stack, stack_header
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, CTF_RAW, CtfParameters

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")
DEFOCUS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
SAME_PIXEL_SIZE = 1e-4
USUAL_AMPLITUDE_CONTRAST = 0.1


def rotations(block):
    """Rotations (N, 3, 3), reference → particle, of rlnAngleRot, Tilt and Psi."""
    if "rlnAnglePsi" in block and not any(label in block for label in ANGLES[:2]):
        raise InputError(
            f"{block.source}: particles have in-plane angles only (2D classification); rlnAngleRot and rlnAngleTilt "
            f"are missing. Run a 3D refinement first.")
    require(block, ANGLES, "the orientation of each particle")
    return rotations_from_euler(np.column_stack([block.numbers(label) for label in ANGLES]))


def shifts(block, pixel_size):
    """Shifts (N, 2) in Å of rlnOriginXAngst, YAngst, or of rlnOriginX, Y in px; 0 when the table has neither."""
    values = np.zeros((len(block), 2))
    for axis, label in enumerate(ORIGINS):
        in_pixels = label.replace("Angst", "")
        found = [
            block.optional_numbers(name) * scale
            for name, scale in ((label, 1.0), (in_pixels, pixel_size)) if name in block and not block.missing(name).all()]
        if found:
            values[:, axis] = np.where(np.isnan(found[0]), found[-1], found[0])
        lost = np.flatnonzero(np.isnan(values[:, axis]))
        if len(lost):
            raise InputError(
                f"{block.where(lost[0])}: {label} has no value ({len(lost)} of {len(block)} rows). Remove these particles, or "
                "write 0 where they are centred.")
    return values


def half_sets(block):
    """Half sets (N,) of rlnRandomSubset: 1 or 2, or 0 for all particles when none is known."""
    if "rlnRandomSubset" not in block:
        return np.zeros(len(block), int)
    missing = block.missing("rlnRandomSubset")
    given = np.where(missing, b"0", block.columns["rlnRandomSubset"])
    half_set = block.with_columns({"rlnRandomSubset": given}).integers("rlnRandomSubset")
    wrong = np.flatnonzero(~np.isin(half_set, (0, 1, 2)))
    if len(wrong):
        raise InputError(
            f"{block.where(wrong[0])}: rlnRandomSubset is {half_set[wrong[0]]}; expected 1 or 2. Correct the column.")
    unknown = np.flatnonzero(half_set == 0)
    if 0 < len(unknown) < len(block):
        raise InputError(
            f"{block.where(unknown[0])}: rlnRandomSubset is {'missing' if missing[unknown[0]] else 0} ({len(unknown)} of "
            f"{len(block)} rows); expected 1 or 2. "
            f"Remove these particles or give them the half set of the upstream refinement.")
    return half_set


def ctf(table, optics_rows):
    """CTF of every particle, and notes on values that had to be assumed."""
    block = table.particles
    require(block, DEFOCUS, "the CTF of each particle")
    defocus = {label: block.numbers(label) for label in DEFOCUS}
    for label in DEFOCUS[:2]:
        below = np.flatnonzero(defocus[label] < 0)
        if len(below):
            raise InputError(
                f"{block.where(below[0])}: {label} is {defocus[label][below[0]]:g} Å; RELION's defocus is positive for "
                f"underfocus. Multiply by -1 if your program counts the other way, else remove this particle.")
    voltage = _optics_value(table, optics_rows, "rlnVoltage", 1, 2000, "kV")
    cs = _optics_value(table, optics_rows, "rlnSphericalAberration", 0, 100, "mm")
    contrast = _optics_value(table, optics_rows, "rlnAmplitudeContrast", 0, 1, "", default=USUAL_AMPLITUDE_CONTRAST)
    given, notes = table.optional("rlnAmplitudeContrast", optics_rows), ()
    if given is None or np.isnan(given).any():
        some = "" if given is None else f" for {np.isnan(given).sum()} of {len(given)} particles"
        notes = (f"{block.source} has no rlnAmplitudeContrast{some}; {USUAL_AMPLITUDE_CONTRAST} is assumed.",)
    flipped = table.numbers("rlnCtfDataArePhaseFlipped", optics_rows, default=0)
    premultiplied = table.numbers("rlnCtfDataAreCtfPremultiplied", optics_rows, default=0)
    state = np.where(premultiplied > 0, CTF_PREMULTIPLIED, np.where(flipped > 0, CTF_PHASE_FLIPPED, CTF_RAW))
    phase_shift = table.numbers("rlnPhaseShift", optics_rows, default=0)
    return CtfParameters(*defocus.values(), phase_shift, voltage, cs, contrast, state), notes


def _optics_value(table, optics_rows, label, lowest, highest, unit, default=None):
    values = table.numbers(label, optics_rows, default)
    if values is None:
        raise InputError(
            f"{table.source}: {label} is in neither data_optics nor data_particles. Add the value of the microscope.")
    wrong = np.flatnonzero((values < lowest) | (values > highest))
    if len(wrong):
        raise InputError(
            f"{table.particles.where(wrong[0])}: {label} is {values[wrong[0]]:g} {unit}; expected {lowest} to "
            f"{highest}. Correct the optics group.")
    return values


def pixel_size(table, optics_rows):
    """The one pixel size of all particles, Å/px."""
    values = pixel_sizes(table.particles, table.optics, optics_rows)
    if np.ptp(values) > SAME_PIXEL_SIZE * values.min():
        raise InputError(_mixed(table, optics_rows, values, "pixel sizes", "Å/px"))
    return float(values[0])


def box_size(table, optics_rows, stacks, stack_index):
    """The one, even box of all particles in px, from rlnImageSize or else the headers of the stacks."""
    values = table.optional("rlnImageSize", optics_rows)
    if values is None or np.isnan(values).any():
        for number, stack in enumerate(stacks):
            if not os.path.isfile(stack):
                row = np.flatnonzero(stack_index == number)[0]
                raise InputError(missing_stack(table, row, stack))
        sizes = sorted({stack_header(stack)[2:4] for stack in stacks})
        if len(sizes) > 1 or sizes[0][0] != sizes[0][1]:
            found = ", ".join(f"{columns}×{rows}" for rows, columns in sizes)
            raise InputError(f"{table.source}: images are {found} px; expected one square size. Extract with one box.")
        values = np.array([sizes[0][0]], float)
    if np.ptp(values) > 0:
        raise InputError(_mixed(table, optics_rows, values, "box sizes", "px"))
    if values[0] != np.round(values[0]):
        raise InputError(f"{table.source}: rlnImageSize is {values[0]:g} px; expected a whole number. Correct it.")
    box = int(values[0])
    if box % 2 or box < 2:
        raise InputError(
            f"{table.source}: the box is {box} px; an even box is needed, because programs disagree where an odd one "
            f"has its centre. Crop or pad the images to {box + 1} px.")
    return box


def _mixed(table, optics_rows, values, what, unit):
    names = table.group_names()
    sizes = ", ".join(
        f"{value:g} {unit} in {', '.join(names[group] for group in np.unique(optics_rows[values == value]))}"
        for value in np.unique(values))
    return (f"{table.source}: the optics groups have different {what}: {sizes}. One is needed: rescale the images to "
            f"one size, or refine the groups apart.")
