"""Tables, figures and models of an audit."""

import numpy as np

from gmmrefine.figures.q_scores import write_change_figure, write_class_figure, write_status_figure
from gmmrefine.io.atoms_writer import write_scored_model
from gmmrefine.io.chimerax import Colours, write_attribute, write_script
from gmmrefine.io.star import optional_column, text_columns
from gmmrefine.pipelines.audit_verdicts import part_name
from gmmrefine.pipelines.audited_maps import scored_in_all
from gmmrefine.pipelines.map_quality import write_model_fsc
from gmmrefine.pipelines.qscore import atom_columns, write_table
from gmmrefine.validation.audit import KEPT, LOST, UNJUDGED, WEAKENED
from gmmrefine.validation.q_summary import present_classes

_PALETTE = "-0.4,red:0,white:0.4,blue"
_COLORS = {KEPT: "#4c78a8", WEAKENED: "#ffb000", LOST: "#d62728", UNJUDGED: "0.8"}
_LISTED = 30  # copies in the figure: those that were not kept come first


def write_tables(run, atoms, classes, copies, maps, verdicts, changes):
    """Write the tables; ``verdicts`` and ``changes`` are by name of the modified maps."""
    reference, others = maps[0], maps[1:]
    scores = {f"gmmQScoreMap{number}": optional_column(each.values) for number, each in enumerate(maps, 1)}
    write_table(run, "atoms", {**atom_columns(atoms, classes), **scores})
    write_table(
        run,
        "maps",
        {
            "gmmMapNumber": np.arange(1, len(maps) + 1),
            "gmmMap": np.array([each.name for each in maps]),
            "gmmMapFile": np.array([each.path for each in maps]),
            "gmmResampled": np.array([each.notes["resampled"] for each in maps]),
            "gmmQMean": optional_column([np.nanmean(each.values) for each in maps]),
            "gmmModelFscResolution": optional_column(
                [each.quality.results["model_fsc"]["map"]["resolution"] or np.nan for each in maps]
            ),
            "gmmQMeanEmdb": optional_column([each.quality.results["emdb"]["mean_q"] for each in maps]),
            "gmmEmdbPercentile": optional_column([each.quality.results["emdb"]["standings"][0]["percentile"] for each in maps]),
        },
    )
    write_model_fsc(run, model_curves(maps), "maps against the model")
    what = atom_columns(atoms.subset(copies.first_atom), classes[copies.first_atom])
    what = {label: what[label] for label in what if label not in ("gmmAtomName", "gmmElement")}
    write_table(run, "audit", _joined([_copy_rows(copies, what, reference, each, verdicts[each.name]) for each in others]))
    write_table(run, "parts", _joined([_part_rows(atoms, classes, each, verdicts[each.name].parts) for each in others]))
    write_table(run, "changes", _joined([_change_rows(classes, reference, each, changes[each.name]) for each in others]))


def _copy_rows(copies, what, reference, each, verdict):
    """What became of each copy in one map."""
    before, after = copies.means(reference.values), copies.means(each.values)
    return {
        "gmmMap": np.full(len(copies), each.name),
        **what,
        "gmmAtoms": copies.sizes,
        "gmmQReference": optional_column(before),
        "gmmQScore": optional_column(after),
        "gmmQChange": optional_column(after - before),
        "gmmDensityReference": optional_column(copies.means(verdict.levels[0])),
        "gmmDensity": optional_column(copies.means(verdict.levels[1])),
        "gmmStatus": verdict.statuses,
    }


def _part_rows(atoms, classes, each, parts):
    """The lost parts of residues in one map."""
    first = np.array([part.atoms[0] for part in parts], int)
    what = {
        label: column
        for label, column in atom_columns(atoms.subset(first), classes[first]).items()
        if label not in ("gmmAtomName", "gmmElement")
    }
    return {
        "gmmMap": np.full(len(parts), each.name),
        **what,
        "gmmPart": np.array([part_name(atoms, classes, part) or "all" for part in parts], str),
        "gmmAtomNames": np.array([",".join(atoms.names[part.atoms]) for part in parts], str),
        "gmmAtoms": np.array([len(part.atoms) for part in parts], int),
        "gmmAtomsOfResidue": np.array([part.of for part in parts], int),
        "gmmQReference": optional_column([part.q_reference for part in parts]),
        "gmmQScore": optional_column([part.q for part in parts]),
        "gmmDensityReference": optional_column([part.density_reference for part in parts]),
        "gmmDensity": optional_column([part.density for part in parts]),
        "gmmStatus": np.full(len(parts), LOST),
    }


def model_curves(maps):
    """FSC with the model by map and, of the first, by half map, dict of str to ModelFsc."""
    return {each.name if what == "map" else what: curve for each in maps for what, curve in each.quality.curves.items()}


def _change_rows(classes, reference, each, changes):
    """Change of Q of each class in one map, over the atoms that both maps hold."""
    scored = ~np.isnan(reference.values + each.values)
    members = [scored & (classes == name) for name in changes]
    middle, low, high = np.array(list(changes.values())).reshape(-1, 3).T
    return {
        "gmmMap": np.full(len(changes), each.name),
        "gmmClass": np.array(list(changes)),
        "gmmAtoms": np.array([one.sum() for one in members]),
        "gmmQReference": optional_column([reference.values[one].mean() for one in members]),
        "gmmQMean": optional_column([each.values[one].mean() for one in members]),
        "gmmQChange": optional_column(middle),
        "gmmQChangeLow": optional_column(low),
        "gmmQChangeHigh": optional_column(high),
    }


def _joined(tables):
    """Tables with the same columns one below the other."""
    text = [text_columns(table) for table in tables]
    return {label: np.concatenate([table[label] for table in text]) for label in text[0]}


def write_model(run, atoms, model, number, reference, each):
    """Write the model that a map was scored with, carrying the scores, and a script that colours it by the change."""
    path, attribute, change = run.path(f"change_map_{number}"), "gmm_q_change", each.values - reference.values
    scores = {"Q_change": change, "Q_score": each.values, "Q_reference": reference.values}
    write_scored_model(model.path, f"{path}.cif", {name: values[model.in_file_order] for name, values in scores.items()})
    write_attribute(f"{path}.defattr", attribute, atoms, change)
    write_script(
        f"{path}.cxc",
        f"{path}.cif",
        Colours(f"{path}.defattr", attribute, _PALETTE),
        [reference.path, each.path],
        [reference.origin, each.origin],
    )


def write_figures(run, atoms, classes, copies, maps, verdicts, changes, sigma):
    """Write the figures."""
    statuses = {name: each.statuses for name, each in verdicts.items()}
    scored = scored_in_all(maps)
    names = present_classes(classes[scored])
    write_class_figure(
        run.path("figures", "classes.png"),
        f"Q-score with σ {sigma} Å, number of atoms",
        {each.name: {name: each.values[scored & (classes == name)] for name in names} for each in maps},
    )
    write_change_figure(run.path("figures", "changes.png"), f"against {maps[0].name}, σ {sigma} Å", changes)
    if len(copies):
        labels = np.array([f"{atoms.residue_label(atom)} ({classes[atom]})" for atom in copies.first_atom])
        badness = {status: number for number, status in enumerate((KEPT, UNJUDGED, WEAKENED, LOST))}
        worst = np.max([[badness[status] for status in column] for column in statuses.values()], axis=0)
        order = np.sort(np.argsort(-worst, kind="stable")[:_LISTED])
        count = f"{len(copies)}" if len(copies) <= _LISTED else f"the worst {_LISTED} of {len(copies)}"
        title = f"against {maps[0].name}, σ {sigma} Å\nmolecules: {count}"
        write_status_figure(
            run.path("figures", "copies.png"),
            title,
            labels[order].tolist(),
            {name: column[order] for name, column in statuses.items()},
            _COLORS,
        )
