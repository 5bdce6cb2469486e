"""The table behind a particle set: optics groups, particles, and whatever else the file held."""

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Tuple, overload

import numpy as np
from numpy.typing import ArrayLike

from gmmrefine.errors import InputError
from gmmrefine.io.optics_columns import optics_columns
from gmmrefine.io.optics_groups import numbered_groups
from gmmrefine.io.pixel_sizes import pixel_sizes
from gmmrefine.io.relion_labels import spelled
from gmmrefine.io.star import NONE, StarBlock, optional_column, read_star, text_column, text_columns
from gmmrefine.io.tomography import refuse_tomography
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, ParticleSet
from gmmrefine.regular_file import FilePath

# Columns of a RELION 3.0 particle that belong to its optics group since RELION 3.1.
_OPTICS_LABELS = ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnBeamTiltX", "rlnBeamTiltY")
_OLD_PIXEL_LABELS = ("rlnDetectorPixelSize", "rlnMagnification", "rlnPixelSize", "rlnImagePixelSize")
_PARTICLE_BLOCKS = ("particles", "images", "")  # of which the first one is taken where several hold images
_OTHER_PROGRAMS = {"cisTEM": "cisTEM", "angleRot": "Xmipp"}  # by how their columns begin
_VALUE_OF_NONE = {"rlnPhaseShift": b"0", "rlnCtfDataAreCtfPremultiplied": b"0", "rlnCtfDataArePhaseFlipped": b"0"}
_SAME_VALUE = 1e-3  # of a column that stands in both tables


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
    """

    optics: StarBlock
    particles: StarBlock
    others: Tuple[StarBlock, ...] = ()
    source: str = ""
    notes: Tuple[str, ...] = ()

    def optics_rows(self) -> np.ndarray:
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
                f"{', '.join(map(str, groups))}. Add the group or correct the column."
            )
        order = np.argsort(groups, kind="stable")
        return order[np.searchsorted(groups, wanted, sorter=order)]

    def group_names(self) -> List[str]:
        """Name of every optics group, list of str."""
        label = "rlnOpticsGroupName" if "rlnOpticsGroupName" in self.optics else "rlnOpticsGroup"
        return self.optics.strings(label)

    @overload
    def numbers(self, label: str, optics_rows: np.ndarray, default: None = None) -> Optional[np.ndarray]: ...

    @overload
    def numbers(self, label: str, optics_rows: np.ndarray, default: float) -> np.ndarray: ...

    def numbers(self, label: str, optics_rows: np.ndarray, default: Optional[float] = None) -> Optional[np.ndarray]:
        """A column per particle, from its own row or its optics group, (N,) float.

        Parameters
        ----------
        optics_rows : (N,) int
            From ``optics_rows``.
        default : float, optional
            Value where neither table has one; without it, None when the column is in neither table.

        Raises
        ------
        InputError
            As for ``optional``; some particles without a value and no default.
        """
        values = self.optional(label, optics_rows)
        if values is None:
            return None if default is None else np.full(len(optics_rows), float(default))
        missing = np.isnan(values)
        if not missing.any():
            return values
        if default is None:
            row = np.flatnonzero(missing)[0]
            raise InputError(
                f"{self.particles.where(row)}: {label} is missing for {missing.sum()} of {len(values)} particles, in "
                "data_optics and in their own rows. Add it."
            )
        return np.where(missing, default, values)

    def optional(self, label: str, optics_rows: np.ndarray) -> Optional[np.ndarray]:
        """As ``numbers``, with NaN where neither table has a value; None when no particle has one.

        Parameters
        ----------
        label : str
        optics_rows : (N,) int
            From ``optics_rows``.

        Raises
        ------
        InputError
            A value that is not a number; the two tables contradict each other.
        """
        found = [
            block.subset(rows).optional_numbers(label)
            for block, rows in ((self.particles, slice(None)), (self.optics, optics_rows))
            if label in block
        ]
        values = found[0] if found else np.full(len(optics_rows), np.nan)
        if len(found) > 1:
            differ = np.flatnonzero(np.abs(found[0] - found[1]) > _SAME_VALUE * np.abs(found[1]))
            if len(differ):
                raise InputError(
                    f"{self.particles.where(differ[0])}: {label} is {values[differ[0]]:g} in the row and "
                    f"{found[1][differ[0]]:g} in its optics group. Correct one, or remove it."
                )
            values = np.where(np.isnan(values), found[1], values)
        return None if np.isnan(values).all() else values


def require(block: StarBlock, labels: Iterable[str], what: str) -> None:
    """Raise one clear line when a table lacks columns.

    Parameters
    ----------
    block : StarBlock
    labels : iterable of str
        Columns that must be there.
    what : str
        What they say, for the message.

    Raises
    ------
    InputError
        Names the missing columns and what they hold.
    """
    missing = [label for label in labels if label not in block]
    if missing:
        raise InputError(
            f"{block.source}, data_{block.name}: column {', '.join(missing)} is missing; it says {what}. "
            f"Export the particles from a 3D refinement with this column."
        )


def read_table(path: FilePath) -> ParticleTable:
    """A RELION particle STAR file of version 3.0, 3.1 or 5 as a table; values are not judged.

    RELION 3.0 files (one table, origins in pixels, optics values in every row) come out in the newer form.

    Raises
    ------
    InputError
        Not a STAR file, or no particles in it.
    """
    blocks = {name: spelled(block) for name, block in read_star(path).items()}
    refuse_tomography(str(path), blocks.values())
    particles = blocks.pop(_particle_block(blocks, str(path)))
    _require_rows(particles)
    optics = next((blocks.pop(name) for name in list(blocks) if name.lower() == "optics"), None)
    if optics is None:
        return _upgraded(particles, tuple(blocks.values()), str(path))
    _require_rows(optics)
    optics, particles = numbered_groups(optics, replace(particles, name="particles"))
    return _completed(ParticleTable(_filled(optics, particles), _filled(particles, optics), tuple(blocks.values()), str(path)))


def _particle_block(blocks: Mapping[str, StarBlock], path: str) -> str:
    """Name of the block that holds the particles."""
    tables = [name for name, block in blocks.items() if "rlnImageName" in block]
    best = [name for wanted in _PARTICLE_BLOCKS for name in tables if name.lower() == wanted]
    if not tables:
        for block in blocks.values():
            if block.name.lower() == _PARTICLE_BLOCKS[0]:
                require(block, ("rlnImageName",), "where the images are")
        raise InputError(
            f"{path}: no particles in it (no column rlnImageName in {', '.join('data_' + name for name in blocks)}). "
            f"{_other_program(blocks.values()) or 'Give the particle file of a 3D refinement, e.g. run_data.star.'}"
        )
    if not best and len(tables) > 1:
        raise InputError(
            f"{path}: rlnImageName stands in {', '.join('data_' + name for name in tables)}; which of them the particles are "
            "is not known. Name that block data_particles."
        )
    return (best or tables)[0]


def _other_program(blocks: Iterable[StarBlock]) -> str:
    labels = [label for block in blocks for label in block.columns]
    program = next((name for label in labels for sign, name in _OTHER_PROGRAMS.items() if label.startswith(sign)), None)
    return f"It is in {program}'s own form: export the particles for RELION." if program else ""


def table_of(particles: ParticleSet) -> ParticleTable:
    """A table for particles that come from no file.

    Parameters
    ----------
    particles : ParticleSet
        Its ``stacks`` become the paths in rlnImageName.
    """
    ctf, count = particles.ctf, len(particles)
    optics, group = group_optics(
        {
            "rlnVoltage": ctf.voltage_kv,
            "rlnSphericalAberration": ctf.cs_mm,
            "rlnAmplitudeContrast": ctf.amplitude_contrast,
            **optics_columns(particles),
            "rlnImageDimensionality": np.full(count, 2),
            "rlnCtfDataAreCtfPremultiplied": (ctf.state == CTF_PREMULTIPLIED).astype(int),
            "rlnCtfDataArePhaseFlipped": (ctf.state == CTF_PHASE_FLIPPED).astype(int),
        }
    )
    names = [f"{i + 1:06d}@{particles.stacks[s]}" for i, s in zip(particles.slice_index, particles.stack_index)]
    columns: Dict[str, ArrayLike] = {
        "rlnImageName": names,
        "rlnOpticsGroup": group,
        "rlnDefocusU": ctf.defocus_u,
        "rlnDefocusV": ctf.defocus_v,
        "rlnDefocusAngle": ctf.defocus_angle,
        "rlnPhaseShift": ctf.phase_shift_deg,
    }
    return ParticleTable(optics, StarBlock("particles", text_columns(columns)))


def group_optics(
    traits: Mapping[str, np.ndarray], group_ids: Optional[np.ndarray] = None, source: str = ""
) -> Tuple[StarBlock, np.ndarray]:
    """Optics groups of particles that differ in any trait.

    Parameters
    ----------
    traits : dict of str to (N,) array
        Columns of the optics table, per particle.
    group_ids : (N,) int, optional
        Keeps particles apart that share all traits.
    source : str
        File, for messages.

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
    optics: Dict[str, ArrayLike] = {"rlnOpticsGroup": number, "rlnOpticsGroupName": [f"opticsGroup{i}" for i in number]}
    optics.update((label, np.asarray(values)[first]) for label, values in traits.items())
    return StarBlock("optics", text_columns(optics), source=source), inverse.ravel() + 1


def _require_rows(block: StarBlock) -> None:
    if len(block) == 0:
        raise InputError(f"{block.source}: data_{block.name} is empty. Select particles before this step.")


def _filled(block: StarBlock, other: StarBlock) -> StarBlock:
    """A block in which nothing is missing where one value stands for none; ``other`` may have values of the same columns."""
    columns = dict(block.columns)
    for label, value in _VALUE_OF_NONE.items():
        if label in block and label not in other and block.missing(label).any():
            columns[label] = np.where(block.missing(label), value, block.columns[label])
    return block.with_columns(columns)


def _completed(table: ParticleTable) -> ParticleTable:
    """A table of which the used optics groups have rlnImagePixelSize, where the particles of each agree; others ask for it."""
    label, optics = "rlnImagePixelSize", table.optics
    missing = optics.missing(label) if label in optics else np.ones(len(optics), bool)
    if not missing.any():
        return table
    rows = table.optics_rows()
    used, first, member = np.unique(rows, return_index=True, return_inverse=True)
    values = pixel_sizes(table.particles, optics, rows)
    if np.any(values != values[first][member.ravel()]):
        return table
    found = np.zeros(len(optics))
    found[used] = values[first]
    known = np.where(found > 0, text_column(found), NONE)
    text = np.where(missing, known, optics.columns[label]) if label in optics else known
    return replace(table, optics=optics.with_columns(dict(optics.columns, **{label: text})))


def _upgraded(old: StarBlock, others: Tuple[StarBlock, ...], path: str) -> ParticleTable:
    """A RELION 3.0 table (one block) in the form of RELION 3.1."""
    pixel_size = pixel_sizes(old)
    moved = {label: old.columns[label] for label in _OPTICS_LABELS if label in old}
    optics, group = group_optics(
        dict(moved, rlnImagePixelSize=pixel_size, rlnImageDimensionality=np.full(len(old), 2)), source=path
    )
    dropped = {*moved, *_OLD_PIXEL_LABELS, "rlnOriginX", "rlnOriginY"}
    columns = {label: text for label, text in old.columns.items() if label not in dropped}
    for label in ("rlnOriginX", "rlnOriginY"):
        if label in old:
            in_angstrom = old.optional_numbers(label) * pixel_size
            if f"{label}Angst" in old:
                given = old.optional_numbers(f"{label}Angst")
                in_angstrom = np.where(np.isnan(given), in_angstrom, given)
            columns[f"{label}Angst"] = optional_column(in_angstrom)
    columns["rlnOpticsGroup"] = text_column(group)
    return ParticleTable(optics, replace(old.with_columns(columns), name="particles"), others, path)
