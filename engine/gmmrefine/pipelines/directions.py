"""Resolution by direction and evenness of views: what is measured, written and said of both."""

import numpy as np

from gmmrefine.geometry.sphere import axis_name
from gmmrefine.io.curves import write_curves
from gmmrefine.maps.directions import LEAST_CFAR, directional_fsc
from gmmrefine.particles.views import view_coverage

LEAST_SCF = 0.81
_DIGITS = 6  # after the point, of degrees, Å and sums of the table
_NOTABLE = 1.1  # ratio of resolutions along two axes


def measure_directions(maps, mask, curve, threshold, path, views=None):
    """Measure resolution by direction and, of particles, how evenly they are seen; write it and say it in a sentence.

    Parameters
    ----------
    maps : pair of (Z, Y, X) float
    mask : (Z, Y, X) float or None
    curve : FscCurve
    threshold : float
    path : str
        Of the STAR table.
    views : pair, optional
        Rotations (N, 3, 3) reference to particle and operators (n, 3, 3) of the point group.

    Returns
    -------
    dict
        ``directions`` and ``directions_text`` for run.json; empty when nothing can be said of either.
    """
    found = directional_fsc(*maps, mask, curve, threshold)
    coverage = None if views is None else view_coverage(*views)
    reasons = _reasons(found, coverage)
    if found is None and coverage is None:
        return {}
    numbers = {"preferred_views": bool(reasons), **_of_cones(found, coverage), **_of_views(coverage)}
    if found is not None:
        rot, tilt = np.degrees(np.arctan2(found.axes[:, 1], found.axes[:, 0])), np.degrees(np.arccos(found.axes[:, 2]))
        columns = {"rlnAngleRot": rot, "rlnAngleTilt": tilt, "gmmResolution": found.resolution, "gmmSummedFsc": found.area}
        # the last digits of arc cosines differ with where arrays lie in memory
        write_curves(path, {label: np.round(values, _DIGITS) for label, values in columns.items()}, "directions")
    return {"directions": numbers, "directions_text": _sentence(found, coverage, curve.resolution(threshold), reasons)}


def _of_cones(found, coverage):
    """Numbers of the FSC in cones, for run.json."""
    if found is None:
        return {}
    best, worst = found.best_and_worst
    if coverage and (not found.anisotropic or coverage.scf < LEAST_SCF):  # the views say it without noise
        worst = int(np.argmax(np.abs(found.axes @ coverage.poorest)))
    return {
        "cfar": found.cfar,
        "finest": float(found.resolution[best]),
        "finest_axis": found.axes[best].tolist(),
        "coarsest": float(found.resolution[worst]),
        "coarsest_axis": found.axes[worst].tolist(),
    }


def _of_views(coverage):
    """Numbers of the views, for run.json."""
    if coverage is None:
        return {}
    return {
        "scf": coverage.scf,
        "covered": coverage.covered,
        "largest_gap": coverage.hole,
        "poorest_axis": np.asarray(coverage.poorest).tolist(),
    }


def _reasons(found, coverage):
    """Why views are called preferred, list of str; empty when they are not."""
    uneven = coverage is None or coverage.scf < LEAST_SCF or coverage.hole  # else junk or disorder, not views
    reasons = [f"cFAR {found.cfar:.2f}, limit {LEAST_CFAR:g}"] if uneven and found and found.anisotropic else []
    if coverage and coverage.scf < LEAST_SCF:
        reasons.append(f"SCF* {coverage.scf:.2f}, limit {LEAST_SCF:g}")
    if coverage and coverage.hole:
        reasons.append(f"no view within {coverage.hole:.0f}° of {axis_name(coverage.hole_axis)}")
    return reasons


def _angstroms(value, found):
    return f"{value:.1f} Å" if value < found.box else "no agreement"


def _sentence(found, coverage, resolution, reasons):
    text = "no resolution by direction" if found is None else f"resolution {resolution:.2f} Å"
    numbers = _of_cones(found, coverage)
    if found and found.clear and numbers["coarsest"] > _NOTABLE * numbers["finest"]:
        fine, coarse = (
            f"{_angstroms(numbers[end], found)} along {axis_name(numbers[end + '_axis'])}" for end in ("finest", "coarsest")
        )
        text += f", from {fine} to {coarse}"
    elif found:
        text += ", differences by direction within its noise" if reasons else ", alike in all directions within its noise"
    if reasons:
        return f"{text}: preferred views ({'; '.join(reasons)})"
    measured = ([f"cFAR {found.cfar:.2f}"] if found else []) + ([f"SCF* {coverage.scf:.2f}"] if coverage else [])
    return f"{text}: no preferred views ({', '.join(measured)})"
