"""A GMM built from a map: seeded on its voxels or on an atomic model, fitted, compared."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.gmm.fit import MapTarget, fit_gaussians, gmm_map_fsc
from gmmrefine.gmm.from_atoms import randomised
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import centered_from_map, render_map
from gmmrefine.gmm.seed import SEEDS_PER_VOXEL, SPACING, automatic_count, molecule_voxels, seed_gaussians
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.mask import molecular_volume, molecule_threshold
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.map_inputs import read_mask_on_molecule, read_or_make_mask
from gmmrefine.pipelines.model_place import check_place, place_model
from gmmrefine.progress import place_in_run
from gmmrefine.random_streams import stream
from gmmrefine.settings import (
    FEWEST_SHELLS,
    Placed,
    changed,
    coarsest_resolution,
    is_beyond_nyquist,
    names_of,
    nyquist_text,
)

LOWEST_SHELL = 2  # shells 0 and 1 hold the solvent's level, not the molecule
_SMALLEST_WEIGHT = 0.05  # of a shell whose FSC is near zero; without any, Gaussians could grow anything there
_DEFAULT_RESOLUTION = 3.0  # pixels
_CLEARLY = 0.5  # standard deviations of the map; noise alone may be a little darker inside a mask
_FEWEST_IN_MASK = 0.5  # of a model's atoms
_NO_AGREEMENT = 5e-4  # mean FSC; what would be shown as 0.000


def build(volume, settings, run):
    """Build a GMM from a map and write it with its agreement.

    Parameters
    ----------
    volume : Volume
    settings : BuildSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    box_size, pixel_size = len(volume.data), volume.voxel_size
    radius, found = check_settings(volume, settings), {}
    if settings.model:
        grid, found = place_model(
            read_atoms(settings.model).positions, volume.grid, (settings.model, "the map"), settings, run.progress.say
        )
        settings = changed(settings, model_origin=tuple(grid.origin.tolist()))
    mask = read_or_make_mask(volume.data, pixel_size, settings)
    weights = np.where(np.arange(radius + 1) >= LOWEST_SHELL, 1.0, 0.0)
    gmm, curve = gmm_of_map(volume.data, mask, pixel_size, weights, settings, run.progress)
    if curve[LOWEST_SHELL:].mean() < _NO_AGREEMENT:
        raise InputError(
            f"the GMM has nothing in common with the map (mean FSC {curve[LOWEST_SHELL:].mean():.3f}). Is there density "
            "in the mask? Give another mask, a coarser --resolution or more Gaussians."
        )
    write_gmm(run.path("gmm.star"), gmm)
    write_map(run.path("gmm_map.mrc"), render_map(gmm, box_size, pixel_size, radius), pixel_size, volume.origin)
    frequency = np.arange(radius + 1) / (box_size * pixel_size)
    write_curves(run.path("gmm_fsc.star"), {"gmmFrequency": frequency, "gmmFsc": curve})
    return {
        "gaussians": len(gmm),
        "resolution": box_size * pixel_size / radius,
        "mean_fsc": float(curve[LOWEST_SHELL:].mean()),
        "fsc_at_resolution": float(curve[-1]),
        **found,
    }


def check_settings(volume, settings):
    """Refuse settings that mean nothing for a map, and files that cannot be used.

    Parameters
    ----------
    volume : Volume
    settings : BuildSettings

    Returns
    -------
    int
        The shell of the resolution.
    """
    box_size, pixel_size = len(volume.data), volume.voxel_size
    resolution = settings.resolution or _DEFAULT_RESOLUTION * pixel_size
    check_number_of_gaussians(settings.gaussians)
    if is_beyond_nyquist(resolution, pixel_size):
        raise InputError(
            f"--resolution {resolution:g} Å is beyond Nyquist of the map ({nyquist_text(pixel_size)} Å for voxels of "
            f"{pixel_size:.4g} Å). Give at least that."
        )
    if settings.mask:
        read_mask_on_molecule(settings.mask, volume.data, pixel_size)
    radius = shell_of_resolution(resolution, box_size, pixel_size)
    if radius < FEWEST_SHELLS:
        raise InputError(
            f"--resolution {resolution:g} Å leaves {radius} Fourier shells of a map {box_size * pixel_size:.0f} Å wide; "
            f"expected at least {FEWEST_SHELLS}. Give {int(coarsest_resolution(box_size, pixel_size))} Å or finer."
        )
    check_place(settings)
    if settings.model:
        read_atoms(settings.model)  # refuses what is no model
    refuse_ignored(
        settings,
        [
            (bool(settings.model), "--model", ("gaussians", "threshold")),
            (not settings.model, "no --model", names_of(Placed)),
            (bool(settings.mask), "--mask", ("mask_resolution", "mask_edge")),
        ],
    )
    return radius


def gmm_of_map(volume, mask, pixel_size, shell_weights, settings, progress, **where):
    """Fit a GMM to the masked map.

    Parameters
    ----------
    volume, mask : (Z, Y, X) float
    pixel_size : float
        Å/px.
    shell_weights : (R + 1,) float
        Weight of each shell's correlation; R is the target resolution.
    settings : object
        ``gaussians, model, fit_evaluations, seed`` and optionally ``threshold`` and ``spacing`` (of Gaussians, in units of the
        resolution); with a model ``model_origin``, x, y, z in Å of the map's first voxel in its frame.
    progress : Progress
    where : object
        Iteration and half, for the log and the seed.

    Returns
    -------
    tuple
        Gmm, FSC (R + 1,) between it and the masked map.
    """
    radius = len(shell_weights) - 1
    rng = stream("seeds of Gaussians", settings.seed, *where.values())
    refuse_dark_molecule(volume, mask, radius)
    filtered = low_pass(volume, radius) * mask
    resolution = len(volume) * pixel_size / radius
    if settings.model:
        seeds = _seeds_from_model(settings.model, mask, pixel_size, settings.model_origin, resolution, rng)
    else:
        voxels, count = _places_and_number(filtered, mask, pixel_size, resolution, settings)
        _note_if_fewer(count, settings.gaussians, progress, where)
        seeds = seed_gaussians(filtered, voxels, count, pixel_size, resolution, rng)
    target = MapTarget(centered_from_map(volume * mask), pixel_size, shell_weights)
    with progress.step("fit GMM", settings.fit_evaluations, unit="evaluations", **where) as report:
        gmm = fit_gaussians(seeds, target, settings.fit_evaluations, lambda done, loss: report(done, loss=round(loss, 5)))
    if len(gmm) == 0:
        raise InputError(
            "no Gaussian kept any density: the map holds nothing that agrees with Gaussians inside the mask. Check the mask "
            "and the contrast."
        )
    return gmm, gmm_map_fsc(gmm, target.transform, pixel_size, radius)


def fit_weights(fsc):
    """Weight of each shell (R + 1,) when Gaussians are fitted to a half map of this gold-standard FSC (R + 1,)."""
    return np.where(np.arange(len(fsc)) >= LOWEST_SHELL, np.maximum(fsc, _SMALLEST_WEIGHT), 0)


def refuse_dark_molecule(volume, mask, radius):
    """Refuse a map (Z, Y, X) that is darker inside the mask (Z, Y, X) than outside, low-passed at shell ``radius``."""
    smooth = low_pass(volume, radius)
    inside, outside = (float(np.average(smooth, weights=weight)) for weight in (mask, 1 - mask + 1e-9))
    if inside < outside - _CLEARLY * float(smooth.std(dtype=float)):
        raise InputError(
            f"the map is darker inside the mask (mean {inside:.3g}) than outside ({outside:.3g}); expected a bright molecule. "
            "Multiply the map by -1, or refine with --invert-contrast."
        )


def _places_and_number(filtered, mask, pixel_size, resolution, settings):
    """Voxels (V, 3) of a masked map at a resolution in Å on which Gaussians start, and how many Gaussians."""
    threshold = getattr(settings, "threshold", None) or molecule_threshold(filtered)
    voxels = molecule_voxels(filtered, mask, threshold)
    if settings.gaussians == "auto":
        # of a fine map only the ridges of the density lie above its own threshold
        volume = max(molecular_volume(filtered, mask, pixel_size), len(voxels) * pixel_size**3)
        count = automatic_count(volume, resolution, settings.spacing or SPACING)
    else:
        count = int(settings.gaussians)
    return voxels, min(count, SEEDS_PER_VOXEL * len(voxels))


def _note_if_fewer(seeded, asked, progress, where):
    """Note that a map has no room for as many Gaussians as were asked for, a number or auto."""
    if asked != "auto" and seeded < int(asked):
        progress.note(
            "gaussians",
            f"{asked} Gaussians were asked for, but the map ({place_in_run(where) or 'the one given'}) has room "
            f"for {seeded}, {SEEDS_PER_VOXEL} in every voxel of the molecule; every map gets as many as it has room for",
        )


def check_number_of_gaussians(text):
    """Refuse a --gaussians that is neither auto nor a positive whole number."""
    if text != "auto" and not (str(text).isdigit() and int(text) > 0):
        raise InputError(f"--gaussians {text}: expected a positive whole number or auto.")


def _seeds_from_model(path, mask, pixel_size, origin, resolution, rng):
    """One Gaussian per atom, moved at random by the resolution so that the model cannot be found again in the result."""
    atoms = read_atoms(path)
    voxels = np.rint((atoms.positions - origin) / pixel_size).astype(int)
    in_box = np.all((voxels >= 0) & (voxels < len(mask)), axis=1)
    in_mask = np.zeros(len(atoms), bool)
    in_mask[in_box] = mask[tuple(voxels[in_box, ::-1].T)] > 0.5
    if in_mask.mean() < _FEWEST_IN_MASK:
        raise InputError(
            f"{path}: only {in_mask.sum()} of {len(atoms)} atoms lie inside the mask; expected at least half of them. Give a "
            "mask of the molecule, or the part of the model that the mask holds."
        )
    centers = atoms.positions - origin - len(mask) // 2 * pixel_size
    width = 0.28 * resolution
    return randomised(Gmm(centers, np.ones(len(atoms)), np.full(len(atoms), width)), resolution, rng)
