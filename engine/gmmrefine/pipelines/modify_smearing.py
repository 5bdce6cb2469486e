"""What is known of the pose errors behind two half maps: given, written by the refinement, or seen in the spectrum."""

import os

import numpy as np

from gmmrefine.io.pose_error_labels import ERRORS
from gmmrefine.io.star import read_star
from gmmrefine.maps.modify import band_of
from gmmrefine.maps.smearing import Smearing, smearing_from_spectrum

_PARTICLES = "particles.star"


def smearing_of(halves, paths, mask, settings):
    """How pose errors smear two half maps, where that is known from, and what their spectrum looks like.

    Parameters
    ----------
    halves : pair of Volume
    paths : pair of str
        Their files.
    mask : (Z, Y, X) float
    settings : object
        ``smearing, known_rotation_error, known_shift_error``.

    Returns
    -------
    tuple
        Smearing that is taken, str, Smearing by the spectrum.
    """
    by_spectrum = smearing_from_spectrum(*[half.data for half in halves], mask, halves[0].voxel_size, band_of(len(mask)))
    if settings.smearing == "none":
        return Smearing(0.0, 0.0), "not undone", by_spectrum
    if settings.known_rotation_error or settings.known_shift_error:
        return Smearing(settings.known_rotation_error or 0.0, settings.known_shift_error or 0.0), "as given", by_spectrum
    written = _written_errors(paths)
    if written is not None:
        return written, f"by {_PARTICLES} beside the half maps", by_spectrum
    return by_spectrum, "by the spectrum", by_spectrum


def _written_errors(paths):
    """Smearing by the errors that a refinement wrote beside both half maps; None where it did not."""
    folders = {os.path.dirname(os.path.realpath(path)) for path in paths}
    particles = os.path.join(folders.pop(), _PARTICLES)
    if folders or not os.path.isfile(particles):
        return None
    for block in read_star(particles).values():
        if all(label in block for label in ERRORS):
            errors = [block.numbers(label) for label in ERRORS]
            return Smearing(*(float(np.sqrt(np.mean(each**2))) for each in errors))
    return None


def smearing_text(smearing, source, by_spectrum):
    """What is said of the smearing, in one line."""
    looks = (
        f"the spectrum looks like rotations {by_spectrum.rotation:.1f}° off"
        if by_spectrum.rotation
        else "the spectrum shows no smearing"
    )
    if smearing.is_none:
        return f"smearing by pose errors: none undone ({source}); {looks}"
    if source == "by the spectrum":
        return (
            f"smearing by pose errors, {source}: rotations {smearing.rotation:.1f}° off and shifts {smearing.shift:.1f} Å, "
            "undone where there is signal; outer parts that move look the same. Refine the poses rather than trust this"
        )
    return (
        f"smearing by pose errors, {source}: rotations {smearing.rotation:.2f}° and shifts {smearing.shift:.2f} Å off, undone "
        f"where there is signal; {looks}"
    )
