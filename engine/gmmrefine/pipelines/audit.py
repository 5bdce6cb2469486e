"""The audit of modified maps: Q by component class, and what became of each ligand, ion, lipid and water."""
import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atoms_writer import write_scored_model
from gmmrefine.io.chimerax import write_attribute, write_script
from gmmrefine.io.mrc import SAME_VOXEL_SIZE, read_grid
from gmmrefine.io.q_figures import write_change_figure, write_class_figure, write_status_figure
from gmmrefine.io.star import optional_column, text_columns
from gmmrefine.pipelines.model_notes import SCORED, model_counts, notes_on_model, notes_on_places, place_counts, some
from gmmrefine.pipelines.model_place import Place, PlacedModel, check_place, places_of
from gmmrefine.pipelines.qscore import atom_columns, refuse_flat, score, write_table
from gmmrefine.pipelines.refitted_models import refitted_models
from gmmrefine.validation.audit import (
    KEPT,
    LOST,
    STATUSES,
    UNJUDGED,
    WEAKENED,
    densities,
    find_copies,
    judge,
    mean_change,
    relative_to_polymer,
)
from gmmrefine.validation.component_class import component_classes, unknown_residues
from gmmrefine.validation.q_summary import present_classes
from gmmrefine.validation.qscore import beyond_reach
from gmmrefine.validation.same_grid import displacement, grid_differences, is_displaced, is_notable, overlap, resampled

_FEWEST_PLANES = 8
_LEAST_CORRELATION = 0.1  # of two maps of one molecule
_PALETTE = "-0.4,red:0,white:0.4,blue"
_COLORS = {KEPT: "#4c78a8", WEAKENED: "#ffb000", LOST: "#d62728", UNJUDGED: "0.8"}
_LISTED = 30  # copies in the figure: those that were not kept come first
_SOLVENT, _RESAMPLING = 1, 2  # first numbers of the random streams of this file


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
    """

    name: str
    path: str
    values: np.ndarray
    outside: np.ndarray
    flat: np.ndarray
    density: np.ndarray
    origin: np.ndarray
    notes: dict


def audit(atoms, left_out, model, map_paths, refitted, settings, run, progress):
    """Score one model, or one refitted model per map, in several maps and write what differs from the first.

    Parameters
    ----------
    atoms : Atoms
    left_out : LeftOut
    model : str
        The file they come from.
    map_paths : list of str
        The first is the reference.
    refitted : list of str
        One model per map, or none.
    settings : object
        ``settings.AUDIT``.
    run : RunRecord
    progress : Progress

    Returns
    -------
    dict
        Results for run.json.
    """
    classes = component_classes(atoms)
    models = refitted_models(atoms, model, refitted, len(map_paths))
    maps = _score_maps(map_paths, models, settings, progress)
    _refuse_maps_without_common_atom(maps)
    copies, reference = find_copies(classes, atoms.residue_index), maps[0]
    levels = {each.name: _levels(reference, each, classes) for each in maps[1:]}
    statuses = {each.name: judge(
        copies, reference.values, each.values, *levels[each.name], classes, atoms.residue_index) for each in maps[1:]}
    changes = {each.name: _changes(classes, atoms.residue_index, reference, each, settings.seed) for each in maps[1:]}
    _write_tables(run, atoms, classes, copies, maps, levels, statuses, changes)
    _write_figures(run, atoms, classes, copies, maps, statuses, changes, settings.sigma)
    for number, each in enumerate(maps[1:], 2):
        _write_model(run, atoms, models[number - 1], number, reference, each)
    results = {
        **_results(atoms, classes, copies, maps, statuses, changes, settings, bool(refitted)), **model_counts(atoms, left_out)}
    _say(results, progress)
    return results


def _score_maps(paths, models, settings, progress):
    """Every map on the grid of the first, scored."""
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
        maps.append(ScoredMap(
            name, path, values, outside, scores.flat & ~outside, densities(model.positions, grid, rng), own.origin, notes))
    return maps


def _in_frame_of(positions, path, model, given, reference, settings, progress):
    """A map in the frame of the model, and what is to be said of it in run.json; the first must hold the model.

    Others may lack a part of it, which is what the audit is for; one on the first map's grid may lie where that does.
    """
    own, also = read_grid(path), []
    refuse_flat(own, path)
    if reference is not None and own.data.shape == reference.data.shape and np.allclose(
            own.voxel_sizes, reference.voxel_sizes, rtol=SAME_VOXEL_SIZE):
        also = [Place("reference", reference.origin, "where the first map lies")]
    placed = PlacedModel(positions, own, places_of(own, settings, given, also))
    if reference is None:
        placed.settle(model, path, progress.say)
    else:
        progress.say(placed.sentence(path))
    return placed.grid, placed.found


def _refuse_maps_without_common_atom(maps):
    """Refuse maps that show different parts of the molecule: nothing in them can be compared."""
    if not np.any(_scored_in_all(maps)):
        fewest = min(maps, key=lambda each: np.sum(~np.isnan(each.values)))
        raise InputError(
            f"no atom lies inside all maps; {fewest.path} holds the fewest, {np.sum(~np.isnan(fewest.values))}. Leave out maps "
            "of another region, or audit each by itself.")


def _scored_in_all(maps):
    """Which atoms (A,) have a Q in every map."""
    return np.all([~np.isnan(each.values) for each in maps], axis=0)


def _levels(reference, each, classes):
    """Densities in the reference and in another map, each relative to the polymer's atoms that both maps hold."""
    scored = ~np.isnan(reference.values + each.values)
    return tuple(relative_to_polymer(one.density, scored, classes) for one in (reference, each))


def _on_grid_of(reference, own, path, reference_path, policy, notes):
    """A map on the grid of the reference, once it is sure that it shows the same molecule in the same place."""
    differences, grid = grid_differences(own, reference), own
    if differences and policy == "refuse":
        raise InputError(
            f"{path} is not on the grid of {reference_path}: {', '.join(differences)}. Resample it, or use --grids "
            "resample if its header is right.")
    grid = resampled(own, reference) if differences else own
    notes["resampled"] = bool(differences)
    where = overlap(own, reference)
    if any(len(range(*part.indices(size))) < _FEWEST_PLANES for part, size in zip(where, reference.data.shape)):
        raise InputError(
            f"{path} lies outside {reference_path}. Correct its header's origin, or give a map of the same region.")
    shift, correlation, inverted = displacement(grid.data[where], reference.data[where], reference.voxel_sizes)
    notes.update(displacement=shift, moved=is_notable(shift, reference.voxel_sizes), correlation=correlation)
    if inverted > max(correlation, _LEAST_CORRELATION):
        raise InputError(
            f"the contrast of {path} is inverted against {reference_path}: with one of them negated their correlation is "
            f"{inverted:.2f}. Multiply the one whose molecule is dark by -1.")
    if correlation < _LEAST_CORRELATION:
        raise InputError(
            f"{path} does not resemble {reference_path}: their correlation is {correlation:.2f} at best. Give maps of one "
            "molecule whose headers place them in the same frame.")
    if is_displaced(shift, reference.voxel_sizes):
        text = " ".join(f"{value:.1f}" for value in shift.round(1) + 0.0)
        raise InputError(
            f"{path} is moved by {text} Å (x y z) against {reference_path}. Correct its header's origin, or the program "
            "that wrote it; scores would compare different places.")
    return grid


def _changes(classes, residue_index, reference, each, seed):
    """Mean change of Q with its confidence interval, by class."""
    change = each.values - reference.values
    scored = ~np.isnan(change)
    rng = np.random.default_rng([_RESAMPLING, seed])
    return {
        name: mean_change(change[scored & (classes == name)], residue_index[scored & (classes == name)], rng)
        for name in present_classes(classes[scored])}


def _write_tables(run, atoms, classes, copies, maps, levels, statuses, changes):
    reference, others = maps[0], maps[1:]
    scores = {f"gmmQScoreMap{number}": optional_column(each.values) for number, each in enumerate(maps, 1)}
    write_table(run, "atoms", {**atom_columns(atoms, classes), **scores})
    write_table(run, "maps", {
        "gmmMapNumber": np.arange(1, len(maps) + 1), "gmmMap": np.array([each.name for each in maps]),
        "gmmMapFile": np.array([each.path for each in maps]),
        "gmmResampled": np.array([each.notes["resampled"] for each in maps]),
        "gmmQMean": optional_column([np.nanmean(each.values) for each in maps])})
    what = atom_columns(atoms.subset(copies.first_atom), classes[copies.first_atom])
    what = {label: what[label] for label in what if label not in ("gmmAtomName", "gmmElement")}
    write_table(run, "audit", _joined([
        _copy_rows(copies, what, reference, each, levels[each.name], statuses[each.name]) for each in others]))
    write_table(run, "changes", _joined([_change_rows(classes, reference, each, changes[each.name]) for each in others]))


def _copy_rows(copies, what, reference, each, levels, statuses):
    """What became of each copy in one map."""
    before, after = copies.means(reference.values), copies.means(each.values)
    return {
        "gmmMap": np.full(len(copies), each.name), **what, "gmmAtoms": copies.sizes, "gmmQReference": optional_column(before),
        "gmmQScore": optional_column(after), "gmmQChange": optional_column(after - before),
        "gmmDensityReference": optional_column(copies.means(levels[0])),
        "gmmDensity": optional_column(copies.means(levels[1])), "gmmStatus": statuses}


def _change_rows(classes, reference, each, changes):
    """Change of Q of each class in one map, over the atoms that both maps hold."""
    scored = ~np.isnan(reference.values + each.values)
    members = [scored & (classes == name) for name in changes]
    middle, low, high = np.array(list(changes.values())).reshape(-1, 3).T
    return {
        "gmmMap": np.full(len(changes), each.name), "gmmClass": np.array(list(changes)),
        "gmmAtoms": np.array([one.sum() for one in members]),
        "gmmQReference": optional_column([reference.values[one].mean() for one in members]),
        "gmmQMean": optional_column([each.values[one].mean() for one in members]), "gmmQChange": optional_column(middle),
        "gmmQChangeLow": optional_column(low), "gmmQChangeHigh": optional_column(high)}


def _joined(tables):
    """Tables with the same columns one below the other."""
    text = [text_columns(table) for table in tables]
    return {label: np.concatenate([table[label] for table in text]) for label in text[0]}


def _write_model(run, atoms, model, number, reference, each):
    """Write the model that a map was scored with, carrying the scores, and a script that colours it by the change."""
    path, attribute, change = run.path(f"change_map_{number}"), "gmm_q_change", each.values - reference.values
    scores = {"Q_change": change, "Q_score": each.values, "Q_reference": reference.values}
    write_scored_model(model.path, f"{path}.cif", {name: values[model.in_file_order] for name, values in scores.items()})
    write_attribute(f"{path}.defattr", attribute, atoms, change)
    write_script(
        f"{path}.cxc", f"{path}.cif", f"{path}.defattr", attribute, _PALETTE, [reference.path, each.path],
        [reference.origin, each.origin])


def _write_figures(run, atoms, classes, copies, maps, statuses, changes, sigma):
    scored = _scored_in_all(maps)
    names = present_classes(classes[scored])
    write_class_figure(
        run.path("figures", "classes.png"), f"Q-score with σ {sigma} Å, number of atoms",
        {each.name: {name: each.values[scored & (classes == name)] for name in names} for each in maps})
    write_change_figure(run.path("figures", "changes.png"), f"against {maps[0].name}, σ {sigma} Å", changes)
    if len(copies):
        labels = np.array([f"{atoms.residue_label(atom)} ({classes[atom]})" for atom in copies.first_atom])
        badness = {status: number for number, status in enumerate((KEPT, UNJUDGED, WEAKENED, LOST))}
        worst = np.max([[badness[status] for status in column] for column in statuses.values()], axis=0)
        order = np.sort(np.argsort(-worst, kind="stable")[:_LISTED])
        count = f"{len(copies)}" if len(copies) <= _LISTED else f"the worst {_LISTED} of {len(copies)}"
        title = f"against {maps[0].name}, σ {sigma} Å\nmolecules: {count}"
        write_status_figure(
            run.path("figures", "copies.png"), title, labels[order].tolist(),
            {name: column[order] for name, column in statuses.items()}, _COLORS)


def _results(atoms, classes, copies, maps, statuses, changes, settings, refitted):
    labels = [atoms.residue_label(atom) for atom in copies.first_atom]
    return {
        "sigma": float(settings.sigma), "reference": maps[0].name, "models_refitted_to_maps": refitted, "copies": len(copies),
        "maps": {each.name: {
            **each.notes, "mean_q": float(np.nanmean(each.values)), "atoms_without_q": int(np.isnan(each.values).sum()),
            **place_counts(atoms, each.outside, each.flat)} for each in maps},
        "changes": {name: {kind: value[0] for kind, value in by_class.items()} for name, by_class in changes.items()},
        "counts": {name: {kind: int(np.sum(column == kind)) for kind in STATUSES} for name, column in statuses.items()},
        "lost": {name: [label for label, status in zip(labels, column) if status == LOST] for name, column in statuses.items()},
        "unknown_residues": unknown_residues(atoms, classes)}


def _say(results, progress):
    progress.say(f"Q-scores with σ {results['sigma']} Å; " + (
        "each map is scored with the model refitted to it" if results["models_refitted_to_maps"] else
        "all maps are scored with one model that was not refitted to them"))
    for note in notes_on_model(results, SCORED):
        progress.say(note)
    for name, found in results["maps"].items():
        for note in notes_on_places(found):
            progress.say(f"{name}: {note}")
    if results["unknown_residues"]:
        progress.say(f"no class is known for {some(results['unknown_residues'])}")
    for name, counts in results["counts"].items():
        lost = results["lost"][name]
        progress.say(
            f"{name}: {', '.join(f'{count} {status}' for status, count in counts.items() if count) or 'no copies to judge'}"
            + (f"; lost: {', '.join(lost)}" if lost else ""))


def _short_names(paths):
    """File names without suffix, with the folders that tell them apart where they are not different."""
    names = [os.path.basename(path).split(".mrc")[0].split(".map")[0] for path in paths]
    if len(set(names)) < len(names):
        folders = [os.path.dirname(os.path.abspath(path)) for path in paths]
        names = [os.path.relpath(os.path.join(*each), os.path.commonpath(folders)) for each in zip(folders, names)]
    return names if len(set(names)) == len(names) else list(paths)
