"""What a report says first: what was done, what came out, and what to beware of."""

from typing import Any, Iterable, Iterator, List, Mapping, Optional

from gmmrefine.pipelines.audit_words import audit_lines, copies_line
from gmmrefine.pipelines.model_notes import AS_DENSITY, SCORED, notes_on_model, notes_on_places
from gmmrefine.pipelines.model_place import MOST_OFF
from gmmrefine.report.folder import RunFolder, audit_of, last_resolutions

_NOTABLE = 5e-4  # of the mean FSC


def summary(run: RunFolder) -> List[str]:
    """One or two sentences on what was done and what came out, list of str."""
    if not run.is_finished:
        return _unfinished(run)
    by_direction = [f"By direction: {run.results['directions_text']}."] if "directions_text" in run.results else []
    tell = _BY_COMMAND.get(run.record["command"], _any_command)
    try:
        return [*tell(run, run.results), *by_direction]
    except KeyError:  # the record of another version lacks something
        return list(_any_command(run, run.results))


def cautions(run: RunFolder) -> List[str]:
    """What a reader must know before believing the result, list of str."""
    results, found = run.results, []
    if not run.is_finished:
        found.append(
            "This run is not finished: it was stopped, failed, or is still running. What it has written is shown. The same "
            "command continues it."
        )
    found += [f"{_sentence(note).rstrip('.')}." for note in [*results.get("notes", []), *results.get("about_map", [])]]
    if "caution" in results:
        found.append(_sentence(results["caution"]))
    if results.get("share_unresolved", 0) > 0.01:
        found.append(f"{results['share_unresolved']:.0%} of the voxels in the mask are coarser than can be measured.")
    if results.get("atoms_outside"):
        found.append(f"{results['atoms_outside']} atoms lie outside the map and have no part in this.")
    place = results.get("place") or results.get("maps", {}).get(results.get("reference"), {}).get("place", {})
    if place.get("part_in_density", 1.0) < 1 - MOST_OFF:
        found.append(f"{place['atoms_in_empty_density']} atoms of the model lie where the map shows nothing.")
    command = run.record["command"]
    found += [f"{note}." for note in notes_on_model(results, AS_DENSITY if command == "sharpen" else SCORED)]
    if command == "audit":
        found += [f"{name}: {note}." for name, each in results.get("maps", {}).items() for note in notes_on_places(each)]
    if results.get("unknown_residues"):
        found.append(f"No component class is known for {', '.join(results['unknown_residues'])}.")
    audit = audit_of(run) if command == "modify" else None
    if audit is not None:
        found += cautions(audit)
    if results.get("models_refitted_to_maps") is False:
        found.append("All maps are scored with one model that was not refitted to them.")
    if command in ("sharpen", "modify", "local-filter"):
        found.append(
            "Sharpening and filtering change what can be seen in a map, ligands above all: look at the unmodified map too."
        )
    return found


def _unfinished(run: RunFolder) -> List[str]:
    last = last_resolutions(run)
    if last is None:
        return [f"{run.record['command']}: nothing was measured yet."]
    iteration, resolutions = last
    return [f"{run.record['command']}: the FSC after iteration {iteration} gives {_angstroms(resolutions)}."]


def _refine(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    history = results["iterations"]
    last = next((entry for entry in history if entry["iteration"] == results["iteration"]), history[-1])
    where = " in the focus" if run.has("focus_mask.mrc") else ""
    yield (
        f"{_counted(run)}, refined against Gaussian mixture models, one per half set. The resolution{where} was "
        f"{_angstroms([history[0]['resolution']])} at the start and is now {results['resolution_text']}."
    )
    if results["iteration"] == 0:
        yield "No iteration improved the map; the result is that of the start poses."
    else:
        yield (
            f"Iteration {results['iteration']} of {len(history) - 1} was the best; particles turned by "
            f"{last['rotation_change_deg']:.2f}° and moved by {last['shift_change']:.2f} Å on average."
        )


def _refine_patches(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    if "patch_table" not in results:
        yield f"The molecule of {_counted(run)} is cut into {results['patches']} patches; they are not refined yet."
        return
    rows = results["patch_table"]
    gains = [row["gmmMeanFscAfter"] - row["gmmMeanFscBefore"] for row in rows]
    better, worse = sum(gain > _NOTABLE for gain in gains), sum(gain < -_NOTABLE for gain in gains)
    yield (
        f"{_counted(run)}, refined in {results['patches']} patches. The resolution was "
        f"{_angstroms([results['resolution_before']])} in the global maps; that of the composite is "
        f"{results['resolution_text']}."
    )
    yield f"Half maps agree better than before in {better} of {len(rows)} patches, worse in {worse} (mean FSC)."


def _composite(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield f"Composite of {', '.join(results['parts'])}: resolution {results['resolution_text']}."
    yield f"{results['seam_text'][0].upper()}{results['seam_text'][1:]}."
    yield from (f"{note[0].upper()}{note[1:]}." for note in results["grey_scale_notes"])


def _reconstruct(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield f"Half maps of {_counted(run)}: resolution {results['resolution_text']}."


def _build(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{results['gaussians']} Gaussians fitted to a map up to {results['resolution']:.2f} Å; mean FSC with it "
        f"{results['mean_fsc']:.3f}, at that resolution {results['fsc_at_resolution']:.3f}."
    )


def _local_resolution(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    low, high = results["quartiles"][0], results["quartiles"][2]
    yield (
        f"Local resolution inside the mask: median {results['median']:.2f} Å, half of the voxels between {low:.2f} and "
        f"{high:.2f} Å."
    )
    if results.get("resolution"):
        yield f"The FSC of the whole gives {results['resolution']:.2f} Å."


def _local_filter(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield "The map was low-passed at every voxel to its local resolution."
    yield from _local_resolution(run, results)


def _sharpen(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield f"Map sharpened ({results['sharpening']}) and cut at {results['resolution']:.2f} Å."
    if "guinier_range" in results:
        coarse, fine = results["guinier_range"]
        yield f"B factor {results['b_factor']:.1f} Å², fitted from {coarse:.1f} to {fine:.1f} Å."
    elif "b_factor" in results:
        yield f"B factor {results['b_factor']:.1f} Å², as given."


def _modify(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield f"Density modified without a learned prior; resolution of the half maps {results['resolution_text']}."
    yield f"{results['smearing_text'][0].upper()}{results['smearing_text'][1:]}."
    yield f"Standard error of a voxel inside the mask: {100 * results['error_inside_mask']:.0f} % of the density's deviation."
    if results["audited"]:
        audit = results["audit"]
        said = copies_line(audit["counts"], audit["lost"], audit.get("parts_lost", ()), audit.get("is_judged", True))
        yield f"Audit (Q-score, σ {audit['sigma']} Å): {said}."
    else:
        yield "Not audited: nothing says whether ligands, ions, lipids and waters were kept."


def _qscore(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Mean Q {results['mean_q']:.3f}, median {results['median_q']:.3f} of {results['atoms']} atoms "
        f"(σ {results['sigma']} Å)."
    )
    for line in results.get("quality", {}).get("lines", ()):
        yield f"{_sentence(line)}."
    for kind, value in results["expected_q"].items():
        yield f"Expected of {kind} at this resolution: {value:.3f}."


def _audit(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    for line in audit_lines(results) if "verdicts" in results else ():
        yield f"{line}."
    count = len(results["maps"]) - 1
    maps = "1 modified map" if count == 1 else f"{count} modified maps"
    yield f"{maps} against {results['reference']} (Q-score, σ {results['sigma']} Å)."
    for name, counts in results["counts"].items():
        judged = results.get("verdicts", {}).get(name, {}).get("is_judged", True)
        yield f"{name}: {copies_line(counts, results['lost'][name], results.get('parts_lost', {}).get(name, ()), judged)}."
    for name, each in results["maps"].items():
        for line in each.get("quality", {}).get("lines", ()):
            yield f"{name}: {line}."


def _heterogeneity(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_counted(run)}; conformations were learned by each half set alone."
    yield _sentence(results["verdict"])
    gain = " and ".join(f"{part['gain']:.2f} ± {part['gain_error']:.2f}" for part in results["held_out"])
    yield f"Particles that were held out are explained better by their conformation, by {gain} (natural logarithm) each."


def _conformation_to_pose(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_counted(run)}; poses of one region from conformations, then refined."
    yield _sentence(results["verdict"])
    yield f"Resolution of the region before: {_angstroms([results['resolution_before']])}."


def _controls(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    failed = [row["title"] for row in results["controls"] if not row["passes"]]
    yield f"Controls of {results['run']}: {'all passed' if not failed else 'not passed: ' + '; '.join(failed)}."


def _any_command(run: RunFolder, results: Mapping[str, Any]) -> Iterator[str]:
    text = results.get("resolution_text")
    yield f"{run.record['command']}: resolution {text}." if text else f"{run.record['command']}: finished."


def _counted(run: RunFolder) -> str:
    count = run.record.get("particles", run.record.get("images"))
    images = run.record.get("images")
    copies = f" ({images} images with their symmetry copies)" if images != count else ""
    box = f", box {run.record['box_size']} px of {run.record['pixel_size']:.4g} Å" if "box_size" in run.record else ""
    return f"{count} particles{copies}{box}"


def _angstroms(values: Iterable[Optional[float]]) -> str:
    return ", ".join("none" if value is None else f"{value:.2f}" for value in values) + " Å"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


_BY_COMMAND = {
    "refine": _refine,
    "refine-patches": _refine_patches,
    "composite": _composite,
    "reconstruct": _reconstruct,
    "build": _build,
    "local-resolution": _local_resolution,
    "local-filter": _local_filter,
    "sharpen": _sharpen,
    "modify": _modify,
    "qscore": _qscore,
    "audit": _audit,
    "heterogeneity": _heterogeneity,
    "conformation-to-pose": _conformation_to_pose,
    "controls": _controls,
}
