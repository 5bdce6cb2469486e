"""Maps, models, options and machines that cannot be used: one line, exit code 1, nothing half-written."""

import errno
import os
import shutil

import numpy as np
import pytest
from small_run import BOX, PIXEL_SIZE, REFINE, RESULTS, assert_refused, gmmrefine, refine

from gmmrefine.backend import tf
from gmmrefine.io import atomic
from gmmrefine.io.atoms import embedded_model
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.runs import run


@pytest.fixture
def make_map(tmp_path):
    """A function that writes a map of one value and gives its path."""

    def make(value=1.0, shape=(BOX,) * 3, voxel_size=PIXEL_SIZE):
        path = tmp_path / "given.mrc"
        write_map(path, np.full(shape, value), voxel_size)
        return path

    return make


MASKS = {
    "box": ({"shape": (48,) * 3}, ["given.mrc is 48×48×48 but the box is 40", "must have the box of the particles"]),
    "not a cube": ({"shape": (BOX, BOX, 48)}, ["given.mrc has 48×40×40 voxels; expected a cube", "Pad or crop"]),
    "pixel size": ({"voxel_size": 2.2}, ["voxels of the mask are 2.2 Å but the pixel size is 4.4 Å", "resample"]),
    "empty": ({"value": 0}, ["the mask is empty (largest value 0)"]),
    "a map": ({"value": 7}, ["mask values run from 7 to 7; expected 0 to 1"]),
    "not a number": ({"value": np.nan}, ["64000 of 64000 voxels are not finite numbers"]),
}


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
@pytest.mark.parametrize("case", MASKS)
def test_mask(simulated, tmp_path, make_map, case):
    grid, words = MASKS[case]
    mask = make_map(**grid)
    for command, inputs in (
        ("refine", ["particles.star"]),
        ("reconstruct", ["particles.star"]),
        ("build", ["truth.mrc"]),
        ("fsc", ["truth.mrc", "truth.mrc"]),
    ):
        inputs = [simulated / name for name in inputs]
        outcome = gmmrefine(command, *inputs, "-o", tmp_path / command, "--mask", mask)
        assert_refused(outcome, command, *words)
        left = {path.name for path in (tmp_path / command).glob("*")}
        assert left <= ({"run.json", "gmmrefine.log"} if command == "build" else set())


@pytest.mark.parametrize(
    "command, inputs, options",
    [
        ("reconstruct", ["particles.star"], ()),
        ("refine", ["particles.star"], REFINE),
        ("build", ["truth.mrc"], ()),
        ("refine-patches", ["particles.star"], ("--patches", 2)),
        ("fsc", ["truth.mrc", "truth.mrc"], ("--truth",)),
        ("local-resolution", ["truth.mrc", "noisy.mrc"], ()),
        ("impose-symmetry", ["truth.mrc", "noisy.mrc"], ("--symmetry", "C2")),
    ],
)
def test_a_mask_outside_the_molecule(simulated, tmp_path, rng, command, inputs, options):
    corner, truth = np.zeros((BOX,) * 3), read_map(simulated / "truth.mrc").data
    corner[1:6, 1:6, 1:6] = 1
    write_map(tmp_path / "corner.mrc", corner, PIXEL_SIZE)
    write_map(tmp_path / "noisy.mrc", truth + rng.normal(0, 0.1 * truth.std(), truth.shape), PIXEL_SIZE)
    paths = [tmp_path / name if name == "noisy.mrc" else simulated / name for name in inputs]
    outcome = gmmrefine(command, *paths, "-o", tmp_path / "run", "--mask", tmp_path / "corner.mrc", *options)
    assert_refused(
        outcome, command, "corner.mrc lies outside the molecule: 0.0 % of it is inside the molecule's mask", "Check its origin"
    )
    assert not list((tmp_path / "run").glob("*.mrc"))


def test_maps_for_build(simulated, tmp_path, make_map):
    def refused(*arguments):
        outcome = gmmrefine("build", *arguments, "-o", tmp_path / "run")
        assert not (tmp_path / "run" / "gmm.star").exists()
        return outcome

    assert_refused(refused(make_map(shape=(BOX, 44, BOX))), "build", "given.mrc has 40×44×40 voxels; expected a cube")
    assert_refused(refused(make_map(0.0)), "build", "the map is constant (0 everywhere)")
    truth = simulated / "truth.mrc"
    assert_refused(
        refused(truth, "--threshold", 1e9),
        "build",
        "no voxel lies above the threshold 1e+09",
        "largest density is",
        "Lower --threshold",
    )
    assert_refused(refused(truth, "--resolution", 5), "build", "--resolution 5 Å is beyond Nyquist of the map (8.80 Å")
    assert_refused(refused(truth, "--gaussians", "many"), "build", "--gaussians many: expected a positive whole number or auto")
    assert_refused(refused(simulated / "particles.star"), "build", "particles.star: not a readable MRC map")
    assert_refused(refused(tmp_path / "nowhere.mrc"), "build", "nowhere.mrc: no such file")


def test_model_outside_the_map(simulated, tmp_path):
    for command, name, words in (
        ("build", "truth.mrc", "lie inside the map and in its density"),
        ("refine", "particles.star", "2279 of 9703 atoms lie outside the box"),
    ):
        outcome = gmmrefine(command, simulated / name, "--model", embedded_model(), "-o", tmp_path / command)
        assert_refused(outcome, command, words, "Fit the model into")
        outcome = gmmrefine(command, simulated / name, "--model", tmp_path / "nowhere.cif", "-o", tmp_path / command / "b")
        assert_refused(outcome, command, "nowhere.cif: ", "o such file")


def test_half_maps_that_do_not_match(simulated, tmp_path, make_map):
    truth = simulated / "truth.mrc"
    outcome = gmmrefine("fsc", truth, make_map(shape=(48,) * 3), "-o", tmp_path / "run")
    assert_refused(outcome, "fsc", "given.mrc is 48³ but", "truth.mrc is 40³; half maps must match")
    outcome = gmmrefine("fsc", truth, make_map(voxel_size=2.2), "-o", tmp_path / "run")
    assert_refused(outcome, "fsc", "given.mrc has voxels of 2.2 Å but", "of 4.4 Å; half maps must match")
    assert not (tmp_path / "run").exists()


OPTIONS = {
    "--optimizer adam": ["--optimizer adam with --loss likelihood: these do not go together"],
    "--loss frc": ["--optimizer fisher with --loss frc"],
    "--march nonsense": ["--march 'nonsense': expected fractions above 0 with 1.0 the largest"],
    "--march 0.5": ["--march '0.5'"],
    "--prior-rotation 3": ["--prior-rotation and --prior-shift must be given together"],
    "--initial-resolution 5": ["--initial-resolution 5 Å is beyond Nyquist of the particles (8.80 Å)"],
    "--max-resolution 5": ["--max-resolution 5 Å is beyond Nyquist of the particles (8.80 Å)"],
    "--fsc-threshold 2": ["--fsc-threshold 2: expected from 0.01 to 0.9"],
    "--iterations 0": ["--iterations 0: expected at least 1"],
    "--iterations two": ["argument --iterations: 'two': expected a whole number", "'gmmrefine refine --help'"],
    "--learning-rate nan": ["--learning-rate nan: expected a finite number"],
    "--mask-edge -1": ["--mask-edge -1: expected at least 0 px"],
    "--gaussians many": ["--gaussians many: expected a positive whole number or auto"],
    "--gaussians 0": ["--gaussians 0: expected a positive whole number or auto"],
    "--optimizer sgd": ["argument --optimizer: invalid choice: 'sgd'", "fisher", "adam"],
    "--nonsense": ["unrecognized arguments: --nonsense"],
    "--pin-exchanges nowhere.json": ["--pin-exchanges nowhere.json: cannot be read (No such file"],
}


@pytest.mark.parametrize("text", OPTIONS)
def test_options_of_refine(simulated, tmp_path, text):
    outcome = gmmrefine("refine", simulated / "particles.star", "-o", tmp_path / "run", *text.split())
    assert_refused(outcome, "refine" if text != "--nonsense" else None, *OPTIONS[text])
    assert {path.name for path in (tmp_path / "run").glob("*")} <= {"run.json", "gmmrefine.log"}


def test_run_records_that_cannot_be_pinned(simulated, tmp_path):
    for name in ("run.json", "particles.star"):
        outcome = gmmrefine("refine", simulated / "particles.star", "-o", tmp_path / "run", "--pin-exchanges", simulated / name)
        assert_refused(outcome, "refine", f"{name}: cannot be read, or holds no exchanges of half sets")


@pytest.mark.parametrize(
    "options, words",
    [
        (["--box", 41], "--box 41: the box must be even. Use 42."),
        (["--box", 16], "is smaller than the molecule"),
        (["--symmetry", "Q9"], "--symmetry Q9: not a point group; expected Cn, Dn, T, O or I"),
        (["--particles", 1], "--particles 1: expected at least 2"),
        (["--snr", 0], "--snr 0: expected at least 1e-06"),
        (["--pixel-size", 0], "--pixel-size 0: expected at least 0.1 Å/px"),
        (["--end-model", "nowhere.cif"], "nowhere.cif: cannot be read"),
    ],
)
def test_options_of_simulate(tmp_path, options, words):
    outcome = gmmrefine("simulate", "6msm", "-o", tmp_path / "run", *options)
    assert_refused(outcome, "simulate", words)
    assert {path.name for path in (tmp_path / "run").glob("*")} <= {"run.json", "gmmrefine.log"}


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "the following arguments are required: COMMAND"),
        (["frobnicate"], "invalid choice: 'frobnicate' (choose from"),
        (["refine", "particles.star"], "the following arguments are required: -o/--output"),
    ],
)
def test_command_line(arguments, words):
    assert_refused(gmmrefine(*arguments), arguments[0] if len(arguments) > 1 else None, words, "--help'")


def test_gpu_is_asked_for_where_there_is_none(simulated, tmp_path):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    outcome = gmmrefine("refine", simulated / "particles.star", "-o", tmp_path / "run", "--device", "gpu")
    assert_refused(outcome, "refine", "--device gpu: TensorFlow finds no GPU", "use --device cpu", "gmmrefine doctor")
    assert not (tmp_path / "run").exists()


def test_output_folder_that_cannot_be_made(simulated, tmp_path):
    (tmp_path / "file").write_text("")
    for command, name in (("refine", "particles.star"), ("build", "truth.mrc"), ("import", "particles.star")):
        outcome = gmmrefine(command, simulated / name, "-o", tmp_path / "file")
        assert_refused(outcome, command, "file", "annot be")


def full_disk_at(path):
    """Make the engine's next write of a file fail as on a full disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f".{path.name}.{os.getpid()}.tmp").symlink_to("/dev/full")


needs_dev_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")


@needs_dev_full
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # mrcfile cannot close what it cannot write
@pytest.mark.parametrize("name", ["half_map_1.mrc", "particles.star", "mask.mrc"])
def test_disk_full_during_refine(simulated, refined, tmp_path, name, monkeypatch):
    """Of a run that has its iterations and now writes its results."""
    folder = shutil.copytree(refined, tmp_path / "run")
    for output in RESULTS:
        (folder / output).unlink()
    with monkeypatch.context() as patch:
        # what a killed writer left is removed as the run begins; the disk fills after that
        patch.setattr(run, "remove_leftovers", lambda _: full_disk_at(folder / name))
        outcome = gmmrefine("refine", simulated / "particles.star", "-o", folder, *REFINE)
    assert_refused(outcome, "refine", f"{name}: the disk is full (No space left on device)", "Free space")
    assert not (folder / name).exists() and not list(folder.rglob("*.tmp"))
    assert sum((folder / output).exists() for output in RESULTS) < len(RESULTS)


def test_disk_full_at_the_poses_of_an_iteration_and_then_space_again(simulated, refined, tmp_path, monkeypatch):
    poses = tmp_path / "iterations" / "02" / "poses_half_1.npz"

    def replace(source, target):
        if str(target) == str(poses):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "replace", replace)
        outcome = gmmrefine("refine", simulated / "particles.star", "-o", tmp_path, *REFINE)
    assert_refused(outcome, "refine", "poses_half_1.npz: the disk is full")
    assert not poses.exists() and not list(tmp_path.rglob("*.tmp"))
    refine(simulated / "particles.star", tmp_path)
    for name in RESULTS:
        assert (tmp_path / name).read_bytes() == (refined / name).read_bytes(), name


@needs_dev_full
@pytest.mark.parametrize("name", ["particles.mrcs", "truth.star", "run.json"])
def test_disk_full_during_simulate(tmp_path, name):
    full_disk_at(tmp_path / name)
    outcome = gmmrefine("simulate", "6msm", "--particles", 50, "--box", BOX, "--pixel-size", PIXEL_SIZE, "-o", tmp_path)
    assert_refused(outcome, "simulate", f"{name}: the disk is full")
    assert not (tmp_path / name).exists() and not list(tmp_path.rglob("*.tmp"))


@needs_dev_full
def test_disk_full_at_the_log(simulated, tmp_path):
    (tmp_path / "gmmrefine.log").symlink_to("/dev/full")
    outcome = gmmrefine("reconstruct", simulated / "particles.star", "-o", tmp_path)
    assert_refused(outcome, "reconstruct", "gmmrefine.log: the log cannot be written (No space left on device)")
