"""The table behind a particle set: optics groups, particles, and whatever else the file held."""
from dataclasses import dataclass, replace
from typing import Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.optics_columns import optics_columns
from gmmrefine.io.star import StarBlock, read_star, text_column, text_columns
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED

# Columns of a RELION 3.0 particle that belong to its optics group since RELION 3.1.
_OPTICS_LABELS = ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnBeamTiltX", "rlnBeamTiltY")
_OLD_PIXEL_LABELS = ("rlnDetectorPixelSize", "rlnMagnification")


@dataclass(frozen=True, eq=False)
class ParticleTable:
    """Everything a particle file says, as text, in the form of RELION 3.1 and later.

    Parameters
    ----------
    optics : StarBlock
        One row per optics group.
    particles : StarBlock
        One row per particle; ``ParticleSet.row`` points here.
    others : tuple of StarBlock
        Further blocks of the file, kept as they are.
    source : str
        File it was read from, absolute or as given.
    notes : tuple of str
        What a user should know about this file, e.g. an assumed value.
    contrast_sign : int
        +1 or -1: images must be multiplied by it for a bright molecule; 0 where the file does not tell.
    """

    optics: StarBlock
    particles: StarBlock
    others: Tuple[StarBlock, ...] = ()
    source: str = ""
    notes: Tuple[str, ...] = ()
    contrast_sign: int = 0

    def optics_rows(self):
        """Row in the optics table of every particle, (N,) int.

        Raises
        ------
        InputError
            A particle names an optics group that the file does not have.
        """
        groups = self.optics.integers("rlnOpticsGroup")
        if "rlnOpticsGroup" not in self.particles and len(groups) == 1:
            return np.zeros(len(self.particles), int)
        require(self.particles, ("rlnOpticsGroup",), "which optics group each particle belongs to")
        wanted = self.particles.integers("rlnOpticsGroup")
        missing = np.flatnonzero(~np.isin(wanted, groups))
        if len(missing):
            raise InputError(
                f"{self.particles.where(missing[0])}: rlnOpticsGroup is {wanted[missing[0]]}, but data_optics has only "
                f"{', '.join(map(str, groups))}. Add the group or correct the column.")
        order = np.argsort(groups, kind="stable")
        return order[np.searchsorted(groups, wanted, sorter=order)]

    def group_names(self):
        """Name of every optics group, list of str."""
        label = "rlnOpticsGroupName" if "rlnOpticsGroupName" in self.optics else "rlnOpticsGroup"
        return self.optics.strings(label)

    def numbers(self, label, optics_rows, default=None):
        """A column per particle, from its optics group or its own row, (N,) float.

        Parameters
        ----------
        optics_rows : (N,) int
            From ``optics_rows``.
        default : float, optional
            Value when neither table has the column; None gives None.
        """
        if label in self.optics:
            return self.optics.numbers(label)[optics_rows]
        if label in self.particles:
            return self.particles.numbers(label)
        return None if default is None else np.full(len(optics_rows), float(default))


def require(block, labels, what):
    """Raise one clear line when a table lacks columns.

    Raises
    ------
    InputError
        Names the missing columns and what they hold.
    """
    missing = [label for label in labels if label not in block]
    if missing:
        raise InputError(
            f"{block.source}, data_{block.name}: column {', '.join(missing)} is missing; it says {what}. "
            f"Export the particles from a 3D refinement with this column.")


def read_table(path):
    """A RELION particle STAR file of version 3.0, 3.1 or 5 as a table; values are not judged.

    RELION 3.0 files (one table, origins in pixels, optics values in every row) come out in the newer form.

    Raises
    ------
    InputError
        Not a STAR file, or no particles in it.
    """
    blocks = read_star(path)
    if "particles" in blocks and "optics" in blocks:
        particles, optics = blocks.pop("particles"), blocks.pop("optics")
        _require_rows(particles)
        _require_rows(optics)
        return ParticleTable(optics, particles, tuple(blocks.values()), str(path))
    tables = [block for block in blocks.values() if "rlnImageName" in block]
    if not tables:
        raise InputError(
            f"{path}: no particles in it (no column rlnImageName in {', '.join('data_' + name for name in blocks)}). "
            f"Give the particle file of a 3D refinement, e.g. run_data.star.")
    _require_rows(tables[0])
    others = tuple(block for block in blocks.values() if block is not tables[0])
    return _upgraded(tables[0], others, str(path))


def table_of(particles):
    """A table for particles that come from no file.

    Parameters
    ----------
    particles : ParticleSet
        Its ``stacks`` become the paths in rlnImageName.
    """
    ctf, count = particles.ctf, len(particles)
    optics, group = group_optics({
        "rlnVoltage": ctf.voltage_kv, "rlnSphericalAberration": ctf.cs_mm,
        "rlnAmplitudeContrast": ctf.amplitude_contrast, **optics_columns(particles),
        "rlnImageDimensionality": np.full(count, 2),
        "rlnCtfDataAreCtfPremultiplied": (ctf.state == CTF_PREMULTIPLIED).astype(int),
        "rlnCtfDataArePhaseFlipped": (ctf.state == CTF_PHASE_FLIPPED).astype(int)})
    names = [f"{i + 1:06d}@{particles.stacks[s]}" for i, s in zip(particles.slice_index, particles.stack_index)]
    columns = {
        "rlnImageName": names, "rlnOpticsGroup": group, "rlnDefocusU": ctf.defocus_u, "rlnDefocusV": ctf.defocus_v,
        "rlnDefocusAngle": ctf.defocus_angle, "rlnPhaseShift": ctf.phase_shift_deg}
    return ParticleTable(optics, StarBlock("particles", text_columns(columns)))


def group_optics(traits, group_ids=None, source=""):
    """Optics groups of particles that differ in any trait.

    Parameters
    ----------
    traits : dict of str to (N,) array
        Columns of the optics table, per particle.
    group_ids : (N,) int, optional
        Keeps particles apart that share all traits.

    Returns
    -------
    optics : StarBlock
    group : (N,) int
        rlnOpticsGroup of every particle, from 1.
    """
    keys = list(traits.values()) + ([] if group_ids is None else [group_ids])
    ranks = np.column_stack([np.unique(key, return_inverse=True)[1].ravel() for key in keys[::-1]])
    _, first, inverse = np.unique(ranks, axis=0, return_index=True, return_inverse=True)
    number = np.arange(1, len(first) + 1)
    optics = {"rlnOpticsGroup": number, "rlnOpticsGroupName": [f"opticsGroup{i}" for i in number]}
    optics.update((label, np.asarray(values)[first]) for label, values in traits.items())
    return StarBlock("optics", text_columns(optics), source=source), inverse.ravel() + 1


def _require_rows(block):
    if len(block) == 0:
        raise InputError(f"{block.source}: data_{block.name} is empty. Select particles before this step.")


def _upgraded(old, others, path):
    """A RELION 3.0 table (one block) in the form of RELION 3.1."""
    if not all(label in old for label in _OLD_PIXEL_LABELS):
        raise InputError(
            f"{path}: neither an optics table nor rlnDetectorPixelSize and rlnMagnification in data_{old.name}, so the "
            f"pixel size is unknown. Export the particles again from RELION.")
    detector, magnification = (old.numbers(label) for label in _OLD_PIXEL_LABELS)
    bad = np.flatnonzero((detector <= 0) | (magnification <= 0))
    if len(bad):
        raise InputError(f"{old.where(bad[0])}: rlnDetectorPixelSize or rlnMagnification is not positive.")
    pixel_size = detector * 1e4 / magnification

    moved = {label: old.columns[label] for label in _OPTICS_LABELS if label in old}
    optics, group = group_optics(
        dict(moved, rlnImagePixelSize=pixel_size, rlnImageDimensionality=np.full(len(old), 2)), source=path)
    dropped = {*moved, *_OLD_PIXEL_LABELS, "rlnOriginX", "rlnOriginY"}
    columns = {label: text for label, text in old.columns.items() if label not in dropped}
    for axis in "XY":
        if f"rlnOrigin{axis}" in old:
            columns[f"rlnOrigin{axis}Angst"] = text_column(old.numbers(f"rlnOrigin{axis}") * pixel_size)
    columns["rlnOpticsGroup"] = text_column(group)
    return ParticleTable(optics, replace(old.with_columns(columns), name="particles"), others, path)
