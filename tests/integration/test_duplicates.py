"""Pure noise extracted twice: refused, left out or drawn anew, and never a resolution."""
import numpy as np
import pytest
from small_run import assert_refused, gmmrefine, record

from gmmrefine.io.stack_writer import StackWriter

IMAGES, BOX, PIXEL_SIZE = 60, 32, 6.0


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """60 images of noise, each in a stack twice, 1 px apart, once in each half set."""
    folder = tmp_path_factory.mktemp("twice")
    rng = np.random.default_rng(8)
    noise = rng.normal(size=(IMAGES, BOX, BOX)).astype(np.float32)
    angles, places = rng.uniform(0, 180, (IMAGES, 3)), rng.uniform(100, 4000, (IMAGES, 2)).round()
    rows = []
    with StackWriter(folder / "particles.mrcs", 2 * IMAGES, BOX, PIXEL_SIZE) as stack:
        for number, (image, angle, place) in enumerate(zip(noise, angles, places)):
            stack.append(np.stack([image, np.roll(image, -1, axis=1)]))
            for half in (1, 2):
                rows.append([
                    f"{2 * number + half:06d}@particles.mrcs", 1, 12000 + number, 12000, 0, *angle, 6.0 * (half - 1), 0, half,
                    "mic.mrc", place[0] + half - 1, place[1]])
    columns = ("ImageName OpticsGroup DefocusU DefocusV DefocusAngle AngleRot AngleTilt AnglePsi OriginXAngst OriginYAngst "
               "RandomSubset MicrographName CoordinateX CoordinateY").split()
    optics = "OpticsGroup Voltage SphericalAberration AmplitudeContrast ImagePixelSize ImageSize MicrographPixelSize".split()
    (folder / "particles.star").write_text(
        "data_optics\n\nloop_\n" + "".join(f"_rln{name}\n" for name in optics) + "1 300 2.7 0.1 6 32 6\n\n"
        "data_particles\n\nloop_\n" + "".join(f"_rln{name}\n" for name in columns)
        + "".join(" ".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return folder / "particles.star"


@pytest.mark.parametrize("command", ("reconstruct", "refine"))
def test_halves_that_share_them_are_refused(twice, tmp_path, command):
    outcome = gmmrefine(command, twice, "-o", tmp_path / "out")
    assert_refused(outcome, command, "60 rows do so", "row 2 (half 2)", "--remove-duplicates", "--redraw-halves SEED")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cure, images", ((("--remove-duplicates", "--redraw-halves", 5), 60), (("--redraw-halves", 5), 120)))
def test_noise_has_no_resolution_after_either_cure(twice, tmp_path, cure, images):
    outcome = gmmrefine("reconstruct", twice, "-o", tmp_path / "out", *cure)
    assert outcome.code == 0, outcome.err
    results = record(tmp_path / "out")
    assert (results["images"], results["particles"]) == (images, 60)
    assert results["results"]["resolution"] is None or results["results"]["resolution"] > 40
    assert "half sets were drawn anew" in outcome.out
