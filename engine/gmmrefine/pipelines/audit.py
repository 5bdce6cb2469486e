"""The audit of modified maps: Q by component class, and what became of each ligand, ion, lipid and water."""

import numpy as np

from gmmrefine.pipelines.audit_files import write_figures, write_model, write_tables
from gmmrefine.pipelines.audit_verdicts import masked_copies, part_lines, verdict
from gmmrefine.pipelines.audit_words import audit_lines, copies_line, verdict_lines
from gmmrefine.pipelines.audited_maps import refuse_maps_without_common_atom, score_maps
from gmmrefine.pipelines.map_quality import EMDB_NOTE, map_lines
from gmmrefine.pipelines.model_notes import SCORED, model_counts, notes_on_model, notes_on_places, place_counts, some
from gmmrefine.pipelines.refitted_models import refitted_models
from gmmrefine.validation.audit import LOST, STATUSES, find_copies, mean_change
from gmmrefine.validation.component_class import component_classes, unknown_residues
from gmmrefine.validation.q_summary import present_classes

_RESAMPLING = 2  # first number of the random stream of this file


def audit(atoms, left_out, model, map_paths, refitted, settings, run, half_maps=()):
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
    settings : AuditSettings
    run : Run
    half_maps : sequence of str
        Those of the reference, or none.

    Returns
    -------
    dict
        Results for run.json.
    """
    classes = component_classes(atoms)
    models = refitted_models(atoms, model, refitted, len(map_paths))
    maps = score_maps(map_paths, half_maps, models, atoms, settings, run.progress)
    refuse_maps_without_common_atom(maps)
    copies, reference = find_copies(classes, atoms.residue_index, atoms.residue_names), maps[0]
    verdicts = {each.name: verdict(atoms, classes, copies, reference, each, float(settings.sigma)) for each in maps[1:]}
    changes = {each.name: _changes(classes, atoms.residue_index, reference, each, settings.seed) for each in maps[1:]}
    write_tables(run, atoms, classes, copies, maps, verdicts, changes)
    write_figures(run, atoms, classes, copies, maps, verdicts, changes, settings.sigma)
    for number, each in enumerate(maps[1:], 2):
        write_model(run, atoms, models[number - 1], number, reference, each)
    results = {
        "sigma": float(settings.sigma),
        "models_refitted_to_maps": bool(refitted),
        **model_counts(atoms, left_out),
        **_results(atoms, classes, copies, maps, verdicts, changes),
    }
    _say(results, run.progress)
    return results


def _changes(classes, residue_index, reference, each, seed):
    """Mean change of Q with its confidence interval, by class."""
    change = each.values - reference.values
    scored = ~np.isnan(change)
    rng = np.random.default_rng([_RESAMPLING, seed])
    return {
        name: mean_change(change[scored & (classes == name)], residue_index[scored & (classes == name)], rng)
        for name in present_classes(classes[scored])
    }


def _results(atoms, classes, copies, maps, verdicts, changes):
    labels, reference = [atoms.residue_label(atom) for atom in copies.first_atom], maps[0]
    return {
        "reference": reference.name,
        "copies": len(copies),
        "maps": {
            each.name: {
                **each.notes,
                "mean_q": float(np.nanmean(each.values)),
                "atoms_without_q": int(np.isnan(each.values).sum()),
                **place_counts(atoms, each.outside, each.flat),
                "quality": each.quality.results,
                "masked_copies": masked_copies(atoms, copies, each),
            }
            for each in maps
        },
        "changes": {name: {kind: value[0] for kind, value in by_class.items()} for name, by_class in changes.items()},
        "counts": {name: {kind: int(np.sum(each.statuses == kind)) for kind in STATUSES} for name, each in verdicts.items()},
        "lost": {
            name: [label for label, status in zip(labels, each.statuses) if status == LOST] for name, each in verdicts.items()
        },
        "parts_lost": {name: part_lines(atoms, classes, each.parts) for name, each in verdicts.items()},
        "verdicts": {each.name: _verdict_results(reference, each, verdicts[each.name]) for each in maps[1:]},
        "about_reference": map_lines(reference.quality.results, mean_q=float(np.nanmean(reference.values))),
        "unknown_residues": unknown_residues(atoms, classes),
    }


def _verdict_results(reference, each, found):
    """What was found of the polymer and of the map as a whole, and the sentences on it."""
    results = {
        "polymer_q_reference": found.polymer.before,
        "polymer_q": found.polymer.after,
        "polymer_fell": found.polymer.fell,
        "is_judged": found.is_judged,
    }
    if "orientation" in each.notes:
        results["orientation"] = each.notes["orientation"]
    return {
        **results,
        "lines": verdict_lines(reference.name, results, each.quality.results, reference.quality.results),
    }


def _say(results, progress):
    for line in audit_lines(results):
        progress.say(line)
    progress.say(
        f"Q-scores with σ {results['sigma']} Å; "
        + (
            "each map is scored with the model refitted to it"
            if results["models_refitted_to_maps"]
            else "all maps are scored with one model that was not refitted to them"
        )
    )
    for note in notes_on_model(results, SCORED):
        progress.say(note)
    for name, found in results["maps"].items():
        for note in [*notes_on_places(found), *found["quality"]["lines"]]:
            progress.say(f"{name}: {note}")
        if found["masked_copies"]:
            progress.say(f"{name}: outside its mask: {', '.join(found['masked_copies'])}")
    progress.say(EMDB_NOTE)
    if results["unknown_residues"]:
        progress.say(f"no class is known for {some(results['unknown_residues'])}")
    for name, counts in results["counts"].items():
        progress.say(
            f"{name}: "
            + copies_line(counts, results["lost"][name], results["parts_lost"][name], results["verdicts"][name]["is_judged"])
        )
