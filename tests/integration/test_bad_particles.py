"""Particles that cannot be used: one line that says which file and row, what was found, and what to do."""

import os
import shutil

import numpy as np
import pytest
from small_run import BOX, PARTICLES, PIXEL_SIZE, REFINE, assert_refused, gmmrefine, record

from gmmrefine.io.star import read_star, write_star

COLUMNS = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


@pytest.fixture
def copy(simulated, tmp_path):
    """Folder with particles that a test may spoil."""
    folder = tmp_path / "input"
    folder.mkdir()
    for name in ("particles.star", "particles.mrcs"):
        shutil.copy(simulated / name, folder)
    return folder


def change(folder, block="particles", **columns):
    """Rewrite columns of particles.star; None drops one."""
    blocks = read_star(folder / "particles.star")
    table = dict(blocks[block].columns)
    for label, values in columns.items():
        table.pop(label, None)
        if values is not None:
            table[label] = np.array(values, dtype="S")
    blocks[block] = blocks[block].with_columns(table)
    write_star(folder / "particles.star", list(blocks.values()))


def write_pixels(folder, image, values):
    with open(folder / "particles.mrcs", "r+b") as stack:
        stack.seek(1024 + image * BOX**2 * 4)
        stack.write(np.asarray(values, np.float32).tobytes())


def truncate(folder):
    os.truncate(folder / "particles.mrcs", 1024 + 150 * BOX**2 * 4)


def cut_header(folder):
    os.truncate(folder / "particles.mrcs", 500)


def remove_stack(folder):
    (folder / "particles.mrcs").unlink()


def longer_list(folder):
    names = [f"{number:06d}@particles.mrcs" for number in range(1, PARTICLES + 1)]
    change(folder, rlnImageName=names[:-1] + ["000999@particles.mrcs"])


def one_defocus_wrong(folder):
    change(folder, rlnDefocusU=["12000"] * 6 + ["-15000"] + ["12000"] * (PARTICLES - 7))


def one_angle_wrong(folder):
    change(folder, rlnAngleTilt=["30"] * 3 + ["nan"] + ["30"] * (PARTICLES - 4))


CASES = {
    "truncated stack": (
        truncate,
        ["particles.mrcs: the stack is truncated: found 961024 bytes, expected 1281024 for 200 images", "Copy it"],
    ),
    "cut header": (cut_header, ["particles.mrcs: not", "MRC"]),
    "missing stack": (remove_stack, ["row 1: image stack of 000001@particles.mrcs not found", "correct rlnImageName"]),
    "row beyond the stack": (longer_list, ["particles.mrcs has 200 images, but", "row 200 asks for 999"]),
    "box": (
        lambda folder: change(folder, "optics", rlnImageSize=["48"]),
        ["particles.mrcs: images are 40×40 px, but the particles say 48 px", "correct rlnImageSize"],
    ),
    "odd box": (
        lambda folder: change(folder, "optics", rlnImageSize=["41"]),
        ["particles.mrcs: images are 40×40 px, but the particles say 41 px", "correct rlnImageSize"],
    ),
    "no pixel size": (
        lambda folder: change(folder, "optics", rlnImagePixelSize=None),
        ["rlnImagePixelSize is missing from data_optics", "Add the pixel size"],
    ),
    "no voltage": (
        lambda folder: change(folder, "optics", rlnVoltage=None),
        ["rlnVoltage is in neither data_optics nor data_particles"],
    ),
    "no angles": (
        lambda folder: change(folder, **dict.fromkeys(COLUMNS)),
        ["column rlnAngleRot, rlnAngleTilt, rlnAnglePsi is missing", "3D refinement"],
    ),
    "in-plane angles only": (
        lambda folder: change(folder, **dict.fromkeys(COLUMNS[:2])),
        ["in-plane angles only (2D classification)", "Run a 3D refinement first"],
    ),
    "no CTF": (
        lambda folder: change(folder, rlnDefocusU=None),
        ["column rlnDefocusU is missing; it says the CTF of each particle"],
    ),
    "negative defocus": (
        one_defocus_wrong,
        ["row 7: rlnDefocusU is -15000 Å; RELION's defocus is positive for underfocus", "Multiply by -1"],
    ),
    "angle that is no number": (one_angle_wrong, ["row 4: rlnAngleTilt is 'nan'; expected a finite number"]),
    "no half sets": (
        lambda folder: change(folder, rlnRandomSubset=None),
        ["particles.star: 200 of 200 particles have no half set", "--split-halves SEED"],
    ),
    "half sets 0": (
        lambda folder: change(folder, rlnRandomSubset=["0"] * PARTICLES),
        ["particles.star: 200 of 200 particles have no half set", "--split-halves SEED"],
    ),
    "one half set empty": (
        lambda folder: change(folder, rlnRandomSubset=["1"] * PARTICLES),
        ["particles.star: half set 2 is empty: all 200 particles are in half 1"],
    ),
    "half set 3": (
        lambda folder: change(folder, rlnRandomSubset=["1", "2", "3"] + ["1"] * (PARTICLES - 3)),
        ["row 3: rlnRandomSubset is 3; expected 1 or 2"],
    ),
    "empty file": (lambda folder: (folder / "particles.star").write_text(""), ["particles.star is not a STAR file"]),
    "a table without images": (
        lambda folder: change(folder, rlnImageName=None),
        ["column rlnImageName is missing; it says where the images are"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_before_anything_is_written(copy, tmp_path, case):
    spoil, words = CASES[case]
    spoil(copy)
    for command, options in (("refine", REFINE), ("reconstruct", ())):
        outcome = gmmrefine(command, copy / "particles.star", "-o", tmp_path / "run", *options)
        assert_refused(outcome, command, *words)
        assert "particles" in outcome.err
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_image_that_is_not_finite(copy, tmp_path, value):
    write_pixels(copy, 37, [value])
    for command, options in (("refine", REFINE), ("reconstruct", ())):
        outcome = gmmrefine(command, copy / "particles.star", "-o", tmp_path / command, *options)
        words = "particles.mrcs: image 38 (row 38) has pixels that are not finite numbers. Remove the particle"
        assert_refused(outcome, command, words)
        names = {path.name for path in (tmp_path / command).iterdir()}
        assert names <= {"run.json", "gmmrefine.log", "events.jsonl", "half_sets.npz", "iterations"}
        assert record(tmp_path / command)["finished"] is False
        assert not list((tmp_path / command).rglob("*.tmp"))


def test_images_without_any_signal(copy, tmp_path):
    write_pixels(copy, 0, np.zeros(PARTICLES * BOX**2))
    outcome = gmmrefine("reconstruct", copy / "particles.star", "-o", tmp_path / "run")
    assert_refused(outcome, "reconstruct", "100 of the 100 images of half 1 are blank", "Is the copy of the stack complete?")


def test_half_sets_are_drawn_when_asked(copy, tmp_path):
    change(copy, rlnRandomSubset=None)
    outcome = gmmrefine("reconstruct", copy / "particles.star", "-o", tmp_path / "run", "--split-halves", 4)
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    "name, words",
    [
        ("nowhere.star", "nowhere.star: cannot be read (No such file or directory)"),
        ("nowhere.cs", "nowhere.cs: cannot be read"),
        ("particles.mrcs", "particles are read from .star or .cs or .csg files, not '.mrcs'"),
    ],
)
def test_files_that_hold_no_particles(copy, tmp_path, name, words):
    for command in ("refine", "reconstruct", "import"):
        assert_refused(gmmrefine(command, copy / name, "-o", tmp_path / "run"), command, words)
    assert not (tmp_path / "run").exists()


def test_cryosparc_file_of_a_2d_classification(tmp_path):
    rows = np.zeros(4, [("uid", "u8"), ("blob/path", "S20"), ("blob/idx", "u4"), ("alignments2D/pose", "f4")])
    with open(tmp_path / "classes.cs", "wb") as file:
        np.save(file, rows)
    for command in ("refine", "import"):
        outcome = gmmrefine(command, tmp_path / "classes.cs", "-o", tmp_path / "run")
        assert_refused(outcome, command, "classes.cs", "2D", "3D")


def test_input_in_the_folder_of_the_results(copy):
    before = (copy / "particles.star").read_bytes()
    for command in ("refine", "import"):
        outcome = gmmrefine(command, copy / "particles.star", "-o", copy)
        assert_refused(outcome, command, "particles.star would be overwritten", "Use another folder")
    outcome = gmmrefine("export", copy / "particles.star", "--to", "particles.star", "-o", copy)
    assert_refused(outcome, "export", "particles.star would be overwritten")
    assert (copy / "particles.star").read_bytes() == before


def test_pixel_size_of_the_particles_is_another_than_that_of_the_mask(simulated, copy, tmp_path):
    change(copy, "optics", rlnImagePixelSize=["2.2"])
    outcome = gmmrefine("refine", copy / "particles.star", "-o", tmp_path / "run", "--mask", simulated / "mask.mrc")
    assert_refused(outcome, "refine", f"mask.mrc: voxels of the mask are {PIXEL_SIZE} Å but the pixel size is 2.2 Å")
