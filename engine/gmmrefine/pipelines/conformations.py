"""What learned motions look like: maps along them, models morphed by them, particles sorted by them."""

import os

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.figures.heterogeneity import draw_motion
from gmmrefine.gmm.render import render_map
from gmmrefine.heterogeneity.conformations import (
    axis_path,
    conformation,
    direction_cosine,
    line_through,
    motion_sizes,
)
from gmmrefine.io.chimerax import Movie, write_movie
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.mrc import write_map
from gmmrefine.io.star import StarBlock, text_columns, write_star
from gmmrefine.maps.mask import molecule_threshold
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.heterogeneity_folder import MotionGrid, MovingHalf
from gmmrefine.pipelines.latent_subsets import check_subsets
from gmmrefine.pipelines.model_place import check_place
from gmmrefine.pipelines.morph import write_morphs
from gmmrefine.settings import ConformationsSettings, Placed, names_of

_BOTH = "both"
_MOST_MEASURED = 2000  # particles of a half; enough for a histogram
_ALIKE = 0.5  # cosine; below, frames of the same number show different things


def check_settings(settings, model, halves):
    """Refuse settings that mean nothing, or do not fit what was learned (list of MovingHalf); ``model`` may be none."""
    refuse_ignored(
        settings,
        [
            (bool(settings.through) and not settings.subsets, "--through", ("axis",)),
            (bool(settings.through) and len(latent_points(settings.through, halves)) == 1, "one point", ("frames",)),
            (settings.at_points, "--at-points", ("frames",)),
            (not settings.through, "no --through", ("at_points",)),
            (not settings.subsets, "no --subsets", ("fsc_threshold",)),
            (not model, "no --model", names_of(Placed)),
        ],
    )
    check_place(settings)
    size = halves[0].latent.shape[1]
    if settings.axis > size:
        raise InputError(f"--axis {settings.axis}: the run has {size} latent dimensions. Give a number from 1 to {size}.")
    check_subsets(settings, halves)


def latent_points(text, halves):
    """Points (P, D) of the latent space from text such as ``0.5 0; 1 0.2``."""
    size, points = halves[0].latent.shape[1], []
    for number, part in enumerate(text.strip().rstrip(";").split(";"), 1):
        try:
            point = [float(value) for value in part.replace(",", " ").split()]
        except ValueError:
            point = []
        if len(point) != size or not np.isfinite(point).all():
            raise InputError(
                f"--through '{text}': point {number} is '{part.strip()}'; expected {size} numbers, as the run has {size} "
                "latent dimensions, and points separated by semicolons."
            )
        points.append(point)
    return np.array(points)


def chosen_halves(settings, halves):
    """The half sets (list of MovingHalf) that the settings name."""
    return [half for half in halves if settings.half in (_BOTH, str(half.number))]


def path_of(half, settings):
    """The latents (F, D) at which conformations of a MovingHalf are shown."""
    if settings.through:
        points = latent_points(settings.through, [half])
        return points if settings.at_points else line_through(points, settings.frames)
    return axis_path(half.latent, settings.axis, settings.frames)


def conformations(halves, grid, model, settings, folder, progress):
    """Write the conformations of each half set by its own network: GMMs, maps, a movie, a model's morph, a histogram.

    Parameters
    ----------
    halves : list of MovingHalf
    grid : MotionGrid
    model : ModelInMaps or None
    settings : ConformationsSettings
    folder : str
        Where to write.
    progress : Progress

    Returns
    -------
    dict
        Results for run.json.
    """
    halves = chosen_halves(settings, halves)
    paths = [path_of(half, settings) for half in halves]
    for half, path in zip(halves, paths):
        note_guesses(half, path, progress)
    results, backward = {"frames": len(paths[0])}, [False, False]
    if len(halves) == 2 and len(paths[0]) > 1:
        results["cosine"] = cosine = direction_cosine([half.motion for half in halves], paths)
        backward = [False, cosine < 0]
        if abs(cosine) < _ALIKE:
            progress.say(f"note: the half sets move differently here, cosine {cosine:.2f}; do not compare their frames")
    maps = [write_frames(half, path, grid, folder, progress) for half, path in zip(halves, paths)]
    morphs = [None, None]
    if model is not None:
        morphs, results["largest_movement"] = write_morphs(model, halves, paths, grid, folder, progress)
    movies = [Movie(names, level, morph, is_backward) for (names, level), morph, is_backward in zip(maps, morphs, backward)]
    write_movie(os.path.join(folder, "movie.cxc"), movies, grid.box_size * grid.pixel_size)
    write_frame_table(os.path.join(folder, "frames.star"), halves, paths)
    results["motion"] = write_histogram(os.path.join(folder, "motion.png"), halves, grid)
    return results


def note_guesses(half, path, progress):
    """Say how many latents (F, D) of a path lie where the MovingHalf has no particles."""
    beyond = ((path < half.latent.min(axis=0)) | (path > half.latent.max(axis=0))).any(axis=1)
    if beyond.any():
        progress.say(
            f"note: {beyond.sum()} of {len(path)} conformations of half {half.number} lie beyond all its particles, where the "
            "decoder guesses"
        )


def write_frames(half, path, grid, folder, progress):
    """GMM and map of every latent (F, D) of a path; the maps' file names, and a level at which the first shows the molecule."""
    names, level = [], None
    with progress.step("make conformations", len(path), unit="maps", half=half.number) as report:
        for frame, latent in enumerate(path, 1):
            name = os.path.join(folder, f"half_{half.number}", f"frame_{frame:02d}")
            gmm = conformation(half.motion, latent)
            volume = render_map(gmm, grid.box_size, grid.pixel_size, grid.radius)
            write_gmm(f"{name}.star", gmm)
            write_map(f"{name}.mrc", volume, grid.pixel_size)
            level = molecule_threshold(volume) if level is None else level
            names.append(f"{name}.mrc")
            report(frame)
    return names, level


def write_frame_table(path, halves, paths):
    """Which latent each frame is, and how far it is from neutral, as STAR; ``paths`` are (F, D) each."""
    latent = np.concatenate(paths)
    all_of, mobile = (
        np.concatenate(parts) for parts in zip(*(motion_sizes(half.motion, part) for half, part in zip(halves, paths)))
    )
    columns = {
        "gmmHalf": np.repeat([half.number for half in halves], [len(part) for part in paths]),
        "gmmFrame": np.concatenate([np.arange(1, len(part) + 1) for part in paths]),
    }
    columns.update({f"gmmLatent{axis + 1}": values for axis, values in enumerate(latent.T)})
    columns.update({"gmmMotion": mobile, "gmmMotionOfMolecule": all_of})
    write_star(path, [StarBlock("frames", text_columns(columns))])


def write_histogram(path, halves, grid):
    """Draw how far particles are from neutral; quartiles in Å of each half for run.json."""
    sizes = [motion_sizes(half.motion, half.latent[:: 1 + (len(half.latent) - 1) // _MOST_MEASURED]) for half in halves]
    parts = {"all Gaussians": [whole for whole, _ in sizes]}
    if grid.focus is not None:
        parts["Gaussians of the region"] = [region for _, region in sizes]
    draw_motion(path, parts, [half.number for half in halves])
    return {
        name: [np.percentile(values, (25, 50, 75)).round(3).tolist() for values in groups] for name, groups in parts.items()
    }


def show_learned(learned, shared, folder, progress):
    """The conformations that every heterogeneity run ends with: those along its first axis.

    Parameters
    ----------
    learned : list of LearnedHalf
    shared : Shared
    folder : str
    progress : Progress

    Returns
    -------
    dict
        Results for run.json.
    """
    particles = learned[0].particles
    halves = [MovingHalf(number, half.model, half.latent) for number, half in enumerate(learned, 1)]
    grid = MotionGrid(particles.box_size, particles.pixel_size, shared.radius, shared.masks.focus)
    return conformations(halves, grid, None, ConformationsSettings(), folder, progress)
