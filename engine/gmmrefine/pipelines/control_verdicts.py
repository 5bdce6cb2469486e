"""What controls of a run say: gains of resolution against the run's own, changes of poses against their expected errors."""

from dataclasses import dataclass
from typing import Any

import numpy as np

_COARSEST = 25.0  # Å; in the few samples of coarser shells noise agrees by chance
PART_OF_GAIN = 0.1  # of the run's own gain, which no control may exceed


@dataclass(frozen=True)
class Control:
    """What came out of a control, or of the run itself.

    Parameters
    ----------
    before, after : float or None
        Resolution in Å; None where there is none.
    turned, moved : float
        Rms change of the poses: degrees and Å.
    images : int
    gain : float, optional
        1/Å; by default of ``after`` over ``before``.
    name, title : str
    """

    before: Any
    after: Any
    turned: float
    moved: float
    images: int = 0
    gain: Any = None
    name: str = ""
    title: str = ""

    @property
    def gained(self):
        """Gain of resolution, 1/Å; no resolution is 0."""
        return gain_of(self.before, self.after) if self.gain is None else self.gain


def fine(resolution):
    """A resolution in Å that is more than chance, or None."""
    return resolution if resolution and resolution <= _COARSEST else None


def gain_of(before, after):
    """Gain of resolution in 1/Å from one in Å to another; None is no resolution."""
    return (1 / after if after else 0.0) - (1 / before if before else 0.0)


def shell_gain(curve, radius, threshold):
    """How far, in 1/Å, an FscCurve stays above a threshold from a shell on; 0 where it is below there."""
    beyond = curve.fsc[radius + 1 : -1]
    below = np.flatnonzero(beyond < threshold)
    shells = int(below[0]) if len(below) else len(beyond)
    return shells / (curve.box_size * curve.pixel_size)


def judged(real, control, errors):
    """A row of the table of controls, dict.

    Parameters
    ----------
    real, control : Control
    errors : tuple of float
        Rms expected errors of the run's poses: degrees and Å.
    """
    no_gain = control.gained <= PART_OF_GAIN * max(real.gained, 0.0) + 1e-9
    stays = control.turned <= errors[0] and control.moved <= errors[1]
    return {
        "control": control.name,
        "title": control.title,
        "images": control.images,
        "resolution_before": control.before,
        "resolution_after": control.after,
        "gain": round(control.gained, 6),
        "gain_above_control": round(real.gained - control.gained, 6),
        "rotation_change_deg": round(control.turned, 4),
        "shift_change": round(control.moved, 4),
        "gain_passes": bool(no_gain),
        "poses_pass": bool(stays),
        "passes": bool(no_gain and stays),
    }


def methods_sentence(real, rows, errors):
    """One sentence that can go into Methods."""
    found = "; ".join(
        f"{row['title']}: {row['gain']:+.4f} 1/Å, {row['rotation_change_deg']:.2f}° and {row['shift_change']:.2f} Å"
        for row in rows
    )
    passed = sum(row["passes"] for row in rows)
    return (
        f"The refinement gained {real.gained:+.4f} 1/Å of resolution ({in_words(real.before)} to {in_words(real.after)}) "
        f"with expected pose errors of {errors[0]:.2f}° and {errors[1]:.2f} Å; controls gained and changed poses (rms) as "
        f"follows: {found}. {passed} of {len(rows)} controls passed (gain at most a tenth of the refinement's, poses changed "
        "by no more than their expected error)."
    )


def methods_of_patches(rows):
    """The same of a patch-by-patch refinement."""
    found = "; ".join(
        f"patch {row['patch']}: {row['gain']:+.4f} 1/Å against {row['gain_of_run']:+.4f}, {row['rotation_change_deg']:.2f}° "
        f"and {row['shift_change']:.2f} Å"
        for row in rows
    )
    passed = sum(row["passes"] for row in rows)
    return (
        "Images of noise with the same poses, CTF and half sets, refined in the same patches, gained resolution and changed "
        f"poses (rms) as follows: {found}. {passed} of {len(rows)} patches passed (gain at most a tenth of that with the "
        "images, poses changed by no more than their expected error)."
    )


def in_words(resolution):
    """A resolution with its unit, or none."""
    return f"{resolution:.2f} Å" if resolution else "none"
