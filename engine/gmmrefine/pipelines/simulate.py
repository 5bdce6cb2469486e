"""Particles simulated from an atomic model, with the truth beside them."""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from gmmrefine.backend import tf
from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import random_rotations, rotations_from_vectors
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.atoms_writer import write_moved_atoms
from gmmrefine.io.mrc import write_map
from gmmrefine.io.stack_writer import StackWriter
from gmmrefine.io.star_particles import write_particles
from gmmrefine.maps.mask import mask_around, soft_mask
from gmmrefine.particles.group_samples import GroupSamples
from gmmrefine.particles.optics import Optics
from gmmrefine.particles.particle_set import CtfParameters, ParticleSet, draw_half_sets
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.simulated_optics import CS_MM, VOLTAGE_KV, seen_through, simulated_group
from gmmrefine.pipelines.swing import read_swings

_BATCH = 100
_CONFORMATIONS = 20
_DOMAIN_REACH = 2.0  # Å around its atoms
_DIRECTIONS = 500  # tried for the place of an oligomer's copy
_CONTACT = 4.0  # Å between atoms of different copies
_TRUE_SHIFT = 3.0  # Å per axis: how well particles are centred
_DEFOCUS = 8000.0, 22000.0  # Å
_ASTIGMATISM = 300.0  # Å


def simulate(model_path, settings, run):
    """Simulate particle images and write them with start poses, true poses, true map and mask.

    Parameters
    ----------
    model_path : str
        Atomic model.
    settings : SimulateSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    rng = np.random.default_rng(settings.seed)
    box, pixel_size, count = settings.box, settings.pixel_size, settings.particles
    group = simulated_group(settings)
    gmm, motion, atoms, swings = molecule_to_simulate(model_path, settings)
    conformation = np.zeros(count) if motion is None else rng.uniform(0, 1, count)
    truth = _particles(run.path("particles.mrcs"), group, count, rng)
    disc = half_disc(box, box // 2 - 1)
    microscope = GroupSamples(group, disc)
    states = np.rint(conformation * (_CONFORMATIONS - 1)).astype(int)
    # images are written state by state, so that each state's projector is made once
    order = np.argsort(states, kind="stable")
    states = states[order]
    truth = replace(truth.subset(order), slice_index=np.arange(count), row=np.arange(count))
    scene = _scene(gmm, motion, truth, swings, microscope.disc, pixel_size, rng)
    noise = _noise_deviation(scene, states, microscope, settings.snr)
    with run.progress.step("simulate images", count) as report, StackWriter(
        run.path("particles.mrcs"), count, box, pixel_size
    ) as stack:
        for start in range(0, count, _BATCH):
            index = np.arange(start, min(start + _BATCH, count))
            signal = disc.inverse(sum(_signal(*body, states, index, microscope) for body in scene))
            stack.append(signal / noise + rng.standard_normal(signal.shape, np.float32))
            report(start + len(index))
    start_particles = _displaced(truth, settings, rng)
    write_particles(run.path("particles.star"), start_particles)
    known = {} if motion is None else {"gmmConformation": states / (_CONFORMATIONS - 1)}
    write_particles(run.path("truth.star"), truth, known)
    for number, (swing, (_, posed)) in enumerate(zip(swings, scene[1:]), 1):
        write_particles(run.path(f"truth_domain_{number}.star"), posed)
        around = mask_around(gmm.centers[swing.members], _DOMAIN_REACH, box, pixel_size)
        write_map(run.path(f"mask_domain_{number}.mrc"), around, pixel_size)
    # the first copy, where the map shows it
    write_moved_atoms(model_path, run.path("model.cif"), gmm.centers[0] - atoms.positions[0] + box // 2 * pixel_size)
    true_map = render_map(Gmm(gmm.centers, gmm.amplitudes / noise, gmm.widths), box, pixel_size)
    write_map(run.path("truth.mrc"), true_map, pixel_size)
    mask = soft_mask(true_map, pixel_size, operators=point_group(settings.symmetry))
    write_map(run.path("mask.mrc"), mask, pixel_size)
    return {"particles": count, "noise_deviation_of_signal_units": float(noise), "atoms": len(gmm)}


def molecule_to_simulate(model_path, settings):
    """The molecule, how it moves and which domains swing; refuses settings that mean nothing and a box that is too small.

    Returns
    -------
    tuple
        As of ``molecule_in_motion``, and the swings.
    """
    box, pixel_size = settings.box, settings.pixel_size
    if settings.swing and settings.end_model:
        raise InputError("--swing and --end-model move the same atoms. Give one of them.")
    if box % 2:
        raise InputError(f"--box {box}: the box must be even. Use {box + 1}.")
    refuse_ignored(
        settings,
        [
            (not (settings.end_model or settings.swing), "no --end-model and no --swing", ("moving_copies",)),
            (len(point_group(settings.symmetry)) == 1, "--symmetry C1", ("moving_copies",)),
        ],
    )
    gmm, motion, atoms = molecule_in_motion(model_path, settings)
    only_first = settings.moving_copies == "one"
    swings = read_swings(settings.swing, atoms, gmm.centers, only_first) if settings.swing else []
    extent = 2 * np.linalg.norm(gmm.centers, axis=1).max()
    if extent > box * pixel_size:
        raise InputError(
            f"--box {box} px × {pixel_size:g} Å = {box * pixel_size:.0f} Å is smaller than the molecule ({extent:.0f} Å). "
            "Use a larger box or pixel."
        )
    return gmm, motion, atoms, swings


class _Projectors:
    """Slices of the molecule at each step of its motion, made one at a time."""

    def __init__(self, gmm, motion, disc, pixel_size):
        self._gmm, self._motion, self._disc, self._pixel_size = gmm, motion, disc, pixel_size
        self._state, self._projector = None, None

    def at(self, state):
        if state != self._state:
            centers = self._gmm.centers
            if self._motion is not None:
                centers = centers + self._motion * (state / (_CONFORMATIONS - 1))
            gmm = Gmm(centers, self._gmm.amplitudes, self._gmm.widths)
            self._state, self._projector = state, SliceProjector(gmm, self._disc, self._pixel_size)
        return self._projector


def molecule_in_motion(path, settings):
    """Gaussians of a model or its oligomer, centred, and where they move.

    Parameters
    ----------
    path : str
        Atomic model.
    settings : object
        ``end_model``, ``symmetry`` and ``moving_copies``.

    Returns
    -------
    tuple
        Gmm, displacement (G, 3) in Å to the end model or None; the copies of an oligomer one after the other; the
        Atoms read.
    """
    atoms = read_atoms(path)
    centre = atoms.positions.mean(axis=0)
    positions, motion = atoms.positions - centre, None
    if settings.end_model:
        end = read_atoms(settings.end_model)
        if len(end) != len(atoms) or not np.array_equal(end.names, atoms.names):
            raise InputError(
                f"{settings.end_model} has {len(end)} non-hydrogen atoms, {path} has {len(atoms)}; the two ends of a motion "
                "must have the same atoms in the same order."
            )
        motion = end.positions - atoms.positions
    operators = point_group(settings.symmetry)
    if len(operators) > 1:
        positions = positions + place_of_copy(positions, operators)
        positions = np.concatenate([positions @ operator.T for operator in operators])
        if motion is not None:
            moving = [settings.moving_copies == "all" or number == 0 for number in range(len(operators))]
            motion = np.concatenate([moves * motion @ operator.T for moves, operator in zip(moving, operators)])
    copies = len(operators)
    gmm = gmm_from_atoms(positions, np.tile(atoms.atomic_numbers, copies), np.tile(atoms.b_factors, copies))
    return gmm, motion, atoms


def place_of_copy(positions, operators):
    """Where the first copy of an oligomer lies so that copies touch but do not overlap.

    Parameters
    ----------
    positions : (A, 3) float
        Atoms in Å from the centre of one copy.
    operators : (n, 3, 3) float
        Point group.

    Returns
    -------
    (3,) float
        x y z in Å from the box centre: along x, or where copies are further apart than there.
    """
    directions = np.concatenate([[[1.0, 0, 0]], random_rotations(_DIRECTIONS, np.random.default_rng(0))[:, 0]])
    apart = np.linalg.norm(directions[:, None] - np.einsum("nij,dj->dni", operators[1:], directions), axis=2).min(axis=1)
    best = int(np.argmax(apart > (1 - 1e-9) * apart.max()))
    tree = cKDTree(positions)
    touching, free = 0.0, 2 * np.linalg.norm(positions, axis=1).max() / apart[best]
    while free - touching > 0.5:
        distance = (touching + free) / 2
        place = distance * directions[best]
        turned = ((positions + place) @ operator.T - place for operator in operators[1:])
        near = (tree.query(copy, distance_upper_bound=_CONTACT)[0].min() for copy in turned)
        touching, free = (distance, free) if min(near) < _CONTACT else (touching, distance)
    return free * directions[best]


def _particles(stack, group, count, rng):
    """Particles at random true poses, with CTF and half sets."""
    defocus, astigmatism = rng.uniform(*_DEFOCUS, count), rng.uniform(-_ASTIGMATISM, _ASTIGMATISM, count)
    ctf = CtfParameters(
        defocus_u=defocus + astigmatism,
        defocus_v=defocus - astigmatism,
        defocus_angle=rng.uniform(0, 180, count),
        phase_shift_deg=np.zeros(count),
        voltage_kv=np.full(count, VOLTAGE_KV),
        cs_mm=np.full(count, CS_MM),
        amplitude_contrast=np.full(count, 0.1),
        state=np.zeros(count, int),
    )
    index = np.arange(count)
    particles = ParticleSet(
        stacks=(stack,),
        stack_index=np.zeros(count, int),
        slice_index=index,
        rotations=random_rotations(count, rng),
        shifts=rng.normal(0, _TRUE_SHIFT, (count, 2)),
        half_set=np.zeros(count, int),
        ctf=ctf,
        box_size=group.box_size,
        pixel_size=group.pixel_size,
        row=index,
        optics=Optics((group,), np.zeros(count, int)),
    )
    return draw_half_sets(particles, int(rng.integers(1, 2**31)))


def _scene(gmm, motion, truth, swings, disc, pixel_size, rng):
    """What an image adds up: (projectors, particles posed for them) of the body and of every domain that swings."""
    body = ~np.any([swing.members for swing in swings], axis=0) if swings else np.ones(len(gmm), bool)
    scene = [(_Projectors(gmm.subset(body), None if motion is None else motion[body], disc, pixel_size), truth)]
    for swing in swings:
        posed = swing.poses(truth, swing.angles(len(truth), rng))
        scene.append((_Projectors(gmm.subset(swing.members), None, disc, pixel_size), posed))
    return scene


def _signal(projectors, particles, states, index, microscope):
    """Fourier samples (B, K) of CTF-filtered, shifted projections of some particles without noise."""
    part, states = particles.subset(index), states[index]
    samples = np.empty((len(part), len(microscope.disc.kx)), np.complex64)
    for state in np.unique(states):
        members = np.flatnonzero(states == state)
        # filled up to one size, so that the slice kernel is compiled once
        fill = np.resize(members, _BATCH)
        real, imag = projectors.at(state).images(tf.constant(part.rotations[fill], tf.float32))
        samples[members] = (real.numpy() + 1j * imag.numpy())[: len(members)]
    return seen_through(samples, microscope, part)


def _noise_deviation(scene, states, microscope, snr):
    """Standard deviation of the noise for a signal-to-noise ratio of variances over the whole image."""
    index = np.arange(0, len(states), max(1, len(states) // _BATCH))[:_BATCH]
    samples = sum(_signal(*body, states, index, microscope) for body in scene)
    # Parseval; every sample but the mean stands for two
    variance = 2 * np.mean(np.sum(np.abs(samples[:, 1:]) ** 2, axis=1)) / microscope.disc.box_size**4
    return np.sqrt(variance / snr)


def _displaced(truth, settings, rng):
    """The particles at poses that are off by the errors asked for."""
    turn = rng.normal(0, np.radians(settings.pose_error) / np.sqrt(3), (len(truth), 3))
    move = rng.normal(0, settings.shift_error / np.sqrt(2), (len(truth), 2))
    return truth.with_poses(rotations_from_vectors(turn) @ truth.rotations, truth.shifts + move)
