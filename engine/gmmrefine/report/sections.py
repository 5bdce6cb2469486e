"""The sections of a report, one function each: a folder of a run → a Section, or None where the folder has nothing for it."""

from typing import Any, Iterable, List, Mapping, Optional, Tuple

import numpy as np

from gmmrefine.gmm.patches import nearest_patch
from gmmrefine.io.gmm_file import read_gmm
from gmmrefine.io.mrc import read_map
from gmmrefine.pipelines.patch_geometry import read_patches
from gmmrefine.report.conformations import conformations_section
from gmmrefine.report.controls import controls_section
from gmmrefine.report.folder import RunFolder, known, require_columns
from gmmrefine.report.map_plots import distribution_plot, slices_plot, thinned_by, values_plot
from gmmrefine.report.page import Figure, Part, Section, heading, rounded, table
from gmmrefine.report.plots import (
    MOST_OUTLINES,
    MOST_POINTS,
    amplitude_plot,
    change_plot,
    coverage_plot,
    directions_plot,
    error_model_plot,
    evidence_plot,
    fsc_plot,
    gmm_plot,
    series_colors,
)
from gmmrefine.report.quality import audit_section, q_section

_FSC = "gmmFrequency", "gmmFsc"
_MODIFIED = "modified half maps"
_OF_MODIFIED = (
    " Quote that, not the curve of the modified half maps: where one part is much weaker than another it is too high, as both "
    "lack the same."
)
_CHANGES = {"gmmRotationChange": "rotation (degrees)", "gmmShiftChange": "shift (Å)"}
_MAPS = {  # by file: its name in the figure
    "unmodified.mrc": "unmodified",
    "sharpened.mrc": "sharpened",
    "filtered.mrc": "filtered",
    "modified.mrc": "modified",
    "map.mrc": "map",
    "composite.mrc": "composite",
    "gmm_map.mrc": "map of the GMM",
    "seams.mrc": "seams",
}


def fsc_section(run: RunFolder) -> Optional[Section]:
    """FSC of the result, by iteration, by patch, and of the GMMs with the maps; the course of a refinement."""
    threshold = run.settings.get("fsc_threshold")
    parts: List[Part] = []
    if run.has("fsc.star"):
        parts.append(_final_fsc(run, threshold))
    steps = {
        f"iteration {number}" if number else "start": _fsc_of(run, f"iterations/{number:02d}/fsc.star")
        for number in run.iteration_folders
        if run.has(f"iterations/{number:02d}/fsc.star")
    }
    if len(steps) > 1 or (steps and not parts):
        parts.append(
            Figure(
                "FSC of the half maps by iteration",
                fsc_plot(steps, threshold, series_colors(len(steps))),
                "Corrected for the mask.",
            )
        )
    patches = {
        f"patch {number}": _fsc_of(run, f"patches/{number:02d}/fsc.star")
        for number in run.patch_folders
        if run.has(f"patches/{number:02d}/fsc.star")
    }
    if patches:
        whole = {"composite": "fsc.star", "global map": "iterations/00/fsc.star"}
        patches.update((name, _fsc_of(run, file)) for name, file in whole.items() if run.has(file))
        parts.append(
            Figure(
                "FSC of the half maps by patch",
                fsc_plot(patches, threshold),
                "Of each patch under its own mask, of the composite and of the global map it began with under that of the "
                "molecule; corrected for the mask.",
            )
        )
    if run.has("gmm_fsc.star"):
        parts.append(_gmm_fsc(run))
    parts += _course(run)
    return Section("Resolution", tuple(parts)) if parts else None


def _fsc_of(run: RunFolder, file: str) -> Tuple[np.ndarray, np.ndarray]:
    frequency, fsc = run.columns(file, *_FSC)
    return frequency, fsc


def _final_fsc(run: RunFolder, threshold: Optional[float]) -> Figure:
    names = {
        "gmmFsc": "corrected for the mask",
        "gmmFscUnmasked": "no mask",
        "gmmFscMasked": "masked",
        "gmmFscRandomised": "masked, phases randomised",
        "gmmFscModified": _MODIFIED,
    }
    found = run.table("fsc.star")
    frequency, *curves = run.columns("fsc.star", *_FSC[:1], *(label for label in names if label in found or label == _FSC[1]))
    lines = {name: (frequency, curve) for name, curve in zip((names[label] for label in names if label in found), curves)}
    if "no mask" in lines and np.array_equal(curves[0], lines["no mask"][1]):
        lines = {name: lines[name] for name in ("no mask", _MODIFIED) if name in lines}
    first = next(iter(lines))
    read = f"The resolution is read where the curve '{first}' first falls below {threshold:g}." if threshold else ""
    return Figure("FSC of the half maps", fsc_plot(lines, threshold), read + (_OF_MODIFIED if _MODIFIED in lines else ""))


def _gmm_fsc(run: RunFolder) -> Figure:
    names = {"gmmFsc": "GMM and map", "gmmFscHalf1": "half 1", "gmmFscHalf2": "half 2"}
    found = [label for label in names if label in run.table("gmm_fsc.star")]
    frequency, *curves = run.columns("gmm_fsc.star", "gmmFrequency", *found or ["gmmFsc"])
    return Figure(
        "FSC of the GMMs with the maps they were fitted to",
        fsc_plot({names[label]: (frequency, curve) for label, curve in zip(found, curves)}),
        "How well the Gaussians describe a map, each those of its own half set where there are two.",
    )


def _course(run: RunFolder) -> List[str]:
    history = run.results.get("iterations")
    if not history:
        return []
    labels = {
        "iteration": "iteration",
        "resolution": "resolution (Å)",
        "mean_fsc": "mean FSC",
        "rotation_change_deg": "mean rotation since the start (degrees)",
        "shift_change": "mean shift since the start (Å)",
    }
    return [
        heading("Course of the refinement"),
        table(list(labels.values()), [_rounded_row(entry, labels, (0, 2, 4, 2, 2)) for entry in history]),
    ]


def patches_section(run: RunFolder) -> Optional[Section]:
    """What refining patches has brought, and why there are so many."""
    parts: List[Part] = []
    if run.has("patch_evidence.star"):
        evidence, error = run.columns("patch_evidence.star", "gmmEvidence", "gmmEvidenceError")
        parts.append(
            Figure(
                "How many rigid regions the particles show",
                evidence_plot(evidence, error),
                "Evidence of motions that were held out; the smallest number that does as well as any is taken.",
            )
        )
    parts += _patch_table(run)
    return Section("Patches", tuple(parts)) if parts else None


def _patch_table(run: RunFolder) -> List[str]:
    rows = run.results.get("patch_table")
    if not rows:
        return []
    labels = {
        "gmmPatch": "patch",
        "gmmVolume": "volume (Å³)",
        "gmmResolutionBefore": "resolution before (Å)",
        "gmmResolutionAfter": "after (Å)",
        "gmmMeanFscBefore": "mean FSC before",
        "gmmMeanFscAfter": "after",
        "gmmRotationChange": "mean rotation (degrees)",
        "gmmShiftChange": "mean shift (Å)",
    }
    return [
        heading("Patches before and after"),
        table(list(labels.values()), [_rounded_row(row, labels, (0, 0, 2, 2, 4, 4, 2, 2)) for row in rows]),
    ]


def _rounded_row(row: Mapping[str, Any], labels: Iterable[str], digits: Iterable[int]) -> List[str]:
    unresolved = [name for name in labels if "Resolution" in name and not row.get(name)]  # 0 stands for none
    return [rounded(None if name in unresolved else row.get(name), places) for name, places in zip(labels, digits)]


def poses_section(run: RunFolder) -> Optional[Section]:
    """How far particles were turned and moved, by half set or by patch."""
    if run.patch_folders:
        groups = {
            f"patch {number}": run.particles(f"patches/{number:02d}/particles.star")
            for number in run.patch_folders
            if run.has(f"patches/{number:02d}/particles.star")
        }
    elif run.has("particles.star"):
        particles = run.particles("particles.star")
        half = particles.optional_numbers("rlnRandomSubset") if "rlnRandomSubset" in particles else np.zeros(len(particles))
        groups = {f"half {number:g}" if number else "all": particles.subset(half == number) for number in np.unique(half)}
    else:
        return None
    parts: List[Part] = []
    for label, words in _CHANGES.items():
        values = {name: known(particles.optional_numbers(label)) for name, particles in groups.items() if label in particles}
        if values:
            middle = np.median(np.concatenate(list(values.values())))
            parts.append(
                Figure(
                    f"Change of {words.split()[0]} since the start",
                    change_plot(values, f"change of {words}"),
                    f"Median {middle:.2f}. "
                    + (
                        "The outermost bin holds all that lie beyond it."
                        if len(values) <= MOST_OUTLINES
                        else "Boxes from quartile to quartile with the median; 90 % of the particles lie between the ends."
                    ),
                )
            )
    return Section("Pose changes", tuple(parts)) if parts else None


def coverage_section(run: RunFolder) -> Optional[Section]:
    """From which directions the particles are seen."""
    places = [("particles.star", "")] + [
        (f"patches/{number:02d}/particles.star", f" As seen by patch {number}.") for number in run.patch_folders
    ]
    place, note = next(((name, note) for name, note in places if run.has(name)), (None, ""))
    if place is None or "rlnAngleTilt" not in run.particles(place):
        return None
    particles = run.particles(place)
    require_columns(particles, ("rlnAngleRot",))
    rot, tilt = particles.numbers("rlnAngleRot"), particles.numbers("rlnAngleTilt")
    return Section(
        "Angular coverage",
        (
            Figure(
                "Particles by direction of view",
                coverage_plot(rot, tilt),
                f"{len(rot)} images in cells of equal area, so that even coverage is one colour; tilt 0 and 180 are the poles. "
                f"Equivalent directions of a symmetric molecule are not joined.{note}",
            ),
        ),
    )


def directions_section(run: RunFolder) -> Optional[Section]:
    """The resolution by direction of Fourier space."""
    if not run.has("directions.star"):
        return None
    rot, tilt, resolution, _ = run.columns("directions.star", "rlnAngleRot", "rlnAngleTilt", "gmmResolution", "gmmSummedFsc")
    said = run.results.get("directions_text", "")
    return Section(
        "Resolution by direction",
        (
            Figure(
                "FSC of the half maps in cones",
                directions_plot(rot, tilt, resolution),
                f"Where the FSC in a cone of 20° around each of {len(rot)} axes falls below the threshold; opposite directions "
                f"are one.{f' In short: {said}.' if said else ''}",
            ),
        ),
    )


def gmm_section(run: RunFolder) -> Optional[Section]:
    """The Gaussians in 3-D, by half set, or by patch."""
    of_halves = ["gmm_half_1.star", "gmm_half_2.star"]
    steps = [[f"iterations/{number:02d}/{name}" for name in of_halves] for number in reversed(run.iteration_folders)]
    names = next((names for names in [["gmm.star"], of_halves, *steps] if all(run.has(name) for name in names)), None)
    if names is None:
        return None
    models = [read_gmm(run.path(name)) for name in names]
    groups = {f"half {number}": (gmm.centers, gmm.widths) for number, gmm in enumerate(models, 1)}
    if run.has("patches.star"):
        require_columns(run.table("patches.star"), ("gmmPatch", "gmmX", "gmmY", "gmmZ", "gmmRadius"))
        centers, widths = (np.concatenate(parts) for parts in zip(*groups.values()))
        owner = nearest_patch(centers, read_patches(run.path("patches.star")))
        groups = {f"patch {patch + 1}": (centers[owner == patch], widths[owner == patch]) for patch in np.unique(owner)}
    count = sum(len(centers) for centers, _ in groups.values())
    drawn = f"; every {count / MOST_POINTS:.1f}th is drawn" if count > MOST_POINTS else ""
    return Section(
        "Gaussian mixture model",
        (
            Figure(
                "Centres of the Gaussians",
                gmm_plot(groups),
                f"{count} Gaussians{drawn}. Drag to turn, scroll to come nearer, click names to show or hide; Å from the box "
                "centre.",
            ),
        ),
    )


def local_resolution_section(run: RunFolder) -> Optional[Section]:
    """Slices through the local resolution, and its distribution."""
    if not run.has("local_resolution.mrc"):
        return None
    volume = read_map(run.path("local_resolution.mrc"))
    inside = volume.data[volume.data != 0]
    if len(inside) == 0:
        return None
    return Section(
        "Local resolution",
        (
            Figure(
                "Slices through the middle of the mask",
                values_plot(volume.data, volume.voxel_size, "Å"),
                f"Blank outside the mask. Colours run from percentile 1 to 99.{_thinned(volume.data)}",
            ),
            Figure("Voxels by local resolution", distribution_plot(inside, "local resolution (Å)")),
        ),
    )


def maps_section(run: RunFolder) -> Optional[Section]:
    """Slices through the maps, the unmodified one above what was made of it; amplitudes of both."""
    volumes = {name: read_map(run.path(file)) for file, name in _MAPS.items() if run.has(file)}
    volumes = {name: volume for name, volume in volumes.items() if np.ptp(volume.data) > 0}  # one part has no seams
    parts: List[Part] = []
    if volumes:
        first = next(iter(volumes.values()))
        parts.append(
            Figure(
                "Central slices of the maps",
                slices_plot({name: volume.data for name, volume in volumes.items()}, first.voxel_size),
                f"Each map in greys of its own, dense is dark.{_thinned(first.data)}",
            )
        )
    if run.has("amplitudes.star"):
        names = {
            "gmmAmplitude": "unmodified",
            "gmmAmplitudeWithoutNoise": "unmodified, without noise",
            "gmmAmplitudeSharpened": "sharpened",
        }
        frequency, *curves = run.columns("amplitudes.star", "gmmFrequency", *names)
        parts.append(
            Figure(
                "Amplitudes", amplitude_plot(frequency, dict(zip(names.values(), curves)), run.results.get("guinier_range", ()))
            )
        )
    if run.has("error_model.star"):
        parts.append(_error_model(run))
    if run.has("overlaps.star"):
        labels = ("gmmPatch", "gmmOtherPatch", "gmmOverlapVolume", "gmmSeamRms")
        rows = zip(*run.columns("overlaps.star", *labels))
        parts += [
            heading("Where parts overlap"),
            table(
                ["part", "other part", "shared volume (Å³)", "seam, root mean square (map units)"],
                [[rounded(one, 0), rounded(other, 0), rounded(volume, 0), float(seam)] for one, other, volume, seam in rows],
            ),
        ]
    return Section("Maps", tuple(parts)) if parts else None


def _error_model(run: RunFolder) -> Figure:
    powers = {"gmmSignalPower": "signal", "gmmNoisePower": "noise, molecule", "gmmSolventNoisePower": "noise, solvent"}
    gains = {"gmmGain": "gain, molecule", "gmmSolventGain": "gain, solvent"}
    frequency, *curves = run.columns("error_model.star", "gmmFrequency", *powers, *gains)
    return Figure(
        "Signal and noise by band",
        error_model_plot(frequency, dict(zip(powers.values(), curves)), dict(zip(gains.values(), curves[len(powers) :]))),
        "What the half maps show of both, and below it what the bands of their mean were multiplied by, on average.",
    )


def _thinned(volume: np.ndarray) -> str:
    step = thinned_by(max(volume.shape))
    return f" One voxel in {step} is drawn along each side." if step > 1 else ""


SECTIONS = (
    fsc_section,
    controls_section,
    patches_section,
    conformations_section,
    poses_section,
    coverage_section,
    directions_section,
    gmm_section,
    local_resolution_section,
    maps_section,
    q_section,
    audit_section,
)
