"""Images stored with other grey values give the same result; what is odd about them is told."""

import shutil

import mrcfile
import numpy as np
import pytest
from small_run import BOX, PARTICLES, PIXEL_SIZE, assert_refused, gmmrefine, record, refine

from gmmrefine.io.mrc import read_map
from gmmrefine.io.star import StarBlock, read_star, text_columns, write_star
from gmmrefine.io.star_particles import identity_columns, read_particles, write_particles
from gmmrefine.validation.pose_error import pose_errors

THIRD = np.arange(PARTICLES) % 3 == 0


def with_images(simulated, folder, change, **columns):
    """The simulated particles with changed images (N, Y, X) and further columns; their file."""
    folder.mkdir()
    images = change(mrcfile.read(simulated / "particles.mrcs").astype(float))
    with mrcfile.new(folder / "particles.mrcs", data=images.astype(np.float32)) as stack:
        stack.set_image_stack()
    shutil.copy(simulated / "particles.star", folder)
    if columns:
        write_particles(folder / "particles.star", read_particles(folder / "particles.star"), columns)
    return folder / "particles.star"


def ramps(images, rise, rng):
    """Ramps of ``rise`` from side to side, each along a direction of its own."""
    axis = np.arange(BOX) / BOX - 0.5
    angle = rng.uniform(0, 2 * np.pi, (len(images), 1, 1))
    return images + rise * (np.cos(angle) * axis + np.sin(angle) * axis[:, None])


def all_together(images):
    """Ramps of 3 σ, backgrounds of 10 σ, log-normal gains, a third of the images 20 times stronger."""
    rng = np.random.default_rng(1)
    images = ramps(images, 3, rng)
    gains = np.exp(rng.normal(0, 0.3, len(images))) * np.where(THIRD, 20, 1)
    return (images + 10) * gains[:, None, None]


@pytest.fixture(scope="module")
def disturbed(simulated, tmp_path_factory):
    return with_images(simulated, tmp_path_factory.mktemp("disturbed") / "input", all_together)


@pytest.fixture(scope="module")
def usual_map(simulated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("usual")
    assert gmmrefine("reconstruct", simulated / "particles.star", "-o", folder).code == 0
    return folder


def test_maps_of_disturbed_images_are_those_of_the_images(simulated, disturbed, usual_map, tmp_path):
    outcome = gmmrefine("reconstruct", disturbed, "-o", tmp_path)
    assert outcome.code == 0
    sloping = with_images(simulated, tmp_path / "sloping", lambda images: ramps(images, 6, np.random.default_rng(2)))
    assert gmmrefine("reconstruct", sloping, "-o", tmp_path / "other").code == 0
    for name in ("half_map_1.mrc", "half_map_2.mrc", "map.mrc"):
        found, other, usual = (read_map(folder / name).data for folder in (tmp_path, tmp_path / "other", usual_map))
        assert np.abs(found - other).max() < 1e-3 * np.abs(other).max(), name
        # whose slopes are taken for those of molecules and stay
        assert np.corrcoef(found.ravel(), usual.ravel())[0, 1] > 0.9995, name
    told = record(tmp_path)["grey_values"]
    assert told["half_1"]["off_scale"] + told["half_2"]["off_scale"] == THIRD.sum()
    assert told["half_1"]["background_median"] == pytest.approx(10, rel=0.1)
    assert told["half_1"]["ramp_median"] == pytest.approx(3, rel=0.1)
    assert "images are off scale (noise" in outcome.out and "see odd_images_half_2.star" in outcome.out
    listed = [read_star(tmp_path / f"odd_images_half_{number}.star")["images"] for number in (1, 2)]
    names = [name for block in listed for name in block.strings("rlnImageName")]
    assert sorted(int(name.split("@")[0]) - 1 for name in names) == np.flatnonzero(THIRD).tolist()
    assert min(block.numbers("gmmNoiseRatio").min() for block in listed) > 5


def test_nothing_is_said_of_usual_images(simulated, usual_map):
    for name in ("odd_images_half_1.star", "odd_images_half_2.star"):
        assert not (usual_map / name).exists()
    told = record(usual_map)["grey_values"]["half_1"]
    assert told["off_scale"] == told["blank"] == told["clipped"] == 0
    assert told["noise_median"] == pytest.approx(1, abs=0.1) and told["noise_spread"] < 1.1
    assert "note" not in (usual_map / "gmmrefine.log").read_text()


def test_poses_of_disturbed_images_are_those_of_the_images(simulated, refined, disturbed, tmp_path):
    truth = read_particles(simulated / "truth.star")
    run = refine(disturbed, tmp_path / "run")
    found, usual = (pose_errors(read_particles(folder / "particles.star"), truth) for folder in (run, refined))
    assert found.rotation_deg.mean() == pytest.approx(usual.rotation_deg.mean(), rel=0.03)
    assert found.shift.mean() == pytest.approx(usual.shift.mean(), rel=0.03)
    reached, expected = (record(folder)["results"]["resolution"] for folder in (run, refined))
    assert reached == pytest.approx(expected, rel=0.02)


def strengths(run):
    """gmmScale of the refined particles, and their half sets."""
    return read_star(run / "particles.star")["particles"].numbers("gmmScale"), read_particles(run / "particles.star").half_set


def test_refined_particles_know_their_strength(simulated, refined, tmp_path):
    assert strengths(refined)[0].tolist() == [1] * PARTICLES
    noise = np.random.default_rng(3).normal(size=(PARTICLES, BOX, BOX))
    weaker = with_images(simulated, tmp_path / "input", lambda images: images + 1.5 * THIRD[:, None, None] * noise)
    scale, half = strengths(refine(weaker, tmp_path / "run"))
    assert [scale[half == number].mean() for number in (1, 2)] == pytest.approx([1, 1], abs=1e-5)
    assert scale[THIRD].mean() / scale[~THIRD].mean() == pytest.approx(1 / np.hypot(1, 1.5), abs=0.15)


def test_the_contrast_of_every_particle_is_its_own(simulated, usual_map, tmp_path):
    signs = np.where(THIRD, -1, 1)
    particles = with_images(simulated, tmp_path / "input", lambda images: signs[:, None, None] * images, gmmContrastSign=signs)
    assert gmmrefine("reconstruct", particles, "-o", tmp_path / "map").code == 0
    found, usual = (read_map(folder / "half_map_1.mrc").data for folder in (tmp_path / "map", usual_map))
    assert np.abs(found - usual).max() < 1e-5 * np.abs(usual).max()


COMMANDS = {
    "reconstruct": (),
    "refine": (),
    "refine-patches": ("--patches", 2),
    "heterogeneity": ("--latent-size", 1, "--target-resolution", 13),
    "conformation-to-pose": ("--focus-sphere", "60 60 60 25"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dark_molecule_is_refused_before_anything_is_refined(simulated, command, tmp_path):
    options = list(COMMANDS[command])
    if command == "conformation-to-pose":
        particles = read_particles(simulated / "particles.star")
        still = {f"gmm{kind}{axis}": np.zeros(PARTICLES) for kind in ("Turn", "Move") for axis in "XYZ"}
        write_star(
            tmp_path / "motions.star",
            [StarBlock("motions", {**identity_columns(tmp_path / "motions.star", particles), **text_columns(still)})],
        )
        options += ["--motions", tmp_path / "motions.star"]
    outcome = gmmrefine(command, simulated / "particles.star", *options, "--invert-contrast", "-o", tmp_path / "run")
    assert_refused(outcome, command, "the molecule comes out dark", "images multiplied by -1", "Leave out --invert-contrast.")
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert written <= {"run.json", "events.jsonl", "gmmrefine.log", "half_sets.npz", "iterations"}
    assert not any((tmp_path / "run").rglob("gmm*.star"))


def test_dark_images_and_their_cure(simulated, usual_map, tmp_path):
    particles = with_images(simulated, tmp_path / "input", lambda images: -images)
    outcome = gmmrefine("reconstruct", particles, "-o", tmp_path / "map")
    assert_refused(outcome, "reconstruct", "with images as they are; expected a bright molecule. Add --invert-contrast.")
    assert gmmrefine("reconstruct", particles, "-o", tmp_path / "map", "--invert-contrast").code == 0
    one, other = (read_map(folder / "map.mrc").data for folder in (tmp_path / "map", usual_map))
    assert (one == other).all()  # their headers tell of other images


def spoilt(images):
    """Two blank images, two clipped ones, one far too strong."""
    images[3], images[10] = 0, 7.5
    images[[4, 5]] = np.minimum(images[[4, 5]], 1.5)
    images[20] *= 30
    return images


LEFT_OUT = {"none": [], "blank": [3, 10], "clipped": [3, 4, 5, 10], "all": [3, 4, 5, 10, 20]}


@pytest.mark.parametrize("choice", LEFT_OUT)
def test_odd_images_are_told_and_left_out_when_asked(simulated, choice, tmp_path):
    particles = with_images(simulated, tmp_path / "input", spoilt)
    with np.errstate(invalid="raise", divide="raise"):
        outcome = gmmrefine("reconstruct", particles, "-o", tmp_path / "map", "--leave-out", choice)
    assert outcome.code == 0
    assert record(tmp_path / "map")["images"] == PARTICLES - len(LEFT_OUT[choice])
    assert np.isfinite(read_map(tmp_path / "map" / "map.mrc").data).all()
    told = record(tmp_path / "map")["grey_values"]
    counts = {kind: sum(half[kind] for half in told.values()) for kind in ("blank", "clipped", "off_scale")}
    gone = LEFT_OUT[choice]
    assert counts == {"blank": 0 if 3 in gone else 2, "clipped": 0 if 4 in gone else 2, "off_scale": 0 if 20 in gone else 1}
    if not gone:
        assert "of 100 images are blank (they count nothing): row 4 (4@particles.mrcs)" in outcome.out
        assert not (tmp_path / "map" / "left_out.star").exists()
        return
    assert f"{len(gone)} of {PARTICLES} images are left out (2 blank" in outcome.out
    table = read_star(tmp_path / "map" / "left_out.star")["particles"]
    assert [int(name.split("@")[0]) - 1 for name in table.strings("rlnImageName")] == gone
    kinds = {3: "blank", 10: "blank", 4: "clipped", 5: "clipped", 20: "off-scale"}
    assert table.strings("gmmOddImage") == [kinds[number] for number in gone]


def test_blank_images_change_no_map(simulated, tmp_path):
    """As if they were not there, but for the particles' number."""
    maps = []
    for choice in ("none", "blank"):
        particles = with_images(simulated, tmp_path / f"input_{choice}", spoilt)
        assert gmmrefine("reconstruct", particles, "-o", tmp_path / choice, "--leave-out", choice).code == 0
        maps.append(read_map(tmp_path / choice / "half_map_1.mrc").data)
    assert np.abs(maps[0] - maps[1]).max() < 1e-5 * np.abs(maps[1]).max()


def test_a_half_set_without_images(simulated, tmp_path):
    half = read_particles(simulated / "particles.star").half_set
    particles = with_images(simulated, tmp_path / "input", lambda images: images * (half == 1)[:, None, None])
    outcome = gmmrefine("reconstruct", particles, "-o", tmp_path / "map", "--leave-out", "blank")
    assert_refused(outcome, "reconstruct", "--leave-out blank: all 100 images of half 2 are odd (100 blank)")


def test_a_particle_that_fills_the_box_is_told(simulated, usual_map, tmp_path):
    wide = round(1.05 * BOX * PIXEL_SIZE)
    outcome = gmmrefine("reconstruct", simulated / "particles.star", "-o", tmp_path, "--particle-diameter", wide)
    assert outcome.code == 0
    assert f"half 1: the particle ({wide} Å) fills the box ({BOX * PIXEL_SIZE:.0f} Å): noise is measured in the outer" in (
        outcome.out
    )
    assert record(tmp_path)["grey_values"]["half_1"]["noise_from_outer_rings"] == 100
    found, usual = (read_map(folder / "map.mrc").data.ravel() for folder in (tmp_path, usual_map))
    assert np.corrcoef(found, usual)[0, 1] > 0.99


def test_weights_that_are_not_known(simulated, tmp_path):
    outcome = gmmrefine("reconstruct", simulated / "particles.star", "-o", tmp_path / "run", "--weight-by-scale")
    assert_refused(outcome, "reconstruct", "--weight-by-scale: the particles have no gmmScale")
    assert not (tmp_path / "run").exists()
