"""Planted faults of half maps and masks: what is said about each, and the finest resolution that is given.

A part of ``honest_maps``. Half maps of a globule of 4 Å in white noise are filtered, masked, clipped, sharpened, copied,
moved, and made unequal; each row shows whether they are refused, the resolution under a mask, the finest local one, and the
first words of what is said.
"""

from types import SimpleNamespace

import numpy as np
from scipy import ndimage
from stage import table

from gmmrefine.fourier.shells import shell_index
from gmmrefine.maps.filter import low_pass, scale_shells
from gmmrefine.maps.local_resolution import band_centers, local_resolution
from gmmrefine.pipelines.half_map_inputs import believed_fsc
from gmmrefine.validation.half_maps import examine_half_maps

RESOLUTION, FILTER = 4.0, 8.0  # Å


def planted(signal, mask, pixel_size, rng):
    """Faulty half maps by name: what is expected (a word of what is said, or nothing), the limit in Å, the pair of maps."""
    n = len(signal)
    halves = [signal + rng.standard_normal(signal.shape, np.float32) for _ in range(2)]
    k = np.arange(n) / (n * pixel_size)
    shells, ball = shell_index(n), mask > 0
    filters = {
        "cosine edge": lambda half: low_pass(half, n * pixel_size / FILTER),
        "hard edge": lambda half: scale_shells(half, (shells <= n * pixel_size / FILTER).astype(float)),
        "Butterworth, order 8": lambda half: scale_shells(half, 1 / np.sqrt(1 + (k * FILTER) ** 16)),
        "Gaussian": lambda half: scale_shells(half, 0.5 ** ((k * FILTER) ** 2)),
    }

    def both(change):
        return [change(half) for half in halves]

    yield "as reconstructed", "", 0, halves
    yield "white noise, unlike scales", "", 0, [halves[0], 3 * halves[1]]
    yield "in a sphere that fills the box", "", 0, both(lambda half: half * in_sphere(n, 0.49))
    for name, change in filters.items():
        yield f"filtered at {FILTER:g} Å, {name}", "filtered", FILTER, both(change)
        yield f"one filtered, {name}", "filtered", FILTER, [change(halves[0]), halves[1]]
    yield "filtered, then masked softly", "filtered", FILTER, both(lambda half: filters["cosine edge"](half) * mask)
    yield "masked softly", "masked", 0, both(lambda half: half * mask)
    yield "masked hard", "masked", 0, both(lambda half: half * ball)
    yield "masked, constant outside", "masked", 0, both(lambda half: np.where(ball, half, -0.7).astype(np.float32))
    yield "one cropped", "cropped", 0, [halves[0], np.where(np.arange(n) < 0.7 * n, halves[1], 0).astype(np.float32)]
    yield "cropped elsewhere", "cropped", 0, [halves[0], np.roll(halves[1], (0, 5, -8), (0, 1, 2))]
    yield "a fifth of one cropped", "cropped", 0, [halves[0], np.where(np.arange(n) < 0.8 * n, halves[1], 0).astype(np.float32)]
    yield "one of the other contrast", "opposite contrast", None, [halves[0], -halves[1]]
    yield "the same map, other contrast", "same", None, [halves[0], 1 - 2 * halves[0]]
    yield "one mirrored", "other hand", 0, [halves[0], np.ascontiguousarray(halves[1][::-1])]
    yield "one turned by 8°", "turned by", 0, [halves[0], ndimage.rotate(halves[1], 8, reshape=False, mode="wrap")]
    yield "negative values set to 0", "clipped", None, both(lambda half: np.maximum(half, 0))
    yield "clipped at the top", "clipped", None, both(lambda half: np.minimum(half, 1.5))
    yield "the same map twice", "same", None, [halves[0], halves[0]]
    yield "the same map, other scale", "same", None, [halves[0], 2 * halves[0] + 1]
    yield "the same map, one filtered", "same", None, [halves[0], filters["Gaussian"](halves[0])]
    yield "sharpened by B -150", "sharpened", 0, both(lambda half: scale_shells(half, np.exp(150 * k**2 / 4)))
    yield "unequal noise", "noise power", 0, [halves[0], halves[1] + 1.5 * rng.standard_normal(signal.shape, np.float32)]
    flat = 0.1 + 0.9 * mask
    yield "solvent flattened", "flattened", 0, both(lambda half: half * flat)


def in_sphere(n, radius):
    """1 within a part of the box, 0 outside, (Z, Y, X) bool."""
    axis = np.arange(n) - n // 2
    return axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 < (radius * n) ** 2


def judged(halves, mask, pixel_size):
    """What is found of two half maps: Findings, the resolution in Å, the finest local one, and all that is said."""
    found = examine_half_maps(*halves, pixel_size)
    if found.refusal:
        return found, None, None, [found.refusal]
    settings = SimpleNamespace(fsc_threshold=0.143, seed=1)
    _, curve, notes = believed_fsc(halves, mask, pixel_size, settings, found)
    finest = np.inf  # too few shells to compare locally, which the command refuses
    if len(band_centers(len(mask), found.end)) > 1:
        finest = float(local_resolution(*halves, mask, pixel_size, end=found.end)[mask > 0.5].min())
    return found, curve.resolution(), finest, found.notes + notes


def is_right(expected, limit, found, resolution, local, said):
    """Whether a planted fault was named, or a sound pair left alone, and nothing finer than its filter given."""
    named = expected in " ".join(said) if expected else not said
    if limit is None:
        return bool(found.refusal) and named
    return named and not found.refusal and (resolution or np.inf) >= limit and local >= limit


def molecule(box, pixel_size, rng):
    """A globule (Z, Y, X) with FSC 0.143 at 4 Å in noise of variance 1, and its mask."""
    axis = (np.arange(box) - box // 2) * pixel_size
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    reach = 0.3 * box * pixel_size
    atoms = (rng.random((box,) * 3) < 0.02 * pixel_size**3) & (distance < reach)
    frequency = np.arange(box) / (box * pixel_size)
    snr = np.minimum(0.167 * (np.maximum(frequency, 1e-3) * RESOLUTION) ** -8.0, 50)
    flat = scale_shells(atoms.astype(np.float32), np.where(frequency > 0, 1, 0))
    mask = np.clip((reach - distance) / (0.07 * box * pixel_size) + 1, 0, 1).astype(np.float32)
    return scale_shells(flat / flat[mask > 0.5].std(), np.sqrt(snr)), mask


def halves(seed, box=64, pixel_size=1.5):
    """Print the table; gives the number of wrong rows."""
    rng = np.random.default_rng(seed)
    signal, mask = molecule(box, pixel_size, rng)
    rows, wrong = [], 0
    for name, expected, limit, pair in planted(signal, mask, pixel_size, rng):
        found, resolution, local, said = judged(pair, mask, pixel_size)
        right = is_right(expected, limit, found, resolution, local, said)
        wrong += not right
        numbers = ("refused", "–") if found.refusal else (f"{resolution or np.inf:.2f}", f"{local:.2f}")
        rows.append((name, "yes" if right else "NO", *numbers, "; ".join(said)[:150] or "nothing"))
    table(
        f"Half maps with planted faults, and sound ones ({wrong} wrong)",
        ("planted", "right", "resolution (Å)", "finest local (Å)", "said"),
        rows,
    )
    return wrong
