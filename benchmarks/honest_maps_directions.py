"""Planted distributions of views: whether they are called preferred, and the axis along which the resolution is worst.

A part of ``honest_maps``. Every distribution fills Fourier space unevenly: half maps of a globule get noise of a variance
that is the inverse of the number of sections through each direction, and nothing where there are none. Worst axis: degrees
from the middle of the region, or from the ring, that is sampled least, for the axis quoted and for the views alone.
"""

import os
import tempfile

import numpy as np
from scipy import fft
from stage import table

from gmmrefine.geometry.sphere import cell_centers, cell_of
from gmmrefine.geometry.symmetry import ASYMMETRIC
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.pipelines.directions import measure_directions

PIXEL_SIZE = 2.0  # Å


def axis_views(count, rng):
    """Even views (count, 3)."""
    views = rng.normal(size=(count, 3))
    return views / np.linalg.norm(views, axis=1, keepdims=True)


def distributions(count, rng):
    """Views by name: whether they are preferred, the views (N, 3), SNR, the middle of what is sampled least or the axis of
    the ring that is, "middle" or "ring"."""
    tilted = np.array([0.6, 0.0, 0.8])

    def near(axis, spread, many=count):
        views = np.asarray(axis) + np.radians(spread) * rng.normal(size=(many, 3))
        return views / np.linalg.norm(views, axis=1, keepdims=True)

    def chosen(keep):
        views = axis_views(30 * count, rng)
        return views[keep(views)][:count]

    def off(axis, degrees):
        return lambda views: np.abs(views @ axis) < np.cos(np.radians(degrees))

    def within(axis, degrees):
        return lambda views: np.abs(views @ axis) > np.cos(np.radians(degrees))

    z, x = np.array([0.0, 0, 1]), np.array([1.0, 0, 0])
    for snr in (4.0, 1.0, 0.3):
        yield f"even, SNR {snr:g}", False, axis_views(count, rng), snr, None, ""
    for few in (1000, 300, 100):
        yield f"even, {few} views", False, axis_views(few, rng), 1.0, None, ""
    for name, axis in (("z", z), ("x", x), ("tilted", tilted)):
        yield f"one axis, {name}", True, near(axis, 12), 1.0, axis, "middle"
    yield "one axis, narrow", True, near(z, 4), 1.0, z, "middle"
    for degrees in (15, 30, 45):
        yield f"views within {degrees}° of an axis missing", True, chosen(off(tilted, degrees)), 1.0, tilted, "ring"
    for degrees in (75, 60, 50):
        yield f"views beyond {degrees}° of an axis missing", True, chosen(within(tilted, degrees)), 1.0, tilted, "middle"
    yield "side views", True, chosen(lambda views: np.abs(views @ z) < 0.17), 1.0, z, "ring"
    yield "side views, tilted", True, chosen(lambda views: np.abs(views @ tilted) < 0.1), 1.0, tilted, "ring"
    most = np.vstack([near(tilted, 8, count * 9 // 10), axis_views(count // 10, rng)])
    yield "nine tenths one axis, one tenth even", True, most, 1.0, tilted, "middle"
    half = np.vstack([near(z, 8, count // 2), axis_views(count // 2, rng)])
    yield "half one axis, half even", True, half, 1.0, z, "middle"
    yield "two axes", True, np.vstack([near(z, 8, count // 2), near(x, 8, count // 2)]), 1.0, None, ""
    yield "one axis at low SNR", True, near(z, 12), 0.3, z, "middle"


def sections(views, directions):
    """Number of central sections (A,) through directions (A, 3), relative to even views."""
    radius = np.clip(len(views) / 40, 3, 50)
    return np.sum(np.abs(directions @ views.T) < 0.5 / radius, axis=1) / (len(views) * 0.5 / radius)


def half_maps(views, snr, box, rng):
    """Two half maps (Z, Y, X) as particles of these views would give them, and their mask."""
    axis = np.arange(box) - box // 2
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    mask = np.clip((0.35 * box - distance) / 5 + 1, 0, 1).astype(np.float32)
    signal = rng.normal(size=(box,) * 3) * (distance < 0.35 * box)
    k = fft.fftfreq(box) * box
    z, y, x = np.broadcast_arrays(k[:, None, None], k[None, :, None], np.arange(box // 2 + 1))
    radius = np.sqrt(x * x + y * y + z * z)
    fall = np.sqrt(snr) * np.exp(-0.5 * (radius / (0.22 * box)) ** 2) * 3
    sampled = sections(views, cell_centers())[cell_of(x, y, z)]
    scale = np.where(sampled > 0, 1 / np.sqrt(np.maximum(sampled, 1e-3)), 0)
    spectrum = fft.rfftn(signal) * fall * (sampled > 0)
    return [fft.irfftn(spectrum + fft.rfftn(rng.normal(size=(box,) * 3)) * scale, (box,) * 3) for _ in range(2)], mask


def away_from_worst(axis, planted, kind):
    """Degrees from an axis to the planted worst one, or to the ring about it; 0 where none was planted."""
    if planted is None:
        return 0.0
    angle = float(np.degrees(np.arccos(min(abs(np.dot(planted, axis)), 1))))
    return angle if kind == "middle" else 90 - angle


def judged(views, snr, box, rng):
    """Results of ``measure_directions`` for views (N, 3)."""
    maps, mask = half_maps(views, snr, box, rng)
    curve = gold_standard_fsc(*maps, mask, PIXEL_SIZE, 1)
    rotations = np.zeros((len(views), 3, 3))
    rotations[:, 2] = views
    with tempfile.TemporaryDirectory() as folder:
        return measure_directions(maps, mask, curve, 0.143, os.path.join(folder, "directions.star"), (rotations, ASYMMETRIC))


def directions(seed, box=48, count=3000):
    """Print the table; gives the number of wrong rows."""
    rng, rows, wrong = np.random.default_rng(seed), [], 0
    for name, preferred, views, snr, *planted in distributions(count, rng):
        result = judged(views, snr, box, rng)
        found = result["directions"]
        worst = [found.get(axis, found["poorest_axis"]) for axis in ("coarsest_axis", "poorest_axis")]
        off = [away_from_worst(np.array(axis), *planted) for axis in worst]
        right = preferred == found["preferred_views"] and (not preferred or max(off) < 15)
        wrong += not right
        rows.append(
            (
                name,
                "yes" if found["preferred_views"] else "no",
                f"{found.get('cfar', np.nan):.2f}",
                f"{found['scf']:.2f}",
                f"{found['covered']:.2f}",
                f"{found['largest_gap']:.0f}",
                f"{off[0]:.0f} / {off[1]:.0f}",
                "yes" if right else "NO",
                result["directions_text"],
            )
        )
    table(
        f"Planted distributions of views ({wrong} wrong)",
        ("views", "preferred", "cFAR", "SCF*", "covered", "gap (°)", "worst axis off, quoted / views (°)", "right", "said"),
        rows,
    )
    return wrong
