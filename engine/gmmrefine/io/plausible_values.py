"""Values that no microscope gives are refused, and unlikely ones counted and named, or refused where many are."""
import numpy as np

from gmmrefine.errors import InputError

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


def unlikely_values(ctf, shifts, pixel_sizes, widths, where):
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
            found = f"{what} {values[wrong[0]]:g} {unit}".rstrip()
            expected = f"{low:g} to {high:g} {unit}".rstrip()
            raise InputError(
                f"{where(wrong[0])}: {found} ({len(wrong)} of {len(values)} images); no microscope gives that, expected "
                f"{expected}. {hint}")
    mean = 0.5 * (ctf.defocus_u + ctf.defocus_v)
    length = np.linalg.norm(shifts, axis=1)
    found = [
        ("defocus", (mean > 0) & (mean < _SMALLEST_DEFOCUS), mean, "Å", "Is it in µm or nm? Expected Å, such as 15000"),
        ("astigmatism", np.abs(ctf.defocus_u - ctf.defocus_v) > np.maximum(mean, _SMALLEST_DEFOCUS),
         np.abs(ctf.defocus_u - ctf.defocus_v), "Å", "It is more than the defocus. Are U and V of one estimate?"),
        ("shift", length > 0.5 * widths, length, "Å",
         "It is more than half the box, so that the particle's centre lies outside of its image. Are shifts in another unit?")]
    return [note for note in (_note(*each, where) for each in found) if note]


def _note(what, is_odd, values, unit, hint, where):
    odd = np.flatnonzero(is_odd)
    if len(odd) == 0:
        return ""
    said = f"{what} {values[odd[0]]:.4g} {unit} in {len(odd)} of {len(values)} images. {hint}"
    if len(odd) > MANY * len(values):
        raise InputError(f"{where(odd[0])}: {said}. Correct the file." if said[-1] != "." else f"{where(odd[0])}: {said}")
    rows = ", ".join(str(row + 1) for row in odd[:_NAMED]) + (", …" if len(odd) > _NAMED else "")
    return f"unlikely {said} (rows {rows})"
