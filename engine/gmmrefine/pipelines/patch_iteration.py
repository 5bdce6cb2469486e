"""All patches in one pass: every image is read once per iteration and held against each patch, the others taken from it."""

import os
from dataclasses import replace

import numpy as np

from gmmrefine.alignment.frame import anchored
from gmmrefine.alignment.motion_prior import MotionPrior
from gmmrefine.alignment.refiner import refine_poses
from gmmrefine.alignment.scene import Scene
from gmmrefine.alignment.window import Window, window_size
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.patches import nearest_patch
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.mrc import write_map
from gmmrefine.io.npz import DAMAGED, read_npz
from gmmrefine.io.star_particles import write_particles
from gmmrefine.maps.composite import composite_map
from gmmrefine.maps.fsc import FscCurve, gold_standard_fsc
from gmmrefine.particles.halves import Halves
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.build import fit_weights, gmm_of_map
from gmmrefine.pipelines.half_iteration import PROJECTORS, certain_part, make_refiner, reference_reliability, report_prior
from gmmrefine.pipelines.half_start import volume_of
from gmmrefine.pipelines.half_state import HalfState, load_half, save_half
from gmmrefine.pipelines.particle_scales import with_measured_scale
from gmmrefine.pipelines.pose_weights import with_blur
from gmmrefine.pipelines.reconstruct import half_maps, write_maps
from gmmrefine.pipelines.refined_output import joined
from gmmrefine.pipelines.shared_region import usable_radius
from gmmrefine.progress import place_in_run
from gmmrefine.random_streams import stream


class Together:
    """The patches of a run, refined side by side.

    Parameters
    ----------
    particles : ParticleSet
    halves : Halves of HalfState
        The half sets at their global poses, centre of the priors, with their maps.
    mask : (Z, Y, X) float
        Of the molecule.
    patches : list of Patch
    settings : PatchesSettings
    run : Run
    """

    def __init__(self, particles, halves, mask, patches, settings, run):
        self._particles, self._global, self._mask, self._patches = particles, halves, mask, patches
        self._settings, self._run, self._progress = settings, run, run.progress
        self._masks = [patch.mask(particles.box_size, particles.pixel_size, settings.focus_edge) for patch in patches]

    def refine(self):
        """Refine all patches; gives Halves of a list of HalfState, one per patch."""
        states = self._global.map(lambda half: [half] * len(self._patches))
        curves = self._shared_curves(states, 0)
        for iteration in range(1, self._settings.patch_iterations + 1):
            states = self._global.map(
                lambda whole, present, now=(curves, iteration): self._improve(whole, present, *now), states
            )
            curves = self._shared_curves(states, iteration)
            resolutions = [curve.resolution(self._settings.fsc_threshold) for curve in curves]
            found = ", ".join("none" if value is None else f"{value:.2f}" for value in resolutions)
            self._progress.say(f"iteration {iteration} of {self._settings.patch_iterations}: patches at {found} Å")
            self._progress.event(step="iteration", iteration=iteration, resolution=resolutions)
        return states

    def write(self, states):
        """Write every patch's maps, masks, FSC and particles as a focused refinement does."""
        starts = self._global.map(lambda half: half.particles)
        # FSC of the maps as they are, also where the run itself was steered by pinned curves
        for number, (pair, curve, mask) in enumerate(zip(by_patch(states), self._measured(states), self._masks), 1):
            folder = self._run.path("patches", f"{number:02d}")
            maps = pair.map(volume_of).both()
            write_maps(lambda name, at=folder: f"{at}/{name}", maps, self._mask, curve, self._settings)
            write_map(f"{folder}/focus_mask.mrc", mask, curve.pixel_size)
            moved, changes = joined(self._particles, starts, pair)
            write_particles(f"{folder}/particles.star", moved, changes)

    def _shared_curves(self, states, iteration):
        """The FSC of every patch's half maps under its mask, or those of a pinned run."""
        box_size, pixel_size = self._particles.box_size, self._particles.pixel_size

        def measure():
            return [curve.to_lists() for curve in self._measured(states)]

        return [FscCurve.from_lists(curves, box_size, pixel_size) for curves in self._run.told("fsc", iteration, measure)]

    def _measured(self, states):
        """The FSC of every patch's half maps under its mask."""
        return [
            gold_standard_fsc(*pair.map(volume_of).both(), self._mask * mask, self._particles.pixel_size, self._settings.seed)
            for pair, mask in zip(by_patch(states), self._masks)
        ]

    def _improve(self, whole, present, curves, iteration):
        """One half of every patch after an iteration, loaded where an interrupted run had finished it.

        Parameters
        ----------
        whole : HalfState
            The half set at its global poses.
        present : list of HalfState
            Its patches before the iteration.
        """
        start = whole.particles
        folders = [
            self._run.path("patches", f"{patch:02d}", "iterations", f"{iteration:02d}") for patch in range(1, len(present) + 1)
        ]
        saved = [load_half(folder, start, self._progress) for folder in folders]
        if None not in saved and (iteration > 1 or self._priors_are_whole(len(present), start.half)):
            return saved
        settings = self._settings
        start, results = self._new_poses(whole, present, curves, iteration)
        sets = [
            with_blur(start.with_poses(*anchored(rotations, shifts, start.rotations, start.shifts)), covariance, settings)
            for rotations, shifts, covariance in results
        ]
        volumes = half_maps(sets, settings, self._progress, iteration=iteration)
        improved = [HalfState(moved, volume, covariance) for moved, volume, (*_, covariance) in zip(sets, volumes, results)]
        for folder, state in zip(folders, improved):
            save_half(folder, state)
        return improved

    def _new_poses(self, whole, present, curves, iteration):
        """One half with the strengths of its signals; rotations, shifts and covariances for every patch.

        A patch without Gaussians keeps what it has.
        """
        settings, start = self._settings, whole.particles
        pixel_size, number = start.pixel_size, start.half
        where = {"iteration": iteration, "half": number}
        radius = max(usable_radius(curve, iteration, settings) for curve in curves)
        fsc = np.array([curve.fsc[: radius + 1] for curve in curves])
        volume = composite_map([state.volume for state in present], self._masks, whole.volume)
        weights = fit_weights(fsc.mean(axis=0))
        gmm, gmm_fsc = gmm_of_map(volume, self._mask, pixel_size, weights, settings, self._progress, **where)
        disc = half_disc(start.box_size, min(radius + 3, start.box_size // 2 - 1))
        parts = self._parts(gmm, where)
        reliability = [reference_reliability(fsc[patch], gmm_fsc) for patch in parts]
        every = [(state.particles.rotations, state.particles.shifts) for state in present]
        poses = [every[patch] for patch in parts]
        start = replace(start, scale=present[0].particles.scale)
        start = with_measured_scale(start, gmm, np.mean(reliability, axis=0), settings, self._progress, where)
        windows = self._windows(parts, poses, disc, radius)
        project = PROJECTORS[settings.projector]
        scene = Scene(
            [(project(part, disc, pixel_size), *pose) for part, pose in zip(parts.values(), poses)],
            np.pad(np.mean(reliability, axis=0), (0, disc.radius - radius)),
            windows,
        )
        refiners = self._refiners(parts, windows, (reliability, [certain_part(fsc[patch]) for patch in parts]), where)
        reader = ImageReader(start, disc, settings.invert_contrast)
        rng = stream("images of the patch schedule", settings.seed, iteration, number)
        with self._progress.step("refine poses", len(start), **where) as report:
            seen = refine_poses(
                refiners,
                reader,
                settings.batch_size,
                [window.inward(start.rotations, start.shifts) for window in windows],
                rng,
                [window.inward(*pose) for window, pose in zip(windows, poses)],
                scene,
                report,
            )
        if iteration == 1:
            for patch, refiner in zip(parts, refiners):
                report_prior(refiner.prior, self._progress, {**where, "patch": patch + 1})
                save_prior(self._prior_path(patch, number), refiner.prior)
        improved = {
            patch: (*window.outward(*pose), window.outward_covariance(pose[0], covariance))
            for patch, window, (*pose, covariance) in zip(parts, windows, seen)
        }
        return start, [improved.get(patch, (*every[patch], state.covariance)) for patch, state in enumerate(present)]

    def _parts(self, gmm, where):
        """The Gaussians of a half's map by patch, dict of index to Gmm, without patches that have none."""
        owner = nearest_patch(gmm.centers, self._patches)
        parts = {int(patch): gmm.subset(owner == patch) for patch in np.unique(owner)}
        empty = [str(patch + 1) for patch in range(len(self._patches)) if patch not in parts]
        if empty:
            self._progress.note(
                "patches",
                f"none of the {len(gmm)} Gaussians of the map ({place_in_run(where)}) lies in patch "
                f"{', '.join(empty)}: poses stay as they are there. Ask for more Gaussians, or fewer patches",
            )
        return parts

    def _windows(self, parts, poses, disc, radius):
        """A window for each patch, all of one size, so that they share compiled kernels."""
        pixel_size, centers = self._particles.pixel_size, [self._patches[patch].center for patch in parts]
        size = window_size(
            [part.about(center) for part, center in zip(parts.values(), centers)], disc.box_size, pixel_size, radius
        )
        return [Window(center, pose, disc, size, pixel_size) for center, pose in zip(centers, poses)]

    def _refiners(self, parts, windows, shares, where):
        """A refiner for each patch, about its own centre; the priors are those of the first iteration.

        ``shares`` are the reliability of each part, and what of it is certain, by ring.
        """
        is_first, half = where["iteration"] == 1, where["half"]
        return [
            make_refiner(
                part.about(self._patches[patch].center),
                window.curve(curve),
                window.disc,
                self._particles.pixel_size,
                self._settings,
                True,
                None if is_first else load_prior(self._prior_path(patch, half)),
                lowest_ring=window.lowest_ring,
                certain=window.curve(least),
            )[1]
            for (patch, part), window, curve, least in zip(parts.items(), windows, *shares)
        ]

    def _priors_are_whole(self, count, half):
        """Whether the priors that the first iteration learned can be read; damaged ones are named and learned again."""
        damaged = []
        for patch in range(count):
            path = self._prior_path(patch, half)
            try:
                load_prior(path)
            except (OSError, *DAMAGED) as error:
                self._progress.say(f"{path} is damaged ({error}): iteration 1 of the patches is made again")
                damaged.append(path)
        for path in damaged:
            os.unlink(path)
        return not damaged

    def _prior_path(self, patch, half):
        """Where the prior that the first iteration learned is kept; learning it anew each time costs more than the poses."""
        return self._run.path("patches", f"{patch + 1:02d}", "iterations", "01", f"motion_half_{half}.npz")


def by_patch(states):
    """Halves of HalfState for each patch, a list, of Halves of a list of HalfState."""
    return [Halves(*pair) for pair in zip(*states.both())]


def save_prior(path, prior):
    """Save a MotionPrior; any other was given and will be again."""
    if isinstance(prior, MotionPrior):
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, covariance=prior.covariance)


def load_prior(path):
    """The prior of ``save_prior``, or None."""
    if not os.path.exists(path):
        return None
    covariance = read_npz(path)["covariance"]
    if covariance.ndim != 2 or not np.isfinite(covariance).all():
        raise ValueError("no covariance of finite numbers")
    return MotionPrior(covariance)
