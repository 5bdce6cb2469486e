"""What depositions ask of a map and its model: their FSC, and where the mean Q stands among EMDB's entries."""

from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.figures.q_scores import write_model_fsc_figure
from gmmrefine.io.mrc import read_grid
from gmmrefine.io.star import StarBlock, text_columns, write_star
from gmmrefine.validation.map_character import constant_part, cut_part, is_noise_raised, noise_rise
from gmmrefine.validation.model_fsc import THRESHOLD, ModelInMap
from gmmrefine.validation.q_standing import DATE, SIGMA, standings
from gmmrefine.validation.qscore import q_scores
from gmmrefine.validation.same_grid import grid_differences

EMDB_NOTE = f"entries are EMDB's with atomic models, as of {DATE}; an estimate of the Q_relative of wwPDB's reports"
HALVES = "half map 1", "half map 2"
_DARK = -0.3  # a mean Q; a model 3 Å beside its peaks has -0.1, in an inverted map -0.6 and less


@dataclass
class MapQuality:
    """What was measured of one map.

    Parameters
    ----------
    curves : dict of str to ModelFsc
        Against the map, and against the half maps where they are given.
    results : dict
        For run.json.
    """

    curves: dict
    results: dict


def read_half_maps(paths, grid, map_path):
    """The two half maps of a map as arrays (Z, Y, X); an empty list without paths.

    Raises
    ------
    InputError
        One file given twice, or another box or voxel than the map's.
    """
    if paths and paths[0] == paths[1]:
        raise InputError(f"{paths[0]} is given as both half maps; expected two. Give the other one.")
    halves = []
    for path in paths:
        half = read_grid(path)
        differences = [each for each in grid_differences(half, grid) if not each.startswith("first voxel")]
        if differences:
            raise InputError(
                f"{path} is not on the grid of {map_path}: {', '.join(differences)}. Give the half maps of this map."
            )
        halves.append(half.data)
    return halves


def map_quality(atoms, grid, values, settings, halves=()):
    """Measure a map against its model.

    Parameters
    ----------
    atoms : Atoms
    grid : MapGrid
        In the frame of the model.
    values : (A,) float
        Q-scores with the settings' σ, NaN outside.
    settings : object
        ``sigma`` and ``map_resolution``.
    halves : sequence of (Z, Y, X) float
        Half maps on the same grid.

    Returns
    -------
    MapQuality
    """
    model = ModelInMap(atoms, grid)
    curves = {"map": model.fsc(grid.data), **dict(zip(HALVES, map(model.fsc, halves)))}
    if float(settings.sigma) != SIGMA:
        values = q_scores(atoms.positions, grid, SIGMA).values
    mean = float(np.nanmean(values))
    against_model = curves["map"].resolution
    resolution = settings.map_resolution or against_model or 0.0
    found = standings(mean, resolution)
    rise = noise_rise(model.power(grid.data), curves["map"].frequency, curves["map"].fsc)
    value, part = constant_part(grid.data)
    results = {
        "model_fsc": {name: {"resolution": curve.resolution, "text": str(curve)} for name, curve in curves.items()},
        "emdb": {
            "mean_q": mean,
            "sigma": SIGMA,
            "date": DATE,
            "resolution": resolution,
            "resolution_from": "given" if settings.map_resolution else "FSC with the model",
            "standings": [
                {"percentile": each.percentile, "entries": each.entries, "resolutions": each.resolutions} for each in found
            ],
            "text": _standing_text(mean, resolution, bool(settings.map_resolution), found),
        },
        "noise_rise": rise,
        "constant_part": part,
        "constant_value": value,
        "constant_is_lowest": bool(value <= grid.data.min()),
        "cut_part": cut_part(grid.data),
    }
    return MapQuality(curves, dict(results, lines=_quality_lines(results)))


def _quality_lines(results):
    """Sentences on the quality of a map, list of str, from ``MapQuality.results``."""
    curves = results["model_fsc"]
    halves = "".join(f"; {name}: {each['text']}" for name, each in curves.items() if name != "map")
    return [f"map against model: {curves['map']['text']}{halves}", results["emdb"]["text"]]


def map_lines(quality, rise_in_reference=0.0, mean_q=None):
    """What was done to a map, list of str, by ``MapQuality.results``."""
    lines = []
    if mean_q is not None and mean_q < _DARK:
        lines.append(
            f"the contrast looks inverted: mean Q {mean_q:.3f}, so the molecule is dark. Multiply the map by -1; its scores "
            "say nothing as they are"
        )
    elif mean_q is not None and mean_q < 0:
        lines.append(
            f"the contrast looks inverted, or the model does not sit on the peaks of the map: mean Q {mean_q:.3f}. Look at "
            "both; multiply the map by -1 if the molecule is dark in it"
        )
    if is_noise_raised(quality["noise_rise"], rise_in_reference):
        lines.append(
            f"it was sharpened without a low-pass: towards Nyquist, where nothing agrees with the model, its power is "
            f"{quality['noise_rise']:.2g} times that at 7 to 15 Å. Low-pass it to its resolution; as it is noise decides its "
            "scores"
        )
    part, value = quality["constant_part"], quality["constant_value"] + 0.0  # never "-0"
    if part:
        lines.append(
            f"is {value:g}, its lowest value, in {part:.0%} of its box: cut below there, or masked; what was weaker or outside "
            "has no density, whatever was measured"
            if quality["constant_is_lowest"]
            else f"is {value:g} outside a mask, in {part:.0%} of its box; what the mask leaves out has no density there, "
            "whatever was measured"
        )
    if quality["cut_part"]:
        lines.append(
            f"has its highest value in {quality['cut_part']:.2%} of its voxels: values were cut there, and peaks are flat"
        )
    return lines


def write_model_fsc(run, by_map, title):
    """Write ``model_fsc.star`` (one row per map and shell) and its figure; ``by_map`` is a dict of str to ModelFsc."""
    write_star(
        run.path("model_fsc.star"),
        [
            StarBlock(
                "model_fsc",
                text_columns(
                    {
                        "gmmMap": np.concatenate([np.full(len(curve.fsc), name) for name, curve in by_map.items()]),
                        "gmmFrequency": np.concatenate([curve.frequency for curve in by_map.values()]),
                        "gmmFsc": np.concatenate([curve.fsc for curve in by_map.values()]),
                    }
                ),
            )
        ],
    )
    write_model_fsc_figure(
        run.path("figures", "model_fsc.png"),
        title,
        {name: (curve.frequency, curve.fsc) for name, curve in by_map.items()},
        THRESHOLD,
    )


def _standing_text(mean, resolution, is_given, found):
    """Where a mean Q stands, as one sentence."""
    known = "" if is_given else " by the FSC with the model"
    alike = f", {found[1]} (resolution {resolution:.2f} Å{known})" if len(found) > 1 else ""
    return f"mean Q {mean:.3f} with σ {SIGMA} Å: {found[0]}{alike}"
