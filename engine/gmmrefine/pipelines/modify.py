"""Density modification of two half maps, its error model and its audit."""

from dataclasses import replace

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.figures.maps import write_comparison_figure, write_error_model_figure
from gmmrefine.io.curves import write_curves
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.modify import band_shells, modify, modify_half
from gmmrefine.pipelines.audit import audit
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.half_map_inputs import believed_fsc
from gmmrefine.pipelines.map_inputs import read_or_make_mask
from gmmrefine.pipelines.model_place import check_place, place_model
from gmmrefine.pipelines.modify_smearing import smearing_of, smearing_text
from gmmrefine.runs.run import Run
from gmmrefine.settings import AuditSettings, Placed, names_of, values_of


def modify_half_maps(halves, paths, found, atoms, left_out, model, settings, run):
    """Modify the mean of two half maps and each half map by itself, and write and audit the result.

    Parameters
    ----------
    halves : pair of Volume
        Half maps.
    paths : pair of str
        Their files.
    found : Findings
        What was noticed about them.
    atoms : Atoms or None
        For the audit.
    left_out : LeftOut or None
    model : str
        The file they come from.
    settings : ModifySettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    maps, pixel_size = [half.data for half in halves], halves[0].voxel_size
    grid, place = None, {}
    if atoms is not None:
        grid, place = place_model(
            atoms.positions,
            replace(halves[0].grid, data=0.5 * (maps[0] + maps[1])),
            (model, "the half maps"),
            settings,
            run.progress.say,
        )
    mask = read_or_make_mask(0.5 * (maps[0] + maps[1]), pixel_size, settings)
    _, before, notes = believed_fsc(maps, mask, pixel_size, settings, found)
    for note in found.notes + notes:
        run.progress.note(note, note)
    resolution = before.resolution(settings.fsc_threshold)
    if resolution is None:
        raise InputError(
            "the half maps agree in no shell (FSC below the threshold from the first one); expected two half maps of one "
            "molecule in one frame. Check that they belong together."
        )
    run.told("mask", 0, lambda: settings.mask or "mask.mrc")
    run.told("fsc", 0, before.to_lists)
    smearing, source, by_spectrum = smearing_of(halves, paths, mask, settings)
    text, displacement = smearing_text(smearing, source, by_spectrum), smearing.on_grid(len(mask), pixel_size)
    if displacement is not None:
        run.told("smearing", 0, lambda: [smearing.rotation, smearing.shift])
    run.progress.say(text)
    with run.progress.step("modify", len(band_shells(len(mask))), unit="bands") as report:
        modified, model_of_errors, uncertain = modify(*maps, mask, settings.local_window, displacement, report=report)
    modified_halves = []
    for number, half in enumerate(maps, 1):
        with run.progress.step("modify", half=number):
            modified_halves.append(modify_half(half, before.fsc, mask, settings.local_window, displacement))
    after = gold_standard_fsc(*modified_halves, mask, pixel_size, settings.seed).ended_at(found.end)
    unmodified = low_pass(0.5 * (maps[0] + maps[1]), len(mask) * pixel_size / resolution)
    _write_maps(
        run,
        halves[0],
        {
            "modified": modified,
            "unmodified": unmodified,
            "modified_half_1": modified_halves[0],
            "modified_half_2": modified_halves[1],
            "mask": mask,
            "modified_error": uncertain,
        },
    )
    _write_curves(run, before, after, model_of_errors)
    results = {
        "resolution": resolution,
        "resolution_text": before.resolution_text(settings.fsc_threshold),
        "modified_halves_agree_to": after.resolution(settings.fsc_threshold),
        "audited": atoms is not None,
        **place,
        "smearing": {
            "rotation": smearing.rotation,
            "shift": smearing.shift,
            "source": source,
            "rotation_by_spectrum": by_spectrum.rotation,
        },
        "smearing_text": text,
        "error_inside_mask": float(np.average(uncertain, weights=mask) / modified[mask > 0.5].std(dtype=float)),
    }
    after_text = after.resolution_text(settings.fsc_threshold)
    run.progress.say(f"half maps: resolution {results['resolution_text']}; modified: {after_text}")
    if atoms is None:
        run.progress.say(
            "NOT AUDITED: no model was given, so nothing says whether ligands, ions, lipids and waters were kept. Give "
            "--model, or compare modified.mrc with unmodified.mrc"
        )
    else:
        results["audit"] = _audit(atoms, left_out, model, grid.origin, settings, run)
    return results


def check_modify(settings, model):
    """Refuse settings that would have no effect; ``model`` is the audit's file or empty."""
    check_place(settings)
    refuse_ignored(
        settings,
        [
            (settings.smearing == "none", "--smearing none", ("known_rotation_error", "known_shift_error")),
            (bool(settings.mask), "--mask", ("mask_resolution", "mask_edge")),
            (not model, "no --model", ("sigma", *names_of(Placed))),
        ],
    )


def _write_maps(run, grid, maps):
    """Write maps (Z, Y, X) on the grid of a Volume, and slices of the first two."""
    for name, data in maps.items():
        write_map(run.path(f"{name}.mrc"), data, grid.voxel_size, grid.origin)
    write_comparison_figure(
        run.path("figures", "slices.png"), {name: maps[name] for name in ("unmodified", "modified")}, grid.voxel_size
    )


def _write_curves(run, before, after, errors):
    write_curves(
        run.path("fsc.star"),
        {
            "gmmFrequency": before.frequency,
            "gmmFsc": before.fsc,
            "gmmFscUnmasked": before.unmasked,
            "gmmFscMasked": before.masked,
            "gmmFscRandomised": before.randomised,
            "gmmFscModified": after.fsc,
        },
    )
    frequency = errors.shells / (before.box_size * before.pixel_size)
    write_curves(
        run.path("error_model.star"),
        {
            "gmmFrequency": frequency,
            "gmmSignalPower": errors.signal,
            "gmmNoisePower": errors.noise,
            "gmmSolventNoisePower": errors.solvent_noise,
            "gmmGain": errors.gain,
            "gmmSolventGain": errors.solvent_gain,
            "gmmTransfer": errors.transfer,
        },
        "error_model",
    )
    write_error_model_figure(
        run.path("figures", "error_model.png"),
        frequency,
        {"signal": errors.signal, "noise, molecule": errors.noise, "noise, solvent": errors.solvent_noise},
        {"molecule": errors.gain, "solvent": errors.solvent_gain},
    )


def _audit(atoms, left_out, model, origin, settings, run):
    """Audit of the modified against the unmodified map, in a folder of its own; gives what run.json says of it."""
    where = " ".join(map(str, origin.tolist()))
    how = AuditSettings(sigma=settings.sigma, seed=settings.seed, place_from="given", first_voxel=where)
    maps = [run.path("unmodified.mrc"), run.path("modified.mrc")]
    inside = Run(run.path("audit"), "audit", values_of(how), [model, *maps], run.take_over, progress=run.progress)
    found = audit(atoms, left_out, model, maps, [], how, inside)
    inside.finish(found)
    return {
        "sigma": found["sigma"],
        "counts": found["counts"]["modified"],
        "lost": found["lost"]["modified"],
        "parts_lost": found["parts_lost"]["modified"],
        "is_judged": found["verdicts"]["modified"]["is_judged"],
        "lines": found["verdicts"]["modified"]["lines"],
        "changes": found["changes"]["modified"],
        "mean_q": {name: each["mean_q"] for name, each in found["maps"].items()},
    }
