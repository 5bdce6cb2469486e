"""Half maps looked at before they are believed: planted faults are named, sound ones left alone."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from gmmrefine.validation.half_maps import examine_half_maps, map_end, power_end

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
BOX, PIXEL_SIZE = 48, 2.0


@pytest.fixture(scope="module")
def honest():
    sys.path.append(str(BENCHMARKS))
    try:
        return importlib.import_module("honest_maps_halves")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def molecule(honest):
    return honest.molecule(BOX, PIXEL_SIZE, np.random.default_rng(4))


def test_every_planted_fault_is_named_and_sound_half_maps_are_left_alone(honest, molecule):
    wrong = {}
    for name, expected, limit, halves in honest.planted(*molecule, PIXEL_SIZE, np.random.default_rng(5)):
        result = honest.judged(halves, molecule[1], PIXEL_SIZE)
        if not honest.is_right(expected, limit, *result):
            wrong[name] = result[1:]
    assert not wrong


@pytest.mark.parametrize("scale", (1e-20, 1.0, 1e16))
def test_any_scale(honest, molecule, rng, scale):
    halves = [(scale * (molecule[0] + rng.standard_normal((BOX,) * 3))).astype(np.float32) for _ in range(2)]
    assert examine_half_maps(*halves, PIXEL_SIZE).notes == []


def test_noise_alone_is_sound(rng):
    assert examine_half_maps(*rng.standard_normal((2, BOX, BOX, BOX)).astype(np.float32), PIXEL_SIZE).notes == []


def test_power_that_falls_naturally_has_no_end():
    shells = np.maximum(np.arange(65.0), 1)
    assert power_end(shells**-4) is None and power_end(shells) is None
    assert power_end(np.where(shells < 8, 100, 1.0)) is None  # coarse shells of real data
    assert power_end(np.where(shells < 30, 1, 1e-6)) == 29
    assert power_end(np.where(shells < 63, 1, 1e-6)) is None  # Nyquist is near


def test_end_of_a_single_map(honest, molecule, rng):
    noisy = molecule[0] + rng.standard_normal((BOX,) * 3).astype(np.float32)
    assert map_end(noisy) is None and map_end(molecule[0]) is None
    assert map_end(1e16 * honest.low_pass(noisy, 12)) == map_end(honest.low_pass(noisy, 12))
    assert map_end(honest.low_pass(noisy, 12)) in (9, 10, 11, 12)
