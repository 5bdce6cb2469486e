"""One half set: what it keeps of an iteration, and how far its reference can be trusted."""

import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.pipelines.half_iteration import reference_reliability
from gmmrefine.pipelines.half_state import HalfState, load_half, save_half


@pytest.fixture
def state(rng):
    particles = particle_set(random_rotations(5), rng.normal(size=(5, 2)), ctf_parameters(5, rng), half_set=np.full(5, 2))
    return HalfState(particles, rng.normal(size=(8, 8, 8)).astype(np.float32), rng.uniform(size=(5, 5, 5)))


def test_a_saved_half_comes_back_to_the_bit(state, tmp_path):
    save_half(tmp_path, state)
    elsewhere = state.particles.with_poses(random_rotations(5, seed=8), np.zeros((5, 2)))
    loaded = load_half(tmp_path, elsewhere, None)
    assert (loaded.particles.rotations == state.particles.rotations).all()
    assert (loaded.particles.shifts == state.particles.shifts).all()
    assert (loaded.covariance == state.covariance).all()
    assert (loaded.volume == state.volume).all() and loaded.volume.dtype == np.float32
    assert load_half(tmp_path, replace(elsewhere, half_set=np.full(5, 1)), None) is None


def test_a_map_without_poses_is_not_a_finished_half(state, tmp_path):
    save_half(tmp_path, state)
    os.remove(tmp_path / "poses_half_2.npz")
    assert load_half(tmp_path, state.particles, None) is None


@pytest.mark.parametrize("name", ["poses_half_2.npz", "half_map_2.mrc"])
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\x00" * len(data)])
def test_what_a_power_cut_has_damaged_is_named_and_made_again(state, tmp_path, name, damage):
    save_half(tmp_path, state)
    path, said = tmp_path / name, []
    path.write_bytes(damage(path.read_bytes()))
    assert load_half(tmp_path, state.particles, SimpleNamespace(say=said.append)) is None
    assert len(said) == 1 and "poses_half_2.npz or the map beside it is damaged" in said[0]
    assert not (tmp_path / "poses_half_2.npz").exists()


def test_reliability_is_the_share_of_signal():
    """T signal, N noise of the half map, a part p of the noise taken up by the GMM: T / (T + pN)."""
    signal, noise, part = 3.0, 1.0, 0.25
    fsc = np.full(30, signal / (signal + noise))
    gmm_fsc = np.full(30, np.sqrt((signal + part * noise) / (signal + noise)))
    assert reference_reliability(fsc, gmm_fsc) == pytest.approx(np.full(30, signal / (signal + part * noise)), rel=1e-6)


def test_reliability_stays_between_0_and_1():
    fsc, gmm_fsc = np.array([1.0, 0.9, 0.2, -0.3, 0.1]), np.array([1.0, 0.5, 0.9, 0.9, 0.01])
    found = reference_reliability(fsc, gmm_fsc)
    assert found.min() >= 0 and found.max() <= 1
