"""The maps of an audit: read, placed, put on one grid, and scored."""

import os
from dataclasses import dataclass, replace

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import SAME_VOXEL_SIZE, read_grid
from gmmrefine.pipelines.map_quality import MapQuality, map_quality, read_half_maps
from gmmrefine.pipelines.model_place import Place, PlacedModel, check_place, places_of
from gmmrefine.pipelines.qscore import refuse_flat, score
from gmmrefine.validation.audit import densities
from gmmrefine.validation.orientation import find_orientation
from gmmrefine.validation.qscore import beyond_reach
from gmmrefine.validation.same_grid import (
    displacement,
    evened,
    grid_differences,
    is_displaced,
    is_notable,
    overlap,
    resampled,
)

_FEWEST_PLANES = 8
_LEAST_CORRELATION = 0.1  # of two maps of one molecule
_SOLVENT = 1  # first number of the random stream


@dataclass
class ScoredMap:
    """One map of the audit.

    Parameters
    ----------
    name : str
    path : str
    values : (A,) float
        Q-scores; NaN where the atom lies outside this map or the first.
    outside, flat : (A,) bool
        The atom lies outside this map; the map is constant around it.
    density : (A,) float
        Above the solvent's, map units.
    origin : (3,) float
        Of the map's first voxel in the frame of the model, Å.
    notes : dict
        What was found and done, for run.json.
    quality : MapQuality
    """

    name: str
    path: str
    values: np.ndarray
    outside: np.ndarray
    flat: np.ndarray
    density: np.ndarray
    origin: np.ndarray
    notes: dict
    quality: MapQuality


def score_maps(paths, half_paths, models, atoms, settings, progress):
    """Every map on the grid of the first, scored, list of ScoredMap; the half maps are those of the first."""
    reference, maps, given = None, [], check_place(settings, len(paths))
    for path, name, model, known in zip(paths, _short_names(paths), models, given):
        own, found = _in_frame_of(model.positions, path, model.path, known, reference, settings, progress)
        grid, notes = own, {"path": path, "resampled": False, **found}
        if reference is None:
            reference = own
        else:
            grid = _on_grid_of(reference, own, path, paths[0], settings.grids, notes)
        progress.say(f"{name}{' (resampled)' if notes['resampled'] else ''}:")
        scores = score(model.positions, grid, float(settings.sigma), path, progress)
        outside = beyond_reach(model.positions, own)
        values = np.where(outside, np.nan, scores.values)
        rng = np.random.default_rng([_SOLVENT, settings.seed])
        halves = read_half_maps(half_paths, grid, path) if not maps else []
        quality = map_quality(replace(atoms, positions=model.positions), grid, values, settings, halves)
        maps.append(
            ScoredMap(
                name,
                path,
                values,
                outside,
                scores.flat & ~outside,
                densities(model.positions, grid, rng),
                own.origin,
                notes,
                quality,
            )
        )
    return maps


def _in_frame_of(positions, path, model, given, reference, settings, progress):
    """A map in the frame of the model, and what is to be said of it in run.json; the first must hold the model.

    Others may lack a part of it, which is what the audit is for; one on the first map's grid may lie where that does.
    """
    own, also = read_grid(path), []
    refuse_flat(own, path)
    if (
        reference is not None
        and own.data.shape == reference.data.shape
        and np.allclose(own.voxel_sizes, reference.voxel_sizes, rtol=SAME_VOXEL_SIZE)
    ):
        also = [Place("reference", reference.origin, "where the first map lies")]
    placed = PlacedModel(positions, own, places_of(own, settings, given, also))
    if reference is None:
        placed.settle(model, path, progress.say)
    else:
        progress.say(placed.sentence(path))
    return placed.grid, placed.found


def refuse_maps_without_common_atom(maps):
    """Refuse maps that show different parts of the molecule: nothing in them can be compared."""
    if not np.any(scored_in_all(maps)):
        fewest = min(maps, key=lambda each: np.sum(~np.isnan(each.values)))
        raise InputError(
            f"no atom lies inside all maps; {fewest.path} holds the fewest, {np.sum(~np.isnan(fewest.values))}. Leave out maps "
            "of another region, or audit each by itself."
        )


def scored_in_all(maps):
    """Which atoms (A,) have a Q in every map."""
    return np.all([~np.isnan(each.values) for each in maps], axis=0)


def _on_grid_of(reference, own, path, reference_path, policy, notes):
    """A map on the grid of the reference, once it is sure that it shows the same molecule in the same place."""
    differences, grid = grid_differences(own, reference), own
    if differences and policy == "refuse":
        raise InputError(
            f"{path} is not on the grid of {reference_path}: {', '.join(differences)}. Resample it, or use --grids "
            "resample if its header is right."
        )
    grid = resampled(own, reference) if differences else own
    notes["resampled"] = bool(differences)
    where = overlap(own, reference)
    if any(len(range(*part.indices(size))) < _FEWEST_PLANES for part, size in zip(where, reference.data.shape)):
        raise InputError(
            f"{path} lies outside {reference_path}. Correct its header's origin, or give a map of the same region."
        )
    pair = evened(grid.data[where], reference.data[where], reference.voxel_sizes)
    orientation = find_orientation(*pair, reference.voxel_sizes)
    shift, correlation, inverted = displacement(*pair, reference.voxel_sizes)
    if orientation.is_other and orientation.correlation > inverted:
        notes.update(
            displacement=np.zeros(3),
            moved=False,
            correlation=orientation.in_place,
            orientation={
                "words": str(orientation),
                "mirrored": bool(orientation.is_mirrored),
                "angle": orientation.angle,
                "turn_axis": orientation.turn_axis.tolist(),
                "correlation": orientation.correlation,
                "in_place": orientation.in_place,
            },
        )
        return grid
    notes.update(displacement=shift, moved=is_notable(shift, reference.voxel_sizes), correlation=correlation)
    _refuse_other_map(path, reference_path, (shift, correlation, inverted), reference.voxel_sizes)
    return grid


def _refuse_other_map(path, reference_path, found, voxel_sizes):
    """Refuse a map that ``displacement`` found to be inverted, of another molecule, or moved."""
    shift, correlation, inverted = found
    if inverted > max(correlation, _LEAST_CORRELATION):
        raise InputError(
            f"the contrast of {path} is inverted against {reference_path}: with one of them negated their correlation is "
            f"{inverted:.2f}. Multiply the one whose molecule is dark by -1."
        )
    if correlation < _LEAST_CORRELATION:
        raise InputError(
            f"{path} does not resemble {reference_path}: their correlation is {correlation:.2f} at best. Give maps of one "
            "molecule whose headers place them in the same frame."
        )
    if is_displaced(shift, voxel_sizes):
        text = " ".join(f"{value:.1f}" for value in shift.round(1) + 0.0)
        raise InputError(
            f"{path} is moved by {text} Å (x y z) against {reference_path}. Correct its header's origin, or the program "
            "that wrote it; scores would compare different places."
        )


def _short_names(paths):
    """File names without suffix, with the folders that tell them apart where they are not different."""
    names = [os.path.basename(path).split(".mrc")[0].split(".map")[0] for path in paths]
    if len(set(names)) < len(names):
        folders = [os.path.dirname(os.path.abspath(path)) for path in paths]
        names = [os.path.relpath(os.path.join(*each), os.path.commonpath(folders)) for each in zip(folders, names)]
    return names if len(set(names)) == len(names) else list(paths)
