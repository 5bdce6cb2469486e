"""A set of particle images with poses, CTF and half set, as plain arrays; the table it came from rides along."""

from dataclasses import dataclass, field, replace
from typing import Any, Optional, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.halves import Halves
from gmmrefine.particles.optics import Index, Optics, OpticsGroup
from gmmrefine.particles.symmetry import parents, refuse_split_particles

CTF_RAW, CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED = 0, 1, 2


@dataclass(frozen=True)
class CtfParameters:
    """CTF of every particle; optics-group values are already spread to the particles.

    Parameters
    ----------
    defocus_u, defocus_v : (N,) float
        Å, positive = underfocus.
    defocus_angle : (N,) float
        Degrees from the image x axis to the direction of ``defocus_u``.
    phase_shift_deg : (N,) float
        Phase plate shift in degrees.
    voltage_kv, cs_mm, amplitude_contrast : (N,) float
        kV, mm, fraction 0 to 1.
    state : (N,) int
        ``CTF_RAW``, ``CTF_PHASE_FLIPPED`` or ``CTF_PREMULTIPLIED``: what was already done to the images.
    """

    defocus_u: np.ndarray
    defocus_v: np.ndarray
    defocus_angle: np.ndarray
    phase_shift_deg: np.ndarray
    voltage_kv: np.ndarray
    cs_mm: np.ndarray
    amplitude_contrast: np.ndarray
    state: np.ndarray

    def subset(self, index: Index) -> "CtfParameters":
        """The CTF of some particles, by index or mask."""
        return CtfParameters(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class ParticleSet:
    """Particle images on disk with what is known about them.

    Parameters
    ----------
    stacks : tuple of str
        Image files, absolute paths.
    stack_index : (N,) int
        Which of ``stacks`` holds the particle.
    slice_index : (N,) int
        Image within that stack, from 0.
    rotations : (N, 3, 3) float
        Reference → particle: a point X of the reference (Å from the box centre, x y z) appears at
        ``(rotations @ X)[:2] - shifts`` from the image centre.
    shifts : (N, 2) float
        x, y in Å; the shift that recentres the image, RELION's rlnOrigin.
    half_set : (N,) int
        1 or 2; 0 where none is known.
    ctf : CtfParameters
    box_size : int
        Side in px, even, of the grid on which images are seen.
    pixel_size : float
        Å/px of that grid.
    row : (N,) int
        Row of each particle in the table it was read from; joins results by identity, not by position.
    table : object
        The table as read (``io`` owns its type), for a round trip without loss.
    parent : (N,) int, optional
        Number of the particle that each is a symmetry copy of; None where no copies are marked.
    particle : (N,) int, optional
        Number of the particle that each shows, where the file tells of several images of one: extractions at one place,
        tilts, segments of a filament. None where it does not.
    contrast_sign : (N,) int, optional
        +1 or -1, by which an image is multiplied for a bright molecule; None where the file does not tell, which means +1.
    scale : (N,) float, optional
        How strong a particle's signal is, relative to the others of its half set; None where it is not known, which means 1.
    blur : (N,) float, optional
        Variance in Å² by which the error of its pose moves a particle's molecule along one axis of the image; None where it is
        not known, or not to be weighted by.
    diameter : float
        Of the particle in Å, outside which images show background; 0 where it is not known.
    optics : Optics, optional
        Grids and aberrations of the images on disk; None where all are on the grid of the set without any.
    """

    stacks: Tuple[str, ...]
    stack_index: np.ndarray
    slice_index: np.ndarray
    rotations: np.ndarray
    shifts: np.ndarray
    half_set: np.ndarray
    ctf: CtfParameters
    box_size: int
    pixel_size: float
    row: np.ndarray
    table: Any = field(default=None, repr=False)
    parent: Optional[np.ndarray] = None
    particle: Optional[np.ndarray] = None
    contrast_sign: Optional[np.ndarray] = None
    scale: Optional[np.ndarray] = None
    blur: Optional[np.ndarray] = None
    diameter: float = 0.0
    optics: Optional[Optics] = None

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def half(self) -> int:
        """Half set, 1 or 2, that all of the particles are in.

        Raises
        ------
        ValueError
            They are of both, or of none.
        """
        (number,) = np.unique(self.half_set) if len(self) else (0,)
        if number not in (1, 2):
            raise ValueError("these particles are in no half set")
        return int(number)

    @property
    def is_uniform(self) -> bool:
        """Whether all images are on the grid of the set, without aberrations."""
        return self.optics is None or all(
            group.is_on(self.box_size, self.pixel_size) and not any(group.odd + group.even) for group in self.optics.groups
        )

    @property
    def image_optics(self) -> Optics:
        """Grids and aberrations of the images on disk, by one group where all are on the grid of the set without any."""
        return self.optics or Optics((OpticsGroup(self.box_size, self.pixel_size),), np.zeros(len(self), int))

    @property
    def image_boxes(self) -> np.ndarray:
        """Sides (N,) in px of the images on disk."""
        return np.full(len(self), self.box_size) if self.optics is None else self.optics.values("box_size")

    @property
    def image_pixels(self) -> np.ndarray:
        """Pixel sizes (N,) in Å/px of the images on disk."""
        return np.full(len(self), float(self.pixel_size)) if self.optics is None else self.optics.values("pixel_size")

    @property
    def narrowest(self) -> float:
        """Side in Å of the smallest images on disk."""
        return self.box_size * self.pixel_size if self.optics is None else self.optics.narrowest

    @property
    def image_box(self) -> int:
        """Side in px of the images on disk, where all have one."""
        return int(self.image_boxes[0])

    def subset(self, index: Index) -> "ParticleSet":
        """Some of the particles, by index or mask (N,)."""
        arrays = ["stack_index", "slice_index", "rotations", "shifts", "half_set", "row"]
        arrays += [name for name in ("parent", "particle", "contrast_sign", "scale", "blur") if getattr(self, name) is not None]
        optics = None if self.optics is None else self.optics.subset(index)
        return replace(self, ctf=self.ctf.subset(index), optics=optics, **{name: getattr(self, name)[index] for name in arrays})

    def on_grid(self, box_size: int, pixel_size: float) -> "ParticleSet":
        """The same particles, their images seen on another grid: px, Å/px."""
        return replace(self, box_size=box_size, pixel_size=pixel_size, optics=self.image_optics)

    def with_poses(self, rotations: np.ndarray, shifts: np.ndarray) -> "ParticleSet":
        """The same particles at other poses: rotations (N, 3, 3), shifts (N, 2) in Å."""
        return replace(self, rotations=np.asarray(rotations, float), shifts=np.asarray(shifts, float))


def split_half_sets(particles: ParticleSet) -> Halves[ParticleSet]:
    """The two half sets, in the order of the input.

    Returns
    -------
    Halves of ParticleSet

    Raises
    ------
    InputError
        Particles without a half set, an empty half, or a particle in both.
    """
    unknown = np.flatnonzero(~np.isin(particles.half_set, (1, 2)))
    if len(unknown):
        raise InputError(
            f"{len(unknown)} of {len(particles)} particles have no half set (rlnRandomSubset 1 or 2; first in row "
            f"{particles.row[unknown[0]] + 1}). Take the column from the upstream refinement, or draw halves with "
            f"--split-halves SEED if these poses never saw a joint reference."
        )
    refuse_split_particles(particles)
    halves = Halves(*(particles.subset(particles.half_set == half) for half in (1, 2)))
    for number, half in enumerate(halves.both(), 1):
        if len(half) == 0:
            raise InputError(
                f"half set {number} is empty: all {len(particles)} particles are in half {3 - number}. Both halves are needed "
                f"for a gold-standard FSC; use the rlnRandomSubset of the upstream refinement or --split-halves SEED."
            )
    return halves


def draw_half_sets(particles: ParticleSet, seed: int) -> ParticleSet:
    """Particles with half sets drawn at random, equal in size to one particle; all images of a particle stay together.

    Parameters
    ----------
    particles : ParticleSet
    seed : int
    """
    parent = parents(particles)
    order = np.random.default_rng(seed).permutation(parent.max() + 1)
    half_set = np.empty(len(order), int)
    half_set[order] = 1 + np.arange(len(order)) % 2
    return replace(particles, half_set=half_set[parent])


def by_particle(particles: ParticleSet, halves: Halves[np.ndarray]) -> np.ndarray:
    """What each half set has for its particles, Halves of (N1, …) and (N2, …), in the order of all particles, (N, …) float."""
    parts = halves.both()
    joined = np.empty((len(particles), *parts[0].shape[1:]))
    for number, part in enumerate(parts, 1):
        joined[particles.half_set == number] = part
    return joined
