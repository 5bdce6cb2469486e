"""Focused results joined into one map per half set, with the seams shown."""

import os
import shutil
from dataclasses import dataclass
from typing import Optional, Sequence

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.io.curves import write_curves
from gmmrefine.io.half_sets_file import write_half_sets
from gmmrefine.io.mrc import SAME_VOXEL_SIZE, half_maps_in, read_map, read_mask, write_map
from gmmrefine.maps.composite import composite_map, local_snr, overlap, seam_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.particles.half_sets import HalfSets
from gmmrefine.pipelines.composite_scale import measured_scales, on_one_scale
from gmmrefine.pipelines.map_inputs import read_mask_on_molecule, read_or_make_mask, refuse_same_half_maps
from gmmrefine.pipelines.reconstruct import write_fsc
from gmmrefine.runs.earlier_run import recorded_command, refuse_unfinished_run
from gmmrefine.runs.run import WEIGHTS_FOLDER
from gmmrefine.runs.same_half_sets import agreed_half_sets

CAUTION = (
    "a composite is not one reconstruction: its parts come from the same particles at different poses, and its FSC says "
    "nothing about how the parts lie to each other. Deposit it with its parts and masks."
)
_UNRESOLVED = 40.0  # Å, taken for the resolution where nothing is resolved
_WEIGHTS_COARSER = 2.0  # times the resolution


@dataclass(frozen=True)
class FocusedMap:
    """One part of a composite.

    Parameters
    ----------
    name : str
    halves : list of (Z, Y, X) float
        Unfiltered half maps.
    mask : (Z, Y, X) float
        The region it was focused on.
    origin : (3,) float
        Å, place of the first voxel by the header, for fitted models.
    """

    name: str
    halves: list
    mask: np.ndarray
    origin: Sequence[float] = (0.0, 0.0, 0.0)


def read_focused(folder, pixel_size=None):
    """A focused refinement's result: half maps and focus_mask.mrc of its folder.

    Returns
    -------
    tuple
        FocusedMap, pixel size in Å.
    """
    volumes = [read_map(path) for path in half_maps_in(folder)]
    box_size, size = len(volumes[0].data), volumes[0].voxel_size
    if volumes[1].data.shape != volumes[0].data.shape:
        raise InputError(f"{folder}: half_map_1.mrc has {box_size} voxels, half_map_2.mrc {len(volumes[1].data)}; must match.")
    for volume in volumes:
        _refuse_other_voxels(folder, volume.voxel_size, pixel_size or size)
    mask = read_mask(mask_of(folder), box_size, size)
    name, halves = os.path.basename(os.path.normpath(folder)), [volume.data for volume in volumes]
    return FocusedMap(name, halves, mask, volumes[0].origin), size


def mask_of(folder):
    """Path of the region a folder's maps were made for: its focus, or the union that an imposed symmetry left.

    Raises
    ------
    InputError
        Neither is there. A mask of the whole molecule is no region: it would weigh as much as a focus, and halve its gain.
    """
    path = os.path.join(folder, "focus_mask.mrc")
    if recorded_command(folder) == "impose-symmetry":
        path = os.path.join(folder, "mask.mrc")
    if not os.path.exists(path):
        raise InputError(
            f"{path}: no such file; expected the folder of a focused refinement. Give a map of the whole molecule with "
            "--background, or put the mask of the region there."
        )
    return path


def _refuse_other_voxels(where, found, expected):
    if abs(found - expected) > SAME_VOXEL_SIZE * expected:
        raise InputError(f"{where}: voxels of {found:.4g} Å, but the other maps have {expected:.4g} Å; must match.")


@dataclass(frozen=True)
class Parts:
    """What a composite is made of.

    Parameters
    ----------
    focused : list of FocusedMap
    background : list of (Z, Y, X) float or None
        Half maps.
    half_sets : HalfSets or None
        Shared by all; None where that is not recorded.
    pixel_size : float
        Å
    notes : list of str
        What a user should know.
    scales : (M, 2) float or None
        Scale and level that bring each part, and the background, to one grey scale; None where they have one.
    """

    focused: list
    background: Optional[list]
    half_sets: Optional[HalfSets]
    pixel_size: float
    notes: list
    scales: Optional[np.ndarray] = None


def read_parts(folders, settings):
    """Parts, read from focused runs' folders and ``settings.background``; refused where they do not belong together."""
    sources = [*folders, settings.background] if settings.background else folders
    for folder in sources:
        refuse_unfinished_run(folder)
    first, pixel_size = read_focused(folders[0])
    parts = [first] + [read_focused(folder, pixel_size)[0] for folder in folders[1:]]
    sizes = {len(part.mask) for part in parts}
    if len(sizes) > 1:
        raise InputError(f"the parts have boxes of {', '.join(map(str, sorted(sizes)))} voxels; they must have one.")
    for folder, part in zip(folders, parts):
        refuse_same_half_maps(part.halves, half_maps_in(folder))
        read_mask_on_molecule(mask_of(folder), part.halves[0] + part.halves[1], pixel_size)
    background = None
    if settings.background:
        behind = [read_map(path) for path in half_maps_in(settings.background)]
        for volume in behind:
            _refuse_other_voxels(f"--background {settings.background}", volume.voxel_size, pixel_size)
        background = [volume.data for volume in behind]
        if background[0].shape != first.mask.shape:
            raise InputError(
                f"--background {settings.background}: box {len(background[0])}, the parts have {len(first.mask)}; must match."
            )
        refuse_same_half_maps(background, half_maps_in(settings.background))
    half_sets, notes = agreed_half_sets({folder: half_maps_in(folder) for folder in sources})
    files = [path for folder in sources for path in half_maps_in(folder)] + [mask_of(folder) for folder in folders]
    notes = [*notes, *other_places(files, pixel_size)]
    return Parts(parts, background, half_sets, pixel_size, notes, measured_scales(parts, background))


def join(parts, settings, run):
    """The composite of Parts; writes it and gives the results for run.json."""
    parts, scales, notes = on_one_scale(parts, run)
    for note in [*parts.notes, *notes]:
        run.progress.say(note)
    if parts.half_sets is not None:
        write_half_sets(run.directory, parts.half_sets)
    results = write_composite(parts.focused, parts.background, None, parts.pixel_size, settings, run)
    names = [part.name for part in parts.focused] + ["background"] * (parts.background is not None)
    return {**results, "grey_scales": {name: list(scale) for name, scale in zip(names, scales)}, "grey_scale_notes": notes}


def other_places(files, pixel_size):
    """Notes, list of str, on maps whose header puts them elsewhere than the first: joined are voxels, not places."""
    first = read_map(files[0]).origin
    moved = [path for path in files if np.abs(read_map(path).origin - first).max() > 0.5 * pixel_size]
    if not moved:
        return []
    return [
        f"note: the header of {moved[0]} and {len(moved) - 1} others puts the first voxel elsewhere than that of "
        f"{files[0]}, where the composite will lie. Voxels are joined as they lie in the box; make sure that they belong "
        "together"
    ]


def snr_weights(parts, pixel_size, resolution):
    """Masks (Z, Y, X) of the parts times their local signal-to-noise, with the sum of the masks.

    The sum is kept so that they fade into the background as the masks do. Weights prefer the part whose halves agree, be it by
    chance; they are therefore made from detail twice as coarse as ``resolution`` in Å, so that noise near the resolution has no
    part in its own weights and the FSC is decided by independent halves.
    """
    weights = [part.mask * local_snr(*part.halves, pixel_size, _WEIGHTS_COARSER * resolution) for part in parts]
    total, wanted = np.sum(weights, axis=0), np.sum([part.mask for part in parts], axis=0)
    factor = np.divide(wanted, total, out=np.zeros(total.shape), where=total > 0)
    return [weight * factor for weight in weights]


def shared_weights(parts, pixel_size, resolution, run):
    """``snr_weights``, which both halves are told, or those of a pinned run; a list of (Z, Y, X) kept as weights/NN.mrc."""

    def measure():
        paths = []
        for number, weight in enumerate(snr_weights(parts, pixel_size, resolution), 1):
            paths.append(os.path.abspath(run.path(WEIGHTS_FOLDER, f"{number:02d}.mrc")))
            write_map(paths[-1], weight, pixel_size)
        return paths

    return [read_map(path).data for path in run.told("weights", 0, measure)]


def half_composites(parts, weights, background):
    """One composite (Z, Y, X) per half; ``background`` holds one map per half or is None."""
    return [
        composite_map([part.halves[half] for part in parts], weights, None if background is None else background[half])
        for half in (0, 1)
    ]


def write_composite(parts, background, mask, pixel_size, settings, run):
    """Join parts, measure the FSC, and write composite, seams and overlaps.

    Parameters
    ----------
    parts : list of FocusedMap
    background : list of (Z, Y, X) float or None
        Half maps shown outside all masks.
    mask : (Z, Y, X) float or None
        For the FSC; given or made from the composite when None.
    pixel_size : float
        Å/px.
    settings : CompositeSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    masks = [part.mask for part in parts]
    halves = half_composites(parts, masks, background)
    if mask is None:
        mask = read_or_make_mask(halves[0] + halves[1], pixel_size, settings)
    curve = gold_standard_fsc(*halves, mask, pixel_size, settings.seed)
    resolution = curve.resolution(settings.fsc_threshold)
    weights = masks
    if settings.composite_weights == "snr":
        weights = shared_weights(parts, pixel_size, resolution or _UNRESOLVED, run)
        halves = half_composites(parts, weights, background)
        curve = gold_standard_fsc(*halves, mask, pixel_size, settings.seed)
        resolution = curve.resolution(settings.fsc_threshold)
    elif run.was_told("weights", 0):  # for a composite that this one replaces
        run.withdraw("weights")
        shutil.rmtree(run.path(WEIGHTS_FOLDER), ignore_errors=True)
    means = [0.5 * (part.halves[0] + part.halves[1]) for part in parts]
    radius = shell_of_resolution(resolution or _UNRESOLVED, len(mask), pixel_size)
    behind = None if background is None else low_pass(0.5 * (background[0] + background[1]), radius)
    seams = seam_map([low_pass(volume, radius) for volume in means], weights, behind)
    for number, half in enumerate(halves, 1):
        write_map(run.path(f"composite_half_{number}.mrc"), half, pixel_size, parts[0].origin)
    composite = low_pass(0.5 * (halves[0] + halves[1]), radius)
    write_map(run.path("composite.mrc"), composite, pixel_size, parts[0].origin)
    write_map(run.path("seams.mrc"), seams, pixel_size, parts[0].origin)
    write_map(run.path("mask.mrc"), mask, pixel_size, parts[0].origin)
    write_fsc(run.path("fsc.star"), curve)
    pairs = overlap_rows(parts, seams, pixel_size)
    if pairs:
        _write_overlaps(run.path("overlaps.star"), pairs)
    seam = seam_results(seams, composite, mask, parts, pairs)
    run.progress.say(seam["seam_text"])
    run.progress.say(CAUTION)
    return {
        "parts": [part.name for part in parts],
        "resolution": resolution,
        "resolution_text": curve.resolution_text(settings.fsc_threshold),
        **seam,
        "caution": CAUTION,
    }


def seam_results(seams, composite, mask, parts, pairs):
    """What is said of the seams: the largest, in map units and of the density's deviation inside the mask, and where most."""
    inside, largest = mask > 0.5, float(seams.max())
    deviation = float(composite[inside].std(dtype=float)) if inside.any() else 0.0
    share = largest / deviation if deviation > 0 else 0.0
    text = (
        f"seams: maps that are joined differ by up to {largest:.3g} map units, {100 * share:.0f} % of the density's deviation"
    )
    worst = max(pairs, key=lambda row: row[3], default=None)
    if worst is not None and worst[3] > 0:
        names = [parts[int(number) - 1].name for number in worst[:2]]
        text += f"; of the parts most where {names[0]} passes into {names[1]} (rms {worst[3]:.3g})"
    return {"largest_seam": largest, "largest_seam_of_deviation": share, "seam_text": text}


def overlap_rows(parts, seams, pixel_size):
    """Of every pair of parts: both numbers from 1, the volume in Å³ that their masks share, the rms seam there."""
    rows = []
    for first in range(len(parts)):
        for second in range(first + 1, len(parts)):
            shared = np.minimum(parts[first].mask, parts[second].mask)
            volume = overlap(parts[first].mask, parts[second].mask, pixel_size)
            seam = np.sqrt(np.average(seams**2, weights=shared)) if volume > 0 else 0.0
            rows.append((first + 1, second + 1, volume, seam))
    return rows


def _write_overlaps(path, rows):
    columns = np.array(rows, float).reshape(-1, 4).T
    write_curves(path, dict(zip(("gmmPatch", "gmmOtherPatch", "gmmOverlapVolume", "gmmSeamRms"), columns)))
