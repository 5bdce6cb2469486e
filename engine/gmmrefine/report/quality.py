"""The sections of a report on Q-scores and on the audit of modified maps."""

import re
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from gmmrefine.io.star import StarBlock
from gmmrefine.report.folder import RunFolder, audit_of, known, require_columns
from gmmrefine.report.page import Figure, Part, Section, folded, heading, rounded, table, text
from gmmrefine.report.q_plots import (
    change_of_q_plot,
    class_plot,
    model_fsc_plot,
    residue_plot,
    status_plot,
    within_limit,
)
from gmmrefine.validation.audit import KEPT, LOST, STATUSES, UNJUDGED, WEAKENED
from gmmrefine.validation.q_summary import present_classes

_MOST_ROWS = 200  # copies in a table
_COPY_HEADINGS = ["map", "copy", "class", "Q in the reference", "Q", "change", "density in the reference", "density", "status"]
_PART_HEADINGS = ["map", "residue", "part", "atoms", "Q in the reference", "Q", "density in the reference", "density"]
_COLORS = {KEPT: "#4c78a8", WEAKENED: "#ffb000", LOST: "#d62728", UNJUDGED: "#c8cdd2"}
_OUTLINES = (
    "Outlines of the distributions, all of one width, with median and quartiles. Up to 500 scores at even ranks stand for a "
    "class; single points where there are few atoms."
)
_SCORE_OF_MAP = re.compile(r"gmmQScoreMap(\d+)")


def q_section(run: RunFolder) -> Optional[Section]:
    """Q along the chains and by component class; None for a run without Q-scores of one map."""
    if not run.has("qscore.star"):
        return None
    parts: List[Part] = []
    if run.has("residues.star"):
        parts += _residues(run)
    atoms = run.table("qscore.star")
    require_columns(atoms, ("gmmClass", "gmmQScore"))
    parts += _model_fsc(run)
    parts += [
        Figure(
            "Q-score by component class",
            class_plot({"map": _by_class(atoms, atoms.optional_numbers("gmmQScore"))}),
            f"{_width(run)} {_OUTLINES}",
        )
    ]
    if run.has("classes.star"):
        parts += _class_table(run)
    return Section("Q-scores", tuple(parts))


def _residues(run: RunFolder) -> List[Part]:
    residues = run.table("residues.star")
    require_columns(residues, ("gmmChain", "gmmResidueNumber", "gmmQMean", "gmmQWindow"))
    chain, window = np.array(residues.strings("gmmChain")), residues.optional_numbers("gmmQWindow")
    number, mean = residues.integers("gmmResidueNumber"), residues.optional_numbers("gmmQMean")
    rows = {name: np.flatnonzero((chain == name) & ~np.isnan(window)) for name in dict.fromkeys(chain)}
    chains = {name: (number[index], mean[index], window[index]) for name, index in rows.items() if len(index)}
    if not chains:
        return []
    drawn = within_limit(chains)
    left = len(chains) - len(drawn)
    more = f" {left} more chains are in residues.star and figures/." if left else ""
    return [
        Figure(
            "Q-score along the chains",
            residue_plot(drawn, run.results.get("expected_q", {})),
            (f"Residues of polymers. {_width(run)}" + more),
        )
    ]


def _class_table(run: RunFolder) -> List[str]:
    classes = run.table("classes.star")
    labels = ("gmmAtoms", "gmmAtomsOutside", "gmmQMean", "gmmQMedian", "gmmQQuartile1", "gmmQQuartile3")
    require_columns(classes, ("gmmClass", *labels))
    columns = [classes.optional_numbers(label).tolist() for label in labels]
    rows = [
        [name.replace("_", " "), *(rounded(value, 0) for value in values[:2]), *(rounded(value, 3) for value in values[2:])]
        for name, *values in zip(classes.strings("gmmClass"), *columns)
    ]
    return [table(["class", "atoms", "outside the map", "mean Q", "median", "first quartile", "third quartile"], rows)]


def _by_class(atoms: StarBlock, values: np.ndarray) -> Dict[str, np.ndarray]:
    """Scores (A,) of an atom table by class, without atoms that have none."""
    classes = np.array(atoms.strings("gmmClass"))
    by_class = {name: known(values[classes == name]) for name in present_classes(classes)}
    return {name: scores for name, scores in by_class.items() if len(scores)}


def audit_section(run: RunFolder) -> Optional[Section]:
    """What became of ligands, ions, lipids and waters in each map, and of Q by class; None for a run without an audit."""
    audit = audit_of(run)
    return None if audit is None else Section("Audit of the maps", tuple(_audit_parts(audit)))


def _audit_parts(run: RunFolder) -> List[Part]:
    copies = run.table("audit.star")
    none = "The model has no ligands, ions, lipids, waters or sugars."
    parts: List[Part] = _copies(copies, _width(run)) if len(copies) else [text(none)]
    parts += [*_lost_parts(run), *_model_fsc(run)]
    if run.has("changes.star"):
        parts.append(
            Figure(
                "Change of Q against the reference",
                change_of_q_plot(_changes(run)),
                f"Against {run.results.get('reference', 'the first map')}; intervals by resampling residues. {_width(run)}",
            )
        )
    if run.has("atoms.star"):
        atoms = run.table("atoms.star")
        require_columns(atoms, ("gmmClass",))
        names = run.table("maps.star").strings("gmmMap") if run.has("maps.star") else []
        scores: Dict[str, Dict[str, np.ndarray]] = {}
        for label in atoms.columns:
            match = _SCORE_OF_MAP.fullmatch(label)
            if match:
                number = int(match.group(1))
                name = names[number - 1] if number <= len(names) else f"map {number}"
                scores[name] = _by_class(atoms, atoms.optional_numbers(label))
        parts.append(Figure("Q-score by component class", class_plot(scores), f"{_width(run)} {_OUTLINES}"))
    return parts


def _lost_parts(run: RunFolder) -> List[str]:
    """The table of parts of residues that were lost; nothing for a run of another version."""
    if not run.has("parts.star"):
        return []
    if not any(run.results.get("parts_lost", {}).values()):
        return [heading("Parts of residues that were lost"), text("None.")]
    parts = run.table("parts.star")
    labels = ("gmmMap", "gmmChain", "gmmResidueName", "gmmResidueNumber", "gmmPart", "gmmAtomNames")
    numbers = ("gmmQReference", "gmmQScore", "gmmDensityReference", "gmmDensity")
    require_columns(parts, labels + numbers)
    words = [parts.strings(label) for label in labels]
    values = [parts.optional_numbers(label) for label in numbers]
    rows = [
        [name, f"{chain}/{residue} {number}", part, atoms.replace(",", " "), *(rounded(value, 3) for value in of)]
        for name, chain, residue, number, part, atoms, *of in zip(*words, *values)
    ]
    more = [text(f"{len(rows) - _MOST_ROWS} more rows are in parts.star.", "caption")] if len(rows) > _MOST_ROWS else []
    shown = table(_PART_HEADINGS, rows[:_MOST_ROWS]) if rows else text("None.")
    return [heading("Parts of residues that were lost"), shown, *more]


def _model_fsc(run: RunFolder) -> List[Figure]:
    """The FSC of the maps with the model; nothing for a run of another version."""
    if not run.has("model_fsc.star"):
        return []
    curves = run.table("model_fsc.star")
    require_columns(curves, ("gmmMap", "gmmFrequency", "gmmFsc"))
    names = np.array(curves.strings("gmmMap"))
    frequency, fsc = curves.optional_numbers("gmmFrequency"), curves.optional_numbers("gmmFsc")
    return [
        Figure(
            "Map against model",
            model_fsc_plot({name: (frequency[names == name], fsc[names == name]) for name in dict.fromkeys(names.tolist())}),
            "FSC under a mask made of the model; the line is at 0.5.",
        )
    ]


def _width(run: RunFolder) -> str:
    """The width that scores were made with, without which they do not compare."""
    return f"Q-scores with σ {run.results.get('sigma', run.settings.get('sigma', 'unknown'))} Å."


def _changes(run: RunFolder) -> Dict[str, Dict[str, Tuple[float, float, float]]]:
    changes = run.table("changes.star")
    labels = ("gmmQChange", "gmmQChangeLow", "gmmQChangeHigh")
    require_columns(changes, ("gmmMap", "gmmClass", *labels))
    by_map: Dict[str, Dict[str, Tuple[float, float, float]]] = {}
    rows = zip(changes.strings("gmmMap"), changes.strings("gmmClass"), *(changes.optional_numbers(label) for label in labels))
    for name, kind, *values in rows:
        by_map.setdefault(name, {})[kind] = tuple(values)
    return by_map


def _copies(copies: StarBlock, width: str) -> List[Part]:
    """The bars and the table of copies; ``width`` says that of their scores."""
    names = ("gmmMap", "gmmChain", "gmmResidueName", "gmmResidueNumber", "gmmClass", "gmmStatus")
    numbers = ("gmmQReference", "gmmQScore", "gmmQChange", "gmmDensityReference", "gmmDensity")
    require_columns(copies, names + numbers)
    which, chain, residue, number, kind, status = (copies.strings(label) for label in names)
    values = np.column_stack([copies.optional_numbers(label) for label in numbers]).tolist()
    counts: Dict[str, Dict[str, int]] = {name: {} for name in which}
    for name, found in zip(which, status):
        counts[name][found] = counts[name].get(found, 0) + 1
    worst = {found: place for place, found in enumerate((LOST, WEAKENED, UNJUDGED, KEPT))}
    order = sorted(range(len(status)), key=lambda row: worst.get(status[row], len(worst)))

    def listed(rows: Sequence[int]) -> str:
        cells = [
            [
                which[row],
                f"{chain[row]}/{residue[row]} {number[row]}",
                kind[row].replace("_", " "),
                *(rounded(value, 3) for value in values[row]),
                status[row],
            ]
            for row in rows[:_MOST_ROWS]
        ]
        more = text(f"{len(rows) - _MOST_ROWS} more rows are in audit.star.", "caption") if len(rows) > _MOST_ROWS else ""
        return table(_COPY_HEADINGS, cells, [status[row] for row in rows[:_MOST_ROWS]]) + more

    changed, same = ([row for row in order if (status[row] == KEPT) is is_kept] for is_kept in (False, True))
    return [
        Figure(
            "What became of each copy",
            status_plot(counts, {each: _COLORS[each] for each in STATUSES}),
            f"Every ligand, ion, lipid, water and sugar of the model in every modified map. {width}",
        ),
        heading("Copies that were not kept"),
        listed(changed) if changed else text("None."),
        folded(f"{len(same)} that were kept", listed(same)),
        text("Densities are relative to those of the polymer's atoms.", "caption"),
    ]
