"""Sharpening of a map, as a whole or locally, with the unmodified map and the amplitudes of both beside the result."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.figures.maps import write_guinier_figure
from gmmrefine.fourier.shells import resolution_of_shell
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.curves import write_curves
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.local_filter import local_low_pass
from gmmrefine.maps.local_sharpen import Bands, with_even_amplitudes, with_local_amplitudes
from gmmrefine.maps.sharpen import amplitudes, guinier_fit, with_profile, without_b_factor
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.local_filter import write_beside
from gmmrefine.pipelines.map_inputs import read_or_make_mask
from gmmrefine.pipelines.model_notes import AS_DENSITY, notes_on_model
from gmmrefine.pipelines.model_place import check_place, place_model
from gmmrefine.settings import Placed, is_beyond_nyquist, names_of, nyquist_text
from gmmrefine.validation.half_maps import map_end

_OF_MODEL = ("model-profile", "local-model")
_BY_BANDS = ("local-model", "local")
_INSIDE = 0.5  # of the mask


@dataclass
class Sharpening:
    """A map to sharpen and what is known of it.

    Parameters
    ----------
    volume : Volume
        Where a model that is needed has it.
    mask : (Z, Y, X) float
    resolution : (Z, Y, X) float or None
        Local resolution in Å, 0 where it is not known.
    fine : float
        Å; resolution of the map as a whole.
    settings : SharpenSettings
    profile : Amplitudes
    results : dict
        For run.json.
    curves : dict of str to (S,) float
        Amplitudes for the figure, by name.
    fit : GuinierFit or None
    """

    volume: Any
    mask: np.ndarray
    resolution: Any
    fine: float
    settings: Any
    profile: Any
    results: dict
    curves: dict
    fit: Any = None

    @property
    def radius(self):
        """Shell of the resolution (may be fractional)."""
        return self._shell(self.fine)

    def b_factor(self):
        """The B factor in Å² given by the user, or that of the Guinier fit."""
        if not self.settings.b_factor:
            self.fit = guinier_fit(self.profile, self.settings.guinier_from, self.fine)
            frequency = self.profile.frequency[self.fit.shells[[0, -1]]]
            self.results["guinier_range"] = (1 / frequency).tolist()
        self.results["b_factor"] = self.settings.b_factor or self.fit.b_factor
        return self.results["b_factor"]

    def model(self, with_b_factors):
        """The model's map (Z, Y, X) on this grid."""
        from gmmrefine.pipelines.model_map import model_map  # loads TensorFlow, which takes seconds

        volume, found = model_map(self.settings.reference_model, self.volume, self.settings.model_resolution, with_b_factors)
        self.results.update(found)
        return volume

    def bands(self):
        """The bands for local amplitudes."""
        window = self.settings.amplitude_window / self.volume.voxel_size
        return Bands(len(self.mask), self._shell(self.settings.guinier_from), self.radius, window)

    def low_passed(self, volume):
        """A map (Z, Y, X) low-passed at the local resolution where it is known, else at that of the whole."""
        if self.resolution is None:
            return low_pass(volume, self.radius)
        return local_low_pass(volume, self.resolution, self.volume.voxel_size)

    def _shell(self, resolution):
        return len(self.mask) * self.volume.voxel_size / resolution


def sharpen(volume, resolution, settings, run):
    """Sharpen a map and write it beside the unmodified one, with the amplitudes of both.

    Parameters
    ----------
    volume : Volume
    resolution : (Z, Y, X) float or None
        Local resolution in Å, 0 where it is not known.
    settings : SharpenSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    placed, found = volume, {}
    if settings.sharpening in _OF_MODEL:
        model = settings.reference_model
        grid, found = place_model(read_atoms(model).positions, volume.grid, (model, "the map"), settings, run.progress.say)
        placed = replace(volume, origin=grid.origin)
    mask = read_or_make_mask(volume.data, volume.voxel_size, settings)
    fine = _not_beyond_end(settings.low_pass or _median_resolution(resolution, mask), volume, run.progress)
    profile = amplitudes(volume.data, mask, volume.voxel_size)
    job = Sharpening(
        placed,
        mask,
        resolution,
        fine,
        settings,
        profile,
        {"sharpening": settings.sharpening, "resolution": fine, **found},
        {"unmodified": profile.total, "unmodified, without noise": profile.signal},
    )
    with run.progress.step("sharpen"):
        sharpened = _METHODS[settings.sharpening](job)
    write_beside(volume, sharpened, "sharpened", run)
    after = amplitudes(sharpened, mask, volume.voxel_size).total
    write_curves(
        run.path("amplitudes.star"),
        {
            "gmmFrequency": profile.frequency,
            "gmmAmplitude": profile.total,
            "gmmAmplitudeWithoutNoise": profile.signal,
            "gmmAmplitudeSharpened": after,
        },
        "amplitudes",
    )
    _draw(job, after, run)
    _say(job.results, run.progress)
    return job.results


def _not_beyond_end(fine, volume, progress):
    """A resolution in Å, or that at which the map ends, said, where it holds nothing so fine."""
    end = map_end(volume.data)
    if end is None or resolution_of_shell(end, len(volume.data), volume.voxel_size) <= fine:
        return fine
    held = resolution_of_shell(end, len(volume.data), volume.voxel_size)
    progress.note(
        "end of the map",
        (
            f"the map holds nothing beyond {held:.1f} Å, it was filtered; it is sharpened to that and not to {fine:.2f} Å. "
            "Give the unfiltered map"
        ),
    )
    return held


def _median_resolution(resolution, mask):
    """The median in Å of a local resolution (Z, Y, X) inside a mask."""
    known = (resolution > 0) & (mask > _INSIDE)
    if not known.any():
        raise InputError(
            "the local resolution map knows no voxel inside the mask; expected both of one map. Check that they belong "
            "together."
        )
    return float(np.median(resolution[known]))


def check_sharpening(settings, pixel_size):
    """Refuse settings that lack something, exclude one another, or go beyond Nyquist of a pixel size (Å/px)."""
    method, model = settings.sharpening, settings.reference_model
    check_place(settings)
    choice = f"--sharpening {method}"
    if method in _OF_MODEL and not model:
        raise InputError(f"{choice} needs --reference-model: give an atomic model fitted to the map.")
    if method == "local-resolution" and not settings.local_resolution:
        raise InputError(
            f"{choice} needs --local-resolution: make that map with: gmmrefine local-resolution HALF1 HALF2 -o DIR."
        )
    if not settings.low_pass and not settings.local_resolution:
        raise InputError(
            "the resolution of the map is not known: beyond it sharpening shows nothing but noise. Give it with --low-pass, or "
            "a local resolution map with --local-resolution."
        )
    if is_beyond_nyquist(settings.low_pass, pixel_size):
        raise InputError(
            f"--low-pass {settings.low_pass:g} Å is beyond Nyquist of the map ({nyquist_text(pixel_size)} Å). Give the "
            "resolution of its FSC."
        )
    refuse_ignored(
        settings,
        [
            (bool(settings.local_resolution), "--local-resolution", ("low_pass",)),
            (method not in _OF_MODEL, choice, ("reference_model", "model_resolution", *names_of(Placed))),
            (method in _OF_MODEL, choice, ("b_factor",)),
            (method == "model-profile", choice, ("guinier_from",)),
            (bool(settings.b_factor) and method not in _BY_BANDS, "--b-factor", ("guinier_from",)),
            (method not in _BY_BANDS, choice, ("amplitude_window",)),
            (bool(settings.mask), "--mask", ("mask_resolution", "mask_edge")),
        ],
    )


def _by_b_factor(job):
    return job.low_passed(without_b_factor(job.volume.data, job.b_factor(), job.volume.voxel_size))


def _by_model_profile(job):
    target = amplitudes(job.model(False) * job.mask, np.ones_like(job.mask), job.volume.voxel_size).total
    target = target * np.linalg.norm(job.profile.total[1:]) / np.linalg.norm(target[1:])
    job.curves["model"] = target
    return job.low_passed(with_profile(job.volume.data, job.profile.total, target, job.radius))


def _by_local_resolution(job):
    """With even noise the signal has fallen to one level wherever the resolution ends, so that B / 4d² is the same."""
    b_factor = job.b_factor()
    return local_low_pass(
        job.volume.data, job.resolution, job.volume.voxel_size, lambda local: b_factor * (local / job.fine) ** 2
    )


def _by_local_model(job):
    return job.low_passed(with_local_amplitudes(job.volume.data, job.model(True), job.mask, job.bands()))


def _evenly(job):
    bands = job.bands()
    frequency = bands.centers / (len(job.mask) * job.volume.voxel_size)
    gain = np.exp(job.b_factor() * np.where(np.arange(len(frequency)), frequency, 0) ** 2 / 4)
    return job.low_passed(with_even_amplitudes(job.volume.data, job.mask, bands, gain))


_METHODS = {
    "b-factor": _by_b_factor,
    "model-profile": _by_model_profile,
    "local-resolution": _by_local_resolution,
    "local-model": _by_local_model,
    "local": _evenly,
}


def _draw(job, after, run):
    fit = None
    if job.fit:
        fit = job.fit.shells, np.exp(job.fit.intercept - job.fit.b_factor * job.profile.frequency**2 / 4)
    title = f"B factor {job.results['b_factor']:.1f} Å²" if "b_factor" in job.results else job.settings.sharpening
    shown = job.profile.frequency <= 1.2 / job.fine
    curves = {name: np.where(shown, values, 0) for name, values in {**job.curves, "sharpened": after}.items()}
    write_guinier_figure(run.path("figures", "guinier.png"), title, job.profile.frequency, curves, fit)


def _say(results, progress):
    for note in notes_on_model(results, AS_DENSITY):
        progress.say(note)
    if results.get("atoms_outside"):
        progress.say(f"{results['atoms_outside']} atoms of the model lie outside the map and are left out")
    if "guinier_range" in results:
        coarse, fine = results["guinier_range"]
        progress.say(f"B factor {results['b_factor']:.1f} Å², fitted from {coarse:.1f} to {fine:.1f} Å")
    progress.say(f"sharpened ({results['sharpening']}) to {results['resolution']:.2f} Å; the map as it was is unmodified.mrc")
