"""The microscope of simulated images: aberrations and distortion, by the formulas that images are corrected with."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.aberrations import with_beam_tilt
from gmmrefine.particles.optics import NO_DISTORTION, OpticsGroup

VOLTAGE_KV, CS_MM = 300.0, 2.7
_ODD_TREFOIL, _EVEN_TETRAFOIL = (5, 2), (8, 4)  # RELION's numbers of |k|³ cos 3φ, |k|³ sin 3φ and |k|⁴ cos 4φ, |k|⁴ sin 4φ


def simulated_group(settings):
    """The optics group that the settings of a simulation ask for.

    Parameters
    ----------
    settings : object
        ``box, pixel_size, beam_tilt, trefoil, tetrafoil, magnification_matrix``.

    Raises
    ------
    InputError
        Not as many numbers as are needed, or no magnification.
    """
    tilt, trefoil, tetrafoil = (_numbers(settings, name, 2) for name in ("beam_tilt", "trefoil", "tetrafoil"))
    matrix = _numbers(settings, "magnification_matrix", 4) or NO_DISTORTION
    if not 0.5 < np.linalg.det(np.reshape(matrix, (2, 2))) < 2:
        raise InputError(
            f"--magnification-matrix '{settings.magnification_matrix}': expected a matrix close to 1 0 0 1, such as "
            "1.01 0 0 0.99."
        )
    odd = _placed(trefoil, _ODD_TREFOIL)
    if tilt:
        odd = with_beam_tilt(odd, *tilt, CS_MM, VOLTAGE_KV)
    return OpticsGroup(settings.box, settings.pixel_size, odd, _placed(tetrafoil, _EVEN_TETRAFOIL), matrix)


def seen_through(samples, microscope, particles):
    """Transforms (B, K) complex64 of the images that a microscope makes of particles.

    Parameters
    ----------
    samples : (B, K) complex64
        Of the centred projections, at the microscope's ``disc``.
    microscope : GroupSamples
    particles : ParticleSet
    """
    disc = microscope.own
    phase = particles.shifts @ np.stack([disc.kx, disc.ky]) * (2 * np.pi / (disc.box_size * particles.pixel_size))
    return samples * microscope.ctf(particles.ctf) * np.exp(1j * (phase + microscope.odd)).astype(np.complex64)


def _numbers(settings, name, count):
    """Numbers of a setting, tuple of float; empty where it is."""
    text = getattr(settings, name) or ""
    try:
        values = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        values = (np.nan,)
    if values and (len(values) != count or not np.isfinite(values).all()):
        raise InputError(f"--{name.replace('_', '-')} '{text}': expected {count} numbers.")
    return values


def _placed(values, places):
    """A list of coefficients with values at some places, empty where there are none."""
    coefficients = [0.0] * (max(places) + 1 if any(values) else 0)
    for place, value in zip(places, values):
        if coefficients:
            coefficients[place] = value
    return tuple(coefficients)
