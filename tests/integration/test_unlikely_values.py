"""Images that hold nothing and values that no microscope gives: counted and named, or refused."""

import json
import math

import mrcfile
import numpy as np
import pytest
from small_run import BOX, PARTICLES, PIXEL_SIZE, assert_refused, gmmrefine, record

from gmmrefine.io.star import read_star, text_column, write_star


def with_values(simulated, folder, rows, **columns):
    """The simulated particles with other values in the first rows, or in all; a label of data_optics where there is one."""
    folder.mkdir(exist_ok=True)
    blocks = read_star(simulated / "truth.star")
    for name, block in blocks.items():
        mine = {label: value for label, value in columns.items() if label in block}
        changed = dict(block.columns)
        for label, value in mine.items():
            values = np.array(block.numbers(label))
            values[: rows if name == "particles" else None] = value
            changed[label] = text_column(values, 9)
        blocks[name] = block.with_columns(changed)
    path = folder / "particles.star"
    write_star(path, blocks.values())
    if not (folder / "particles.mrcs").exists():
        (folder / "particles.mrcs").symlink_to(simulated / "particles.mrcs")
    return path


def with_images(simulated, folder, change):
    folder.mkdir()
    images = np.array(mrcfile.read(simulated / "particles.mrcs"))
    change(images)
    with mrcfile.new(folder / "particles.mrcs") as file:
        file.set_data(images)
        file.set_image_stack()
        file.voxel_size = PIXEL_SIZE
    (folder / "particles.star").write_bytes((simulated / "truth.star").read_bytes())
    return folder / "particles.star"


IMPOSSIBLE = {
    "voltage in V": {"rlnVoltage": 1999.0},
    "voltage of no microscope": {"rlnVoltage": 3.0},
    "aberration": {"rlnSphericalAberration": 27.0},
    "contrast": {"rlnAmplitudeContrast": 0.93},
    "defocus of 1 m": {"rlnDefocusU": 1e10, "rlnDefocusV": 1e10},
    "one defocus": {"rlnDefocusV": 1e6},
    "pixel size in µm": {"rlnImagePixelSize": 0.001},
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_no_microscope_gives_is_refused_in_any_row(simulated, tmp_path, case):
    path = with_values(simulated, tmp_path / "input", 1, **IMPOSSIBLE[case])
    for command in ("reconstruct", "import"):
        assert_refused(gmmrefine(command, path, "-o", tmp_path / "run"), command, "row 1", "no microscope gives that, expected")
    assert not (tmp_path / "run").exists()


UNLIKELY = {
    "defocus in µm": ({"rlnDefocusU": 1.6, "rlnDefocusV": 1.5}, "defocus 1.55 Å in", "Is it in µm or nm?"),
    "astigmatism": ({"rlnDefocusU": 90000}, "astigmatism", "Are U and V of one estimate?"),
    "shift of a box": ({"rlnOriginXAngst": BOX * PIXEL_SIZE}, f"shift {BOX * PIXEL_SIZE:.4g}"[:8], "more than half the box"),
}


@pytest.mark.parametrize("case", UNLIKELY)
def test_unlikely_values_are_named_and_in_many_images_refused(simulated, tmp_path, case):
    columns, *words = UNLIKELY[case]
    few = PARTICLES // 10
    many = with_values(simulated, tmp_path / "many", few + 1, **columns)
    for command in ("reconstruct", "import"):
        outcome = gmmrefine(command, many, "-o", tmp_path / "run")
        assert_refused(outcome, command, "row 1", f"in {few + 1} of {PARTICLES}", *words)
    outcome = gmmrefine("import", with_values(simulated, tmp_path / "few", few, **columns), "-o", tmp_path / "run")
    assert outcome.code == 0 and f"in {few} of {PARTICLES} images" in outcome.out
    assert words[1] in outcome.out and "(rows 1, 2, 3, …)" in outcome.out


def blank(images, part):
    images[part] = 0


def constant(images, part):
    images[part] = 7


def saturated(images, part):
    images[part] = np.minimum(images[part], np.quantile(images[0], 0.9))


def hot(images, part):
    images[part, 20, 20] = 1e6


@pytest.mark.parametrize(
    "spoil, words",
    [
        (blank, "are blank (all pixels one value)"),
        (constant, "are blank (all pixels one value)"),
        (saturated, "are saturated"),
        (hot, "are with single pixels far above all others"),
    ],
)
def test_images_that_hold_nothing_in_more_than_a_tenth(simulated, tmp_path, spoil, words):
    path = with_images(simulated, tmp_path / "many", lambda images: spoil(images, slice(PARTICLES // 2, None)))
    outcome = gmmrefine("reconstruct", path, "-o", tmp_path / "run")
    assert_refused(
        outcome, "reconstruct", "particles.mrcs: ", f"of the 100 images of half 1 {words}", ", first image 10", "--leave-out"
    )
    choice = outcome.err.split("--leave-out ")[1].rstrip(".\n")
    outcome = gmmrefine("reconstruct", path, "-o", tmp_path / "run", "--leave-out", choice)
    assert outcome.code == 0 and record(tmp_path / "run")["images"] == PARTICLES // 2
    path = with_images(simulated, tmp_path / "few", lambda images: spoil(images, slice(5, 11)))
    outcome = gmmrefine("reconstruct", path, "-o", tmp_path / "few_run")
    assert outcome.code == 0 and "6@particles.mrcs" in outcome.out and "odd_images_half" in outcome.out


def test_a_pixel_of_5e37(simulated, tmp_path):
    def spoil(images):
        images[17, 3, 4] = 5e37

    path = with_images(simulated, tmp_path / "input", spoil)
    assert_refused(
        gmmrefine("reconstruct", path, "-o", tmp_path / "run"),
        "reconstruct",
        "image 18 (row 18)",
        "as strong as 5e+37, which no detector gives",
    )


def test_no_record_or_log_holds_nan(tmp_path):
    from gmmrefine.progress import Progress
    from gmmrefine.runs.command_record import write_run_record

    results = {"a": math.nan, "b": [1.0, math.inf], "c": {"d": np.float32("nan")}, "e": np.array([1.0, -np.inf])}
    write_run_record(tmp_path, "fsc", {}, results)
    Progress(tmp_path).event(step="x", loss=math.nan, values=[math.inf, 2])

    def refuse(text):
        raise AssertionError(text)

    found = json.loads((tmp_path / "run.json").read_text(), parse_constant=refuse)["results"]
    assert found == {"a": None, "b": [1.0, None], "c": {"d": None}, "e": [1.0, None]}
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[-1], parse_constant=refuse)["values"] == [None, 2]
