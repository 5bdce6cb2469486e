"""Values that no microscope gives are refused, and unlikely ones counted and named, or refused where many are."""

from typing import Callable, List, NamedTuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.ctf import CtfParameters

MANY = 0.1  # of the images; unlikely values in more of them are a mistake of the file, not of a few images
_LARGEST_DEFOCUS = 3e5  # Å; 30 µm
_SMALLEST_DEFOCUS = 100.0  # Å; of what is not 0
_NAMED = 3
_LIMITS = (  # what, of CtfParameters, lowest and highest that a microscope gives, unit, a likely reason
    ("voltage", "voltage_kv", 20, 1500, "kV", "Is it in V?"),
    ("spherical aberration", "cs_mm", 0, 10, "mm", "Is it in another unit?"),
    ("amplitude contrast", "amplitude_contrast", 0, 0.6, "", "Is it in percent? It is a fraction, 0.07 to 0.1 in ice."),
    ("defocus", "defocus_u", 0, _LARGEST_DEFOCUS, "Å", "Is the column another one?"),
    ("defocus", "defocus_v", 0, _LARGEST_DEFOCUS, "Å", "Is the column another one?"),
    ("phase shift", "phase_shift_deg", -360, 360, "degrees", "Is the column another one?"),
)
_PIXEL_SIZES = 0.1, 100.0  # Å


class Doubt(NamedTuple):
    """Values (N,) of a kind, in which images they are odd, and what may be the reason."""

    what: str
    is_odd: np.ndarray
    values: np.ndarray
    unit: str
    hint: str


def unlikely_values(
    ctf: CtfParameters, shifts: np.ndarray, pixel_sizes: np.ndarray, widths: np.ndarray, where: Callable[[int], str]
) -> List[str]:
    """Notes on unlikely values of particles, list of str.

    Parameters
    ----------
    ctf : CtfParameters
    shifts : (N, 2) float
        Å.
    pixel_sizes, widths : (N,) float
        Å/px, and sides of the images in Å.
    where : callable
        Row number → place in the file, for messages.

    Raises
    ------
    InputError
        A value that no microscope gives, or unlikely ones in more than a tenth of the images.
    """
    for what, name, low, high, unit, hint in (*_LIMITS, ("pixel size", None, *_PIXEL_SIZES, "Å/px", "Is it in nm?")):
        values = pixel_sizes if name is None else getattr(ctf, name)
        wrong = np.flatnonzero((values < low) | (values > high))
        if len(wrong):
            odd = f"{what} {values[wrong[0]]:g} {unit}".rstrip()
            expected = f"{low:g} to {high:g} {unit}".rstrip()
            raise InputError(
                f"{where(int(wrong[0]))}: {odd} ({len(wrong)} of {len(values)} images); no microscope gives that, expected "
                f"{expected}. {hint}"
            )
    mean = 0.5 * (ctf.defocus_u + ctf.defocus_v)
    length = np.linalg.norm(shifts, axis=1)
    found = [
        Doubt("defocus", (mean > 0) & (mean < _SMALLEST_DEFOCUS), mean, "Å", "Is it in µm or nm? Expected Å, such as 15000"),
        Doubt(
            "astigmatism",
            np.abs(ctf.defocus_u - ctf.defocus_v) > np.maximum(mean, _SMALLEST_DEFOCUS),
            np.abs(ctf.defocus_u - ctf.defocus_v),
            "Å",
            "It is more than the defocus. Are U and V of one estimate?",
        ),
        Doubt(
            "shift",
            length > 0.5 * widths,
            length,
            "Å",
            "It is more than half the box, so that the particle's centre lies outside of its image. "
            "Are shifts in another unit?",
        ),
    ]
    return [note for note in (_note(each, where) for each in found) if note]


def _note(doubt: Doubt, where: Callable[[int], str]) -> str:
    """What a user should know of a Doubt; empty where there is none."""
    odd, values = np.flatnonzero(doubt.is_odd), doubt.values
    if len(odd) == 0:
        return ""
    said = f"{doubt.what} {values[odd[0]]:.4g} {doubt.unit} in {len(odd)} of {len(values)} images. {doubt.hint}"
    if len(odd) > MANY * len(values):
        raise InputError(f"{where(int(odd[0]))}: {said}" + ("" if said[-1] == "." else ". Correct the file."))
    rows = ", ".join(str(row + 1) for row in odd[:_NAMED]) + (", …" if len(odd) > _NAMED else "")
    return f"unlikely {said} (rows {rows})"
