"""Q-scores of a model in a map, by atom, residue, chain and component class."""

import re

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.figures.q_scores import write_class_figure, write_residue_figure
from gmmrefine.io.atoms_writer import write_scored_model
from gmmrefine.io.chimerax import Colours, write_attribute, write_script
from gmmrefine.io.star import StarBlock, optional_column, text_columns, write_star
from gmmrefine.pipelines.map_quality import EMDB_NOTE, map_lines, map_quality, read_half_maps, write_model_fsc
from gmmrefine.pipelines.model_notes import SCORED, model_counts, notes_on_model, notes_on_places, place_counts, some
from gmmrefine.pipelines.model_place import place_model, position_text
from gmmrefine.validation.component_class import component_classes, unknown_residues
from gmmrefine.validation.q_summary import POLYMERS, expected_q, present_classes, residue_scores, statistics
from gmmrefine.validation.qscore import REACH, q_scores

_LOW_Q = 0.1
_PALETTE = "0,red:0.4,orange:0.6,white:0.8,cornflowerblue:1,blue"


def score(positions, grid, sigma, map_path, progress):
    """Q-score of every atom, once it is sure that the model and the map belong together.

    Parameters
    ----------
    positions : (A, 3) float
        Å, frame of the map.
    grid : MapGrid
    sigma : float
        Å.
    map_path : str
        For messages.
    progress : Progress

    Returns
    -------
    QScores

    Raises
    ------
    InputError
        The map is constant, or no atom lies inside it.
    """
    refuse_flat(grid, map_path)
    with progress.step("score atoms", len(positions), unit="atoms") as report:
        scores = q_scores(positions, grid, sigma, report)
    if scores.outside.all():
        raise InputError(
            f"{map_path} holds x y z from {position_text(grid.origin)} to {position_text(grid.last)} Å, but the model's atoms "
            f"lie from {position_text(positions.min(axis=0))} to {position_text(positions.max(axis=0))} Å: none of them is "
            f"inside with the {REACH:g} Å around it. Fit the model into the map and save it again."
        )
    return scores


def refuse_flat(grid, map_path):
    """Refuse a MapGrid of one value everywhere."""
    if np.ptp(grid.data) == 0:
        raise InputError(
            f"{map_path}: all {grid.data.size} voxels are {grid.data.flat[0] + 0.0:g}; a Q-score needs density. Give "
            "another map."
        )


def qscore(atoms, left_out, grid, paths, settings, run, half_maps=()):
    """Score a model in a map, compare them by FSC, and write tables, figures and a coloured model.

    Parameters
    ----------
    atoms : Atoms
    left_out : LeftOut
    grid : MapGrid
        Where its header says.
    paths : tuple of str
        Model and map.
    settings : QscoreSettings
    run : Run
    half_maps : sequence of str
        Two, which are compared with the model too, or none.

    Returns
    -------
    dict
        Results for run.json.
    """
    sigma = float(settings.sigma)
    refuse_flat(grid, paths[1])
    grid, found = place_model(atoms.positions, grid, paths, settings, run.progress.say)
    scores = score(atoms.positions, grid, sigma, paths[1], run.progress)
    if not scores.values[~scores.outside].any():
        raise InputError(
            f"{paths[1]} is flat around every atom of {paths[0]}: all Q-scores are 0, which says nothing. Does the map hold "
            "single strong voxels only, or the model lie beside its density? Look at both together."
        )
    halves = read_half_maps(half_maps, grid, paths[1])
    quality = map_quality(atoms, grid, scores.values, settings, halves)
    classes = component_classes(atoms)
    residues = residue_scores(scores.values, classes, atoms)
    expected = _expected(classes, settings.map_resolution, sigma) if settings.map_resolution else {}
    _write_tables(run, atoms, classes, scores, residues)
    _write_figures(run, atoms, classes, scores, residues, expected, sigma)
    _write_model(run, atoms, scores, paths, grid.origin)
    write_model_fsc(run, quality.curves, "the map against the model")
    results = dict(_results(atoms, left_out, classes, scores, sigma, expected), quality=quality.results, **found)
    results["about_map"] = map_lines(quality.results, mean_q=results["mean_q"])
    _say(results, run.progress)
    return results


def atom_columns(atoms, classes):
    """What the rows of an atom table have in common, dict of str to (A,) values."""
    return {
        "gmmChain": atoms.chains,
        "gmmResidueName": atoms.residue_names,
        "gmmResidueNumber": atoms.residue_numbers,
        "gmmInsertionCode": _or_none(atoms.insertion_codes),
        "gmmAtomName": atoms.names,
        "gmmElement": atoms.elements,
        "gmmClass": classes,
    }


def write_table(run, name, columns):
    """Write ``name.star`` with one table of that name: a dict of str to (R,) values."""
    write_star(run.path(f"{name}.star"), [StarBlock(name, text_columns(columns))])


def _expected(classes, resolution, sigma):
    """The expected Q of the kinds of polymer that the model holds."""
    return {kind: value for kind, value in expected_q(resolution, sigma).items() if np.isin(classes, POLYMERS[kind]).any()}


def _write_tables(run, atoms, classes, scores, residues):
    place = dict(zip(("gmmModelX", "gmmModelY", "gmmModelZ"), atoms.positions.T))
    write_table(
        run,
        "qscore",
        {
            **atom_columns(atoms, classes),
            **place,
            "gmmOccupancy": atoms.occupancies,
            "gmmQScore": optional_column(scores.values),
        },
    )
    first = residues.first_atom
    write_table(
        run,
        "residues",
        {
            "gmmChain": atoms.chains[first],
            "gmmResidueName": atoms.residue_names[first],
            "gmmResidueNumber": atoms.residue_numbers[first],
            "gmmInsertionCode": _or_none(atoms.insertion_codes[first]),
            "gmmAtoms": residues.atoms,
            "gmmAtomsOutside": residues.atoms_outside,
            "gmmQBackbone": optional_column(residues.backbone),
            "gmmQSideChain": optional_column(residues.side_chain),
            "gmmQMean": optional_column(residues.mean),
            "gmmQWindow": optional_column(residues.window),
        },
    )
    _write_statistics(run, "chains", "gmmChain", atoms.chains, list(dict.fromkeys(atoms.chains)), scores.values)
    _write_statistics(run, "classes", "gmmClass", classes, present_classes(classes), scores.values)


def _write_statistics(run, name, label, group, groups, values):
    """Statistics of the scores (A,) of each group of atoms as a table."""
    rows = [statistics(values[group == each]) for each in groups]
    counts = {key: np.array([row[key] for row in rows]) for key in ("gmmAtoms", "gmmAtomsOutside")}
    means = {key: optional_column([row[key] for row in rows]) for key in rows[0] if key not in counts}
    write_table(run, name, {label: np.array(groups), **counts, **means})


def _write_figures(run, atoms, classes, scores, residues, expected, sigma):
    first, polymer = residues.first_atom, ~np.isnan(residues.window)
    for chain in dict.fromkeys(atoms.chains[first][polymer]):
        rows = np.flatnonzero(polymer & (atoms.chains[first] == chain))
        of_chain = {kind: expected[kind] for kind in expected if np.isin(classes[first[rows]], POLYMERS[kind]).any()}
        write_residue_figure(
            run.path("figures", f"residues_{re.sub('[^A-Za-z0-9-]', '_', chain)}.png"),
            f"chain {chain}, Q-score with σ {sigma} Å",
            atoms.residue_numbers[first[rows]],
            residues.mean[rows],
            residues.window[rows],
            expected=of_chain,
        )
    scored = ~scores.outside
    by_class = {name: scores.values[scored & (classes == name)] for name in present_classes(classes[scored])}
    write_class_figure(run.path("figures", "classes.png"), f"Q-score with σ {sigma} Å, number of atoms", {"map": by_class})


def _write_model(run, atoms, scores, paths, origin):
    write_scored_model(paths[0], run.path("qscore.cif"), {"Q_score": scores.values})
    write_attribute(run.path("qscore.defattr"), "gmm_q", atoms, scores.values)
    write_script(
        run.path("qscore.cxc"),
        run.path("qscore.cif"),
        Colours(run.path("qscore.defattr"), "gmm_q", _PALETTE),
        [paths[1]],
        [origin],
    )


def _results(atoms, left_out, classes, scores, sigma, expected):
    scored = scores.values[~scores.outside]
    return {
        "sigma": sigma,
        "atoms": len(scored),
        "mean_q": float(scored.mean()),
        "median_q": float(np.median(scored)),
        "mean_q_by_class": {
            name: statistics(scores.values[classes == name])["gmmQMean"] for name in present_classes(classes[~scores.outside])
        },
        "contrast_looks_inverted": bool(scored.mean() < 0),
        "expected_q": expected,
        **place_counts(atoms, scores.outside, scores.flat),
        **model_counts(atoms, left_out),
        "unknown_residues": unknown_residues(atoms, classes),
    }


def _say(results, progress):
    for line in results["about_map"]:
        progress.say(f"note: {line}")
    for note in notes_on_model(results, SCORED) + notes_on_places(results):
        progress.say(note)
    if results["unknown_residues"]:
        progress.say(f"no class is known for {some(results['unknown_residues'])}")
    if 0 <= results["mean_q"] < _LOW_Q:
        progress.say(
            f"note: a mean Q below {_LOW_Q} is that of a model which does not sit on the peaks of the map, or of a map coarser "
            "than about 8 Å. Look at model and map with qscore.cxc"
        )
    for line in [*results["quality"]["lines"], EMDB_NOTE]:
        progress.say(line)
    for kind, value in results["expected_q"].items():
        progress.say(f"expected of {kind} at this resolution: {value:.3f}")
    for name, value in results["mean_q_by_class"].items():
        progress.say(f"{name.replace('_', ' ')}: mean Q {value:.3f}")
    progress.say(f"mean Q {results['mean_q']:.3f} of {results['atoms']} atoms (σ {results['sigma']} Å)")


def _or_none(codes):
    return np.where(codes == "", "<NA>", codes)
