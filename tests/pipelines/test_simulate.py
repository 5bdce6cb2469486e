"""Simulated particles have the statistics that were asked for."""

import gemmi
import mrcfile
import numpy as np
import pytest
from molecules import molecule
from scipy.spatial.distance import cdist
from small_run import BOX, PIXEL_SIZE, assert_refused, gmmrefine, record

from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.atoms import embedded_model
from gmmrefine.io.mrc import read_map
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.pipelines.simulate import molecule_in_motion, place_of_copy
from gmmrefine.settings import SimulateSettings


def images(folder):
    with mrcfile.open(folder / "particles.mrcs") as stack:
        assert stack.is_image_stack() and float(stack.voxel_size.x) == pytest.approx(PIXEL_SIZE)
        return np.array(stack.data)


def simulate(folder, *options):
    outcome = gmmrefine(
        "simulate", "6msm", "-o", folder, "--particles", 100, "--box", BOX, "--pixel-size", PIXEL_SIZE, *options
    )
    assert outcome.code == 0, outcome.err
    return folder


def test_noise_has_variance_1_and_the_signal_the_snr_asked_for(simulated):
    variance = images(simulated).var(axis=(1, 2)).mean()
    assert variance == pytest.approx(1.2, rel=0.03)  # SNR 0.2


def test_start_errors(simulated):
    start, truth = (read_particles(simulated / name) for name in ("particles.star", "truth.star"))
    angle = angular_distance_deg(start.rotations, truth.rotations)
    shift = np.linalg.norm(start.shifts - truth.shifts, axis=1)
    assert np.sqrt(np.mean(angle**2)) == pytest.approx(3.0, rel=0.12)
    assert np.sqrt(np.mean(shift**2)) == pytest.approx(2.0, rel=0.12)
    assert np.bincount(truth.half_set).tolist() == [0, 100, 100]
    # all over the sphere: no preferred direction
    assert np.linalg.norm(truth.rotations.mean(axis=0)) < 0.3


def test_images_without_noise_agree_with_the_true_map(tmp_path):
    folder = simulate(tmp_path, "--snr", 1000, "--pose-error", 0, "--shift-error", 0)
    assert gmmrefine("reconstruct", folder / "particles.star", "-o", tmp_path / "map").code == 0
    truth, found = read_map(folder / "truth.mrc").data, read_map(tmp_path / "map" / "map.mrc").data
    assert np.corrcoef(truth.ravel(), found.ravel())[0, 1] > 0.9
    assert record(tmp_path / "map")["results"]["resolution"] == pytest.approx(2 * PIXEL_SIZE, rel=0.15)


def test_the_true_map_is_in_the_units_of_reconstructions(simulated, tmp_path):
    """In standard deviations of the noise, which without any noise would be no unit."""
    assert gmmrefine("reconstruct", simulated / "truth.star", "-o", tmp_path).code == 0
    truth, found = read_map(simulated / "truth.mrc").data, read_map(tmp_path / "map.mrc").data
    inside = read_map(simulated / "mask.mrc").data > 0.9
    assert np.polyfit(truth[inside], found[inside], 1)[0] == pytest.approx(1, abs=0.15)


def test_the_seed_decides_everything(tmp_path):
    first, again, other = (simulate(tmp_path / name, "--seed", seed) for name, seed in (("a", 5), ("b", 5), ("c", 6)))
    for name in ("particles.star", "truth.star", "particles.mrcs", "truth.mrc"):
        assert (first / name).read_bytes() == (again / name).read_bytes(), name
    assert (first / "particles.mrcs").read_bytes() != (other / "particles.mrcs").read_bytes()


def test_a_motion_between_two_models(moved_model, tmp_path):
    folder = simulate(tmp_path / "run", "--end-model", moved_model, "--box", 32, "--pixel-size", 5.5)
    conformation = read_star(folder / "truth.star")["particles"].numbers("gmmConformation")
    assert conformation.min() >= 0 and conformation.max() <= 1 and conformation.std() > 0.2


def test_images_of_a_motion_belong_to_their_poses(tmp_path):
    """A motion to the model itself writes the images state by state, and must still show every particle at its own pose."""
    folder = simulate(tmp_path, "--end-model", embedded_model(), "--snr", 1000, "--pose-error", 0, "--shift-error", 0)
    assert gmmrefine("reconstruct", folder / "particles.star", "-o", tmp_path / "map").code == 0
    truth, found = read_map(folder / "truth.mrc").data, read_map(tmp_path / "map" / "map.mrc").data
    assert np.corrcoef(truth.ravel(), found.ravel())[0, 1] > 0.9


def test_an_oligomer_has_its_symmetry(tmp_path):
    folder = simulate(tmp_path, "--symmetry", "C2", "--pixel-size", 8)
    volume = read_map(folder / "truth.mrc").data
    inner = volume[1:, 1:, 1:]  # the voxels that a half turn about z maps onto voxels
    assert np.corrcoef(inner.ravel(), inner[:, ::-1, ::-1].ravel())[0, 1] > 0.99
    assert np.corrcoef(inner.ravel(), inner[::-1].ravel())[0, 1] < 0.9


@pytest.mark.parametrize("name", ("C2", "C7", "D2", "D3", "T", "O", "I"))
def test_copies_touch_but_do_not_overlap(name):
    """The nearest atoms of two copies are 4 Å apart or little more, also where an axis of the group lies along x."""
    operators, positions = point_group(name), molecule(400).centers * [3, 2, 1]
    place = place_of_copy(positions, operators)
    distances = [cdist((positions + place) @ operator.T, positions + place).min() for operator in operators[1:]]
    assert 4.0 <= min(distances) < 5.0
    if name[0] == "C":
        assert place[1:].tolist() == [0, 0]


@pytest.fixture
def moved_model(tmp_path):
    """The embedded model 12 Å further along z."""
    structure = gemmi.read_structure(str(embedded_model()))
    structure[0].transform_pos_and_adp(gemmi.Transform(gemmi.Mat33(), gemmi.Vec3(0, 0, 12)))
    structure.make_mmcif_document().write_file(str(tmp_path / "end.cif"))
    return tmp_path / "end.cif"


@pytest.mark.parametrize("moving, count", [("all", 3), ("one", 1)])
def test_which_copies_move(moved_model, moving, count):
    settings = SimulateSettings(end_model=str(moved_model), symmetry="C3", moving_copies=moving)
    gmm, motion, _ = molecule_in_motion(embedded_model(), settings)
    motion, centers = motion.reshape(3, -1, 3), gmm.centers.reshape(3, -1, 3)
    for number, operator in enumerate(point_group("C3")):
        expected = [0, 0, 12] if number < count else [0, 0, 0]
        assert motion[number] == pytest.approx(np.broadcast_to(operator @ expected, motion[number].shape), abs=1e-2)
        assert centers[number] == pytest.approx(centers[0] @ operator.T)


def test_moving_copies_without_a_motion_or_copies(moved_model, tmp_path):
    for options, words in ((("--symmetry", "C3"), "no --end-model"), (("--end-model", moved_model), "--symmetry C1")):
        outcome = gmmrefine("simulate", "6msm", "-o", tmp_path / "run", "--moving-copies", "one", *options)
        assert_refused(outcome, "simulate", f"--moving-copies would have no effect with {words}")
