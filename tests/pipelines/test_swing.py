"""Domains that swing about hinges: where they are, and how their images say so."""

from pathlib import Path

import numpy as np
import pytest
import references
from model_files import residue, write_pdb
from molecules import BOX, PIXEL_SIZE, ctf_parameters, molecule, particle_set, random_rotations
from scipy.spatial.transform import Rotation
from small_run import gmmrefine, record

from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg, rotation_vectors
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.mrc import read_map
from gmmrefine.io.star_particles import read_particles
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.swing import Swing, read_swings

RODS = np.array([[0.0, 0.0, 3.0 * step] for step in range(40)] + [[0.0, 2.0 * step, 0.0] for step in range(1, 41)])


def write_chains(path, **chains):
    """A model of one carbon a residue, numbered from 1 in every chain; places (n, 3) in Å by the chain's name."""
    return write_pdb(
        path,
        *(
            residue("ALA", name, number, "CA:C", at=place)
            for name, places in chains.items()
            for number, place in enumerate(places, 1)
        ),
    )


@pytest.fixture(scope="module")
def rods(tmp_path_factory):
    """Chain A along z, 120 Å; chain B along y from its foot, 80 Å."""
    return read_atoms(write_chains(tmp_path_factory.mktemp("rods") / "rods.pdb", A=RODS[:40], B=RODS[40:]))


@pytest.fixture(scope="module")
def particles():
    rng = np.random.default_rng(4)
    return particle_set(random_rotations(6), rng.normal(0, 3, (6, 2)), ctf_parameters(6, rng))


def swung(gmm, swing, angle):
    """The Gaussians of the domain turned about the hinge, x → S (x - h) + h."""
    turn = Rotation.from_rotvec(np.radians(angle) * swing.axis).as_matrix()
    return Gmm((gmm.centers - swing.hinge) @ turn.T + swing.hinge, gmm.amplitudes, gmm.widths)


def test_the_pose_of_a_domain_explains_its_image(particles):
    """The domain at angle 0 seen from there looks as the swung domain does from the pose of the body."""
    gmm, disc = molecule(), half_disc(BOX, 10)
    axis = np.array([2.0, -1.0, 2.0]) / 3
    swing = Swing(np.ones(len(gmm), bool), np.array([5.0, -9.0, 14.0]), axis, -30, 30)
    angles = np.array([0.0, 8.0, -8.0, 25.0, -17.0, 3.0])
    posed = swing.poses(particles, angles)
    assert angular_distance_deg(posed.rotations, particles.rotations) == pytest.approx(np.abs(angles), abs=1e-9)
    for number, angle in enumerate(angles):
        expected = references.image(
            swung(gmm, swing, angle), disc, PIXEL_SIZE, particles.rotations[number], particles.shifts[number]
        )
        found = references.image(gmm, disc, PIXEL_SIZE, posed.rotations[number], posed.shifts[number])
        assert found == pytest.approx(expected, abs=1e-9 * abs(expected[0]))
        still = references.image(gmm, disc, PIXEL_SIZE, particles.rotations[number], particles.shifts[number])
        assert angle == 0 or np.abs(found - still).max() > 0.02 * abs(expected[0])


def test_hinge_lies_where_the_domain_is_nearest_and_the_axis_across_the_lever(rods):
    (swing,) = read_swings("chain B: 8", rods, RODS)
    assert np.flatnonzero(swing.members).tolist() == list(range(40, 80))
    assert swing.hinge == pytest.approx([0, 2.0 * np.mean(np.arange(1, 21)), 0])
    assert np.abs(swing.axis) == pytest.approx([1, 0, 0])  # lever along y, so the domain swings in the plane of y and z
    # a lever along z has no such plane
    (upright,) = read_swings("chain A: 8", rods, RODS)
    assert upright.hinge == pytest.approx([0, 0, 3.0 * np.mean(np.arange(20))])
    assert np.linalg.norm(upright.axis) == pytest.approx(1) and upright.axis[2] == pytest.approx(0)


def test_a_hinge_may_be_named(rods):
    (swing,) = read_swings("chain B about chain B and 31-40: 0..20", rods, RODS)
    assert np.flatnonzero(swing.members).tolist() == list(range(40, 80))
    assert swing.hinge == pytest.approx(RODS[70:80].mean(axis=0))
    assert (swing.lowest, swing.highest) == (0, 20)
    lever = RODS[40:].mean(axis=0) - swing.hinge
    assert swing.axis @ lever == pytest.approx(0, abs=1e-9) and np.linalg.norm(swing.axis) == pytest.approx(1)


def test_angles_of_states_are_these_and_no_other(rods, rng):
    (swing,) = read_swings("chain B: 0, 20,-5", rods, RODS)
    angles = swing.angles(3000, rng)
    values, counts = np.unique(angles, return_counts=True)
    assert values.tolist() == [-5, 0, 20] and counts == pytest.approx(1000, abs=100)


def test_axis_is_a_unit_vector_across_the_lever(rods, rng):
    positions = rng.normal(0, 20, (80, 3))
    positions[40:] += [30, 20, 40]
    (swing,) = read_swings("chain B: 3", rods, positions)
    lever = positions[40:].mean(axis=0) - swing.hinge
    assert np.linalg.norm(swing.axis) == pytest.approx(1)
    assert swing.axis @ lever == pytest.approx(0, abs=1e-9) and swing.axis[2] == pytest.approx(0)


@pytest.mark.parametrize(
    "text, limits",
    [("8", (-8, 8)), ("0..20", (0, 20)), ("-5..15", (-5, 15)), (" -12.5..-2.5 ", (-12.5, -2.5)), ("7.5", (-7.5, 7.5))],
)
def test_angles_are_uniform_between_their_limits(rods, rng, text, limits):
    (swing,) = read_swings(f"chain B:{text}", rods, RODS)
    assert (swing.lowest, swing.highest) == limits
    angles = swing.angles(4000, rng)
    assert angles.shape == (4000,) and angles.min() >= limits[0] and angles.max() <= limits[1]
    width = limits[1] - limits[0]
    assert angles.mean() == pytest.approx(np.mean(limits), abs=0.02 * width)
    assert angles.std() == pytest.approx(width / np.sqrt(12), rel=0.03)


def test_several_domains(rods):
    first, second = read_swings("chain B and 16-40: 8; chain A and 1-15,26-40: 0..5", rods, RODS)
    assert np.flatnonzero(first.members).tolist() == list(range(55, 80))
    assert np.flatnonzero(second.members).tolist() == [*range(15), *range(25, 40)]
    assert (first.highest, second.highest) == (8, 5)


@pytest.mark.parametrize(
    "text, words",
    [
        ("chain B and 11-40: 8; chain B and 15-40: 8", "an atom is in two domains"),
        ("chain B: 8; chain B: 8", "an atom is in two domains"),
        ("chain A,B: 8", "a domain is the whole molecule"),
        ("chain B", "expected a selection and an angle in degrees"),
        ("chain B 8", "expected a selection and an angle"),
        (": 8", "expected a selection and an angle"),
        ("chain B: eight", "expected a selection and an angle"),
        ("chain B: -8", "expected a selection and an angle"),
        ("chain B: 8;", "--swing ''"),
        ("chain B: 0 to 8", "--swing 'chain B: 0 to 8'"),
        ("chain C: 8", "the model has no chain C"),
        ("chain A and 900: 8", "no atom of the model"),
    ],
)
def test_what_cannot_swing(rods, text, words):
    with pytest.raises(InputError) as caught:
        read_swings(text, rods, RODS)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_copies_of_an_oligomer_swing_on_their_own(rods):
    half_turn = np.diag([-1.0, -1.0, 1.0])
    placed = RODS + [2.0, -83.0, 0.0]  # chain B points at its own copy
    swings = read_swings("chain B: 8; chain A and 15-40: 3", rods, np.concatenate([placed, placed @ half_turn.T]))
    assert [np.flatnonzero(swing.members)[[0, -1]].tolist() for swing in swings] == [[40, 79], [120, 159], [14, 39], [94, 119]]
    assert [swing.highest for swing in swings] == [8, 8, 3, 3]
    # each hangs on its own copy
    (alone,) = read_swings("chain B: 8", rods, placed)
    assert swings[0].hinge == pytest.approx(alone.hinge) and swings[1].hinge == pytest.approx(half_turn @ alone.hinge)
    assert swings[3].hinge == pytest.approx(half_turn @ swings[2].hinge)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    """The rods, shortened to 36 Å and 25 Å, as a file."""
    return write_chains(tmp_path_factory.mktemp("model") / "short.pdb", A=RODS[:24] * 0.5, B=RODS[40:65] * 0.5)


def simulate(model, folder, *options):
    outcome = gmmrefine(
        "simulate",
        model,
        "-o",
        folder,
        "--particles",
        8,
        "--pose-error",
        0,
        "--shift-error",
        0,
        "--swing",
        "chain B: 0..40",
        *options,
    )
    assert outcome.code == 0, outcome.err
    return Path(folder)


def test_simulated_images_show_body_and_domain_at_the_poses_written(small_model, tmp_path):
    box, pixel_size = 32, 2.0
    folder = simulate(small_model, tmp_path / "run", "--box", box, "--pixel-size", pixel_size, "--snr", 1e6)
    body, domain = (read_particles(folder / name) for name in ("truth.star", "truth_domain_1.star"))
    angle = angular_distance_deg(domain.rotations, body.rotations)
    assert 0 <= angle.min() and 10 < angle.max() <= 40
    disc = half_disc(box, 12)
    atoms = read_atoms(folder / "model.cif")
    gmm = gmm_from_atoms(atoms.positions - box // 2 * pixel_size, atoms.atomic_numbers, atoms.b_factors)
    parts = [(gmm.subset(atoms.chains == name), poses) for name, poses in (("A", body), ("B", domain))]
    reader = ImageReader(body, disc)
    stored, ctf = disc.transform(reader.read_pixels(body)), reader.read(np.arange(8)).ctf
    unit = record(folder)["results"]["noise_deviation_of_signal_units"]
    for number in range(8):
        expected = sum(
            references.image(part, disc, pixel_size, poses.rotations[number], poses.shifts[number], ctf[number])
            for part, poses in parts
        )
        difference = stored[number] * unit - expected
        assert np.linalg.norm(difference[1:]) < 0.02 * np.linalg.norm(expected[1:])
    # and the mask of the domain is where the model has it
    mask = read_map(folder / "mask_domain_1.mrc").data
    voxels = np.rint(atoms.positions[:, ::-1] / pixel_size).astype(int)
    assert (mask[tuple(voxels[atoms.chains == "B"].T)] == 1).all()
    assert mask[tuple(voxels[atoms.chains == "A"][-1])] == 0


def test_copies_of_a_simulated_oligomer_have_their_own_angles(small_model, tmp_path):
    folder = simulate(small_model, tmp_path / "run", "--box", 32, "--pixel-size", 6, "--symmetry", "C2")
    body, *domains = (read_particles(folder / name) for name in ("truth.star", "truth_domain_1.star", "truth_domain_2.star"))
    angles = np.array([angular_distance_deg(domain.rotations, body.rotations) for domain in domains])
    assert angles.min() >= 0 and angles.max() <= 40 and np.abs(angles[0] - angles[1]).min() > 0.01
    assert abs(np.corrcoef(angles)[0, 1]) < 0.9
    axes = [
        rotation_vectors(np.swapaxes(body.rotations, 1, 2) @ domain.rotations) / np.radians(angle)[:, None]
        for domain, angle in zip(domains, angles)
    ]
    for axis in axes:  # of one hinge each, in the molecule's frame
        assert axis == pytest.approx(np.tile(axis[0], (8, 1)), abs=1e-3)


def test_swing_and_end_model_move_the_same_atoms(small_model, tmp_path):
    outcome = gmmrefine("simulate", small_model, "-o", tmp_path / "run", "--swing", "chain B: 8", "--end-model", small_model)
    assert outcome.code == 1 and "--swing and --end-model move the same atoms" in outcome.err


@pytest.mark.parametrize("angles", ("1.2.3", "5..", "..", "1..2..3"))
def test_angles_that_are_no_numbers(rods, angles):
    with pytest.raises(InputError, match="expected a selection and an angle in degrees"):
        read_swings(f"chain B: {angles}", rods, RODS)


def test_domains_that_leave_no_body(rods):
    """Each hangs on the other, but nothing stays."""
    with pytest.raises(InputError):
        read_swings("chain A: 8; chain B: 8", rods, RODS)


@pytest.mark.parametrize("text", ("chain B and 40: 8", "chain B and 21-40: 8", "chain B and 1-30: 8"))
def test_a_domain_without_a_lever_has_an_axis(rods, text):
    """One that is all hinge, such as a ligand, or that hangs on both its ends: any axis will do."""
    (swing,) = read_swings(text, rods, RODS)
    assert np.linalg.norm(swing.axis) == pytest.approx(1)


def test_in_an_oligomer_all_copies_swing_or_the_first(rods):
    both = np.concatenate([RODS, RODS + 200])
    every, first = (read_swings("chain B: 8", rods, both, only_first=one) for one in (False, True))
    own = np.flatnonzero(first[0].members)
    assert [np.flatnonzero(swing.members).tolist() for swing in every] == [own.tolist(), (own + len(RODS)).tolist()]
    assert len(first) == 1 and len(own) == 40 and own.max() < len(RODS)
