"""Symmetry from end to end: simulated, reconstructed, refined, expanded, imposed; and refused where it makes no sense."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from model_files import write_6msm_part
from small_run import RESULTS, assert_refused, events, gmmrefine, record, write_record

from gmmrefine.commands import impose_symmetry
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.mrc import read_map, read_mask, write_map
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.io.star import read_star, write_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.maps.turn import turned
from gmmrefine.particles.symmetry import particle_count
from gmmrefine.validation.pose_error import pose_errors

BOX, PIXEL_SIZE, PARTICLES = 40, 7.0, 90
REFINE = ("--iterations", 1, "--gaussians", 120, "--fit-evaluations", 10, "--max-resolution", 22)


@pytest.fixture(scope="module")
def trimer(tmp_path_factory):
    """Particles of a C3 oligomer."""
    folder = tmp_path_factory.mktemp("trimer")
    outcome = gmmrefine(
        "simulate",
        "6msm",
        "-o",
        folder,
        "--particles",
        PARTICLES,
        "--box",
        BOX,
        "--pixel-size",
        PIXEL_SIZE,
        "--snr",
        0.2,
        "--symmetry",
        "C3",
    )
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture(scope="module")
def copies(trimer, tmp_path_factory):
    """The expanded set of the true poses."""
    folder = tmp_path_factory.mktemp("copies")
    outcome = gmmrefine("expand-symmetry", trimer / "truth.star", "--symmetry", "C3", "-o", folder)
    assert outcome.code == 0 and outcome.err == ""
    assert outcome.out.splitlines()[-1].endswith("particles.star: 270 images of 90 particles, C3")
    return folder


@pytest.fixture(scope="module")
def maps(trimer, copies, tmp_path_factory):
    """Folders of reconstructions: with symmetry, without, and of the copies."""
    folder = tmp_path_factory.mktemp("maps")
    for name, particles, options in (
        ("C3", trimer / "truth.star", ("--symmetry", "c3")),
        ("C1", trimer / "truth.star", ()),
        ("copies", copies / "particles.star", ()),
    ):
        outcome = gmmrefine("reconstruct", particles, "-o", folder / name, *options, "--mask", trimer / "mask.mrc")
        assert outcome.code == 0, outcome.err
        (folder / name / "said").write_text(outcome.out, encoding="utf-8")
    return folder


def half(folder, number=1):
    return read_map(folder / f"half_map_{number}.mrc").data


def asymmetry(volume, name="C3"):
    """Rms difference of a map and its turned self, where and as finely as turned maps are exact."""
    box = len(volume)
    smooth = low_pass(volume, 0.7 * box / 2)
    inside = np.sum((np.indices(volume.shape) - box // 2) ** 2, axis=0) < (0.4 * box) ** 2
    return max(
        np.std((turned(smooth, operator) - smooth)[inside]) / np.std(smooth[inside]) for operator in point_group(name)[1:4]
    )


def test_reconstruct(trimer, maps):
    assert asymmetry(half(maps / "C3")) < 0.08 < 0.3 < asymmetry(half(maps / "C1"))
    truth = read_map(trimer / "truth.mrc").data
    better, worse = (np.corrcoef(half(maps / name).ravel(), truth.ravel())[0, 1] for name in ("C3", "C1"))
    assert better > worse + 0.05
    content = record(maps / "C3")
    assert 0.95 < content["results"]["symmetry_agreement"] < 1.1
    assert content["images"] == content["particles"] == PARTICLES
    assert record(maps / "C3")["results"]["resolution"] < record(maps / "C1")["results"]["resolution"]


def test_copies_give_the_symmetric_map(maps):
    for number in (1, 2):
        a, b = half(maps / "copies", number), half(maps / "C3", number)
        assert np.abs(a - b).max() < 1e-3 * np.abs(b).max()
    content = record(maps / "copies")
    assert content["images"] == 270 and content["particles"] == 90
    said = (maps / "copies" / "said").read_text(encoding="utf-8")
    assert "note: 270 images of 90 particles: a particle counts once" in said


def test_expanded_file(trimer, copies):
    before, after = (read_star(folder / name) for folder, name in ((trimer, "truth.star"), (copies, "particles.star")))
    assert np.array_equal(after["optics"].columns["rlnVoltage"], before["optics"].columns["rlnVoltage"])
    before, after = before["particles"], after["particles"]
    moved = {"rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnImageName"}
    for label, values in before.columns.items():
        if label not in moved:
            assert np.array_equal(after.columns[label], np.repeat(values, 3)), label
    stack = (trimer / "particles.mrcs").resolve()
    assert after.strings("gmmParentParticle") == [f"{1 + row // 3:06d}@{stack}" for row in range(3 * PARTICLES)]
    assert after.integers("gmmSymmetryCopy").tolist() == [1, 2, 3] * PARTICLES
    parents, particles = read_particles(trimer / "truth.star"), read_particles(copies / "particles.star")
    assert particles.parent.tolist() == np.repeat(np.arange(PARTICLES), 3).tolist()
    expected = (parents.rotations[:, None] @ point_group("C3")).reshape(-1, 3, 3)
    assert particles.rotations == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(particles.half_set, np.repeat(parents.half_set, 3))
    content = record(copies)
    assert content["results"]["counted"] == "270 images of 90 particles" and content["results"]["half_sets"] == [45, 45]
    assert content["results"]["symmetry_agreement"] > 0.95


def test_refine(trimer, tmp_path):
    outcome = gmmrefine("refine", trimer / "particles.star", "-o", tmp_path / "run", "--symmetry", "C3", *REFINE)
    assert outcome.code == 0, outcome.err
    for name in RESULTS:
        assert (tmp_path / "run" / name).is_file(), name
    content = record(tmp_path / "run")
    assert content["settings"]["symmetry"] == "C3" and 0.9 < content["results"]["symmetry_agreement"] < 1.1
    assert content["results"]["images"] == content["results"]["particles"] == PARTICLES
    assert len(read_particles(tmp_path / "run" / "particles.star")) == PARTICLES
    assert asymmetry(half(tmp_path / "run")) < 0.08
    start, end = (entry["mean_fsc"] for entry in content["results"]["iterations"])
    assert end > start
    checked = [event for event in events(tmp_path / "run") if event.get("symmetry") == "C1"]
    assert {event["half"] for event in checked} == {1, 2}


@pytest.mark.slow
@pytest.mark.parametrize("name, box, pixel_size", [("D2", 48, 5.0), ("T", 48, 5.0), ("O", 56, 5.0), ("I", 64, 6.0)])
def test_refine_with_higher_groups(tmp_path, name, box, pixel_size):
    """A small domain around axes that cross: poses improve, and the map has the symmetry."""
    domain = write_6msm_part(tmp_path / "domain.cif", 1208, 1440)
    outcome = gmmrefine(
        "simulate",
        domain,
        "-o",
        tmp_path / "particles",
        "--particles",
        120,
        "--box",
        box,
        "--pixel-size",
        pixel_size,
        "--snr",
        0.2,
        "--pose-error",
        3,
        "--shift-error",
        2,
        "--symmetry",
        name,
    )
    assert outcome.code == 0, outcome.err
    start, truth = (read_particle_set(tmp_path / "particles" / file) for file in ("particles.star", "truth.star"))
    outcome = gmmrefine(
        "refine", tmp_path / "particles" / "particles.star", "-o", tmp_path / "run", "--symmetry", name, "--iterations", 2
    )
    assert outcome.code == 0, outcome.err
    before, after = (pose_errors(found, truth) for found in (start, read_particle_set(tmp_path / "run" / "particles.star")))
    assert after.rotation_rms < 0.6 * before.rotation_rms and after.shift_rms < 0.5 * before.shift_rms
    assert record(tmp_path / "run")["results"]["symmetry_agreement"] > 0.9
    assert asymmetry(half(tmp_path / "run"), name) < 0.08


def test_impose(trimer, maps, tmp_path):
    """The first unit in the map of the copies, turned, is the map with symmetry again."""
    one = one_unit()
    write_map(tmp_path / "focus.mrc", one * read_map(trimer / "mask.mrc").data, PIXEL_SIZE)
    (tmp_path / "focused").mkdir()
    for number in (1, 2):
        write_map(tmp_path / "focused" / f"half_map_{number}.mrc", one * half(maps / "copies", number), PIXEL_SIZE)
    outcome = gmmrefine(
        "impose-symmetry",
        tmp_path / "focused",
        "--mask",
        tmp_path / "focus.mrc",
        "--symmetry",
        "C3",
        "-o",
        tmp_path / "out",
        "--background",
        maps / "C1" / "half_map_1.mrc",
        maps / "C1" / "half_map_2.mrc",
    )
    assert outcome.code == 0 and outcome.err == ""
    for name in impose_symmetry.COMMAND.outputs:
        assert (tmp_path / "out" / name).is_file(), name
    content = record(tmp_path / "out")
    assert content["command"] == "impose-symmetry" and content["finished"] and len(content["inputs"]) == 5
    assert content["results"]["resolution"] < record(maps / "C1")["results"]["resolution"]
    assert content["results"]["symmetry_agreement"] > 0.95
    assert outcome.out.splitlines()[-1] == f"resolution {content['results']['resolution_text']}"
    union = read_mask(tmp_path / "out" / "mask.mrc", BOX, PIXEL_SIZE)
    found, reference = half(tmp_path / "out"), half(maps / "C3")
    band = slice(2, 10)
    agreement = [shell_correlation(volume * union, reference * union)[band].min() for volume in (found, half(maps / "C1"))]
    assert agreement[0] > 0.99 and agreement[1] < 0.96
    assert np.array_equal(found[union == 0], half(maps / "C1")[union == 0])


def test_halves_are_imposed_apart(maps, trimer, tmp_path):
    shutil.copytree(maps / "C1", tmp_path / "focused")
    for name in ("one", "other"):
        outcome = gmmrefine(
            "impose-symmetry", tmp_path / "focused", "--mask", trimer / "mask.mrc", "--symmetry", "C3", "-o", tmp_path / name
        )
        assert outcome.code == 0, outcome.err
        write_map(tmp_path / "focused" / "half_map_2.mrc", -half(maps / "C1", 2), PIXEL_SIZE)
    assert (tmp_path / "one" / "half_map_1.mrc").read_bytes() == (tmp_path / "other" / "half_map_1.mrc").read_bytes()
    assert (tmp_path / "one" / "half_map_2.mrc").read_bytes() != (tmp_path / "other" / "half_map_2.mrc").read_bytes()


def test_a_symmetry_that_is_not_there(trimer, tmp_path):
    for command, options in (("reconstruct", ()), ("refine", REFINE)):
        outcome = gmmrefine(command, trimer / "truth.star", "--symmetry", "C2", "-o", tmp_path / command, *options)
        assert_refused(
            outcome, command, "the map does not have C2: turned by 180° about z it correlates", "did you mean --symmetry C3?"
        )
        assert record(tmp_path / command)["finished"] is False
        assert not list((tmp_path / command).rglob("*.mrc"))


def test_a_symmetry_that_is_not_there_is_not_expanded(trimer, tmp_path):
    """Half sets of the particles are not needed to see it."""
    shutil.copy(trimer / "particles.mrcs", tmp_path / "particles.mrcs")
    blocks = read_star(trimer / "truth.star")
    columns = {name: text for name, text in blocks["particles"].columns.items() if name != "rlnRandomSubset"}
    write_star(tmp_path / "plain.star", [blocks["optics"], blocks["particles"].with_columns(columns)])
    outcome = gmmrefine("expand-symmetry", tmp_path / "plain.star", "--symmetry", "C7", "-o", tmp_path / "run")
    assert_refused(outcome, "expand-symmetry", "the map does not have C7: turned by", "did you mean --symmetry C3?")
    assert not (tmp_path / "run" / "particles.star").exists()


def test_particles_without_images_are_expanded_unmeasured(trimer, tmp_path):
    shutil.copy(trimer / "truth.star", tmp_path / "truth.star")
    outcome = gmmrefine("expand-symmetry", tmp_path / "truth.star", "--symmetry", "C7", "-o", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert "note: it was not measured whether the map has C7: " in outcome.out and "particles.mrcs" in outcome.out
    assert record(tmp_path / "run")["results"]["symmetry_agreement"] is None


def one_unit():
    """A sector (Z, Y, X) a little wider than a third of the box."""
    _, y, x = (np.indices((BOX,) * 3) - BOX // 2) * PIXEL_SIZE
    return (np.abs(np.degrees(np.arctan2(y, x))) < 75).astype(np.float32)


def test_a_symmetry_that_is_not_there_is_not_imposed(trimer, maps, tmp_path):
    """Measured on the background, or on the maps where the mask holds all units; said where neither is so."""
    write_map(tmp_path / "unit.mrc", one_unit() * read_map(trimer / "mask.mrc").data, PIXEL_SIZE)
    background = "--background", maps / "C1"
    for mask, behind, code in (
        (trimer / "mask.mrc", (), 1),
        (tmp_path / "unit.mrc", background, 1),
        (tmp_path / "unit.mrc", (), 0),
    ):
        folder = tmp_path / f"{mask.stem}{len(behind)}"
        outcome = gmmrefine("impose-symmetry", maps / "C1", "--mask", mask, "--symmetry", "C2", "-o", folder, *behind)
        if code:
            assert_refused(outcome, "impose-symmetry", "the map does not have C2: turned by 180° about z", "--symmetry C3?")
            assert not list(folder.glob("*.mrc"))
            continue
        assert outcome.code == 0, outcome.err
        assert "note: it was not measured whether the molecule has C2: the mask holds a part of it" in outcome.out
        assert record(folder)["results"]["symmetry_agreement"] is None


@pytest.mark.parametrize(
    "command, options",
    [("simulate", ()), ("reconstruct", ()), ("refine", REFINE), ("expand-symmetry", ()), ("impose-symmetry", ("--mask", "m"))],
)
def test_names_of_no_point_group(trimer, tmp_path, command, options):
    what = "6msm" if command == "simulate" else trimer / "truth.star"
    outcome = gmmrefine(command, what, "--symmetry", "C3v", "-o", tmp_path / "run", *options)
    assert_refused(outcome, command, "--symmetry C3v: not a point group; expected Cn, Dn, T, O or I (RELION's I2), e.g. C3.")


def test_expanded_sets_where_they_do_not_belong(trimer, copies, tmp_path):
    outcome = gmmrefine("refine", copies / "particles.star", "-o", tmp_path / "run", *REFINE)
    assert_refused(outcome, "refine", "270 images of 90 particles (row 2 repeats row 1)", "Refine the particles that")
    outcome = gmmrefine("export", copies / "particles.star", "--to", "copies.cs", "-o", tmp_path / "run")
    assert_refused(outcome, "export", "a symmetry-expanded set", "Export the particles that the copies were made from")
    for command in ("reconstruct", "refine"):
        outcome = gmmrefine(command, copies / "particles.star", "--symmetry", "C3", "-o", tmp_path / "run")
        assert_refused(outcome, command, "particles.star: a symmetry-expanded set", "Leave out --symmetry C3")
    outcome = gmmrefine("expand-symmetry", copies / "particles.star", "--symmetry", "C3", "-o", tmp_path / "run")
    assert_refused(outcome, "expand-symmetry", "a symmetry-expanded set", "Expand the particles that the copies")
    outcome = gmmrefine("expand-symmetry", trimer / "truth.star", "-o", tmp_path / "run")
    assert_refused(outcome, "expand-symmetry", "--symmetry C1 has no copies to make")
    assert not (tmp_path / "run").exists()


def test_an_expanded_set_is_not_refined_as_a_whole(copies, tmp_path):
    """Neither with one patch, nor with a region that holds all: the copies of a particle would be one particle thrice."""
    outcome = gmmrefine("refine-patches", copies / "particles.star", "--patches", 1, "-o", tmp_path / "patches")
    assert_refused(outcome, "refine-patches", "270 images of 90 particles", "One patch is the whole molecule")
    assert not (tmp_path / "patches").exists()
    middle = BOX // 2 * PIXEL_SIZE
    outcome = gmmrefine(
        "refine",
        copies / "particles.star",
        "--focus-sphere",
        f"{middle} {middle} {middle} {middle}",
        "-o",
        tmp_path / "focus",
        *REFINE,
    )
    assert_refused(outcome, "refine", "270 images of 90 particles", "The focus holds the whole molecule")


@pytest.mark.parametrize("marked", (True, False))
def test_a_planted_duplicate_is_a_leak(trimer, copies, tmp_path, marked):
    """One copy put in the other half, in an expanded set; one image listed in both halves, in a plain one."""
    blocks = read_star((copies if marked else trimer) / ("particles.star" if marked else "truth.star"))
    block = blocks["particles"]
    half_set, names = block.columns["rlnRandomSubset"].copy(), block.columns["rlnImageName"].copy()
    if marked:
        half_set[7] = b"1" if half_set[7] == b"2" else b"2"
    else:
        names[np.flatnonzero(half_set == b"1")[0]] = names[np.flatnonzero(half_set == b"2")[0]]
    columns = dict(block.columns, rlnRandomSubset=half_set, rlnImageName=names)
    shutil.copy(trimer / "particles.mrcs", tmp_path / "particles.mrcs")
    write_star(tmp_path / "leak.star", [blocks["optics"], block.with_columns(columns)])
    for command in ("reconstruct", "refine"):
        outcome = gmmrefine(command, tmp_path / "leak.star", "-o", tmp_path / "run")
        assert_refused(outcome, command, "leak.star: half sets are not independent: row ", "shows the same particle as row")
    assert not (tmp_path / "run").exists()


def test_halves_of_an_expanded_set_are_drawn_by_particle(trimer, tmp_path):
    block = read_star(trimer / "truth.star")
    columns = {label: text for label, text in block["particles"].columns.items() if label != "rlnRandomSubset"}
    shutil.copy(trimer / "particles.mrcs", tmp_path / "particles.mrcs")
    write_star(tmp_path / "plain.star", [block["optics"], block["particles"].with_columns(columns)])
    assert gmmrefine("expand-symmetry", tmp_path / "plain.star", "--symmetry", "C3", "-o", tmp_path / "all").code == 0
    assert gmmrefine("import", tmp_path / "all" / "particles.star", "-o", tmp_path / "in", "--split-halves", 5).code == 0
    drawn = read_particles(tmp_path / "in" / "particles.star")
    halves = drawn.half_set.reshape(PARTICLES, 3)
    assert np.array_equal(halves, np.repeat(halves[:, :1], 3, axis=1)) and np.bincount(halves[:, 0]).tolist() == [0, 45, 45]


def test_what_impose_symmetry_refuses(trimer, maps, tmp_path):
    mask, wrong = trimer / "mask.mrc", tmp_path / "wrong.mrc"
    write_map(wrong, np.ones((BOX,) * 3), 3.0)

    def refused(*arguments, symmetry="C3"):
        return gmmrefine("impose-symmetry", *arguments, "--symmetry", symmetry, "-o", tmp_path / "run")

    assert_refused(refused(maps / "C1", "--mask", mask, symmetry="C1"), "impose-symmetry", "--symmetry C1: nothing to impose")
    assert_refused(refused(mask, "--mask", mask), "impose-symmetry", "expected the folder of a run, or its two half maps")
    assert_refused(refused(trimer, "--mask", mask), "impose-symmetry", "half_map_1.mrc: no such file")
    assert_refused(refused(maps / "C1", "--mask", wrong), "impose-symmetry", "voxels of the mask are 3 Å")
    assert_refused(
        refused(maps / "C1", "--mask", mask, "--background", wrong, wrong), "impose-symmetry", "wrong.mrc has voxels of 3 Å"
    )
    one = maps / "C1" / "map.mrc"
    assert_refused(
        refused(maps / "C1", "--mask", mask, "--background", one, one), "impose-symmetry", "map.mrc hold the same map"
    )
    unfinished = shutil.copytree(maps / "C1", tmp_path / "unfinished")
    content = record(unfinished)
    write_record(unfinished, {**content, "finished": False})
    assert_refused(refused(unfinished, "--mask", mask), "impose-symmetry", "its 'reconstruct' run is not finished")
    assert not (tmp_path / "run").exists()


def test_an_imposed_map_lies_where_the_unit_does(maps, trimer, tmp_path):
    (tmp_path / "unit").mkdir()
    place = (30.0, 40.0, -50.0)
    for number in (1, 2):
        write_map(tmp_path / "unit" / f"half_map_{number}.mrc", half(maps / "C1", number), PIXEL_SIZE, place)
    outcome = gmmrefine(
        "impose-symmetry", tmp_path / "unit", "--mask", trimer / "mask.mrc", "--symmetry", "C3", "-o", tmp_path / "out"
    )
    assert outcome.code == 0, outcome.err
    for name in ("half_map_1.mrc", "half_map_2.mrc", "map.mrc", "mask.mrc"):
        assert read_map(tmp_path / "out" / name).origin == pytest.approx(place), name


def test_another_runs_folder_is_not_taken(trimer, maps, tmp_path):
    """Its poses and its record would be overwritten."""
    folder = shutil.copytree(maps / "C1", tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    half_maps = maps / "C3" / "half_map_1.mrc", maps / "C3" / "half_map_2.mrc"
    for command, *options in (
        ("expand-symmetry", trimer / "truth.star", "--symmetry", "C3"),
        ("import", trimer / "truth.star"),
        ("export", trimer / "truth.star", "--to", "particles.cs"),
        ("fsc", *half_maps),
    ):
        outcome = gmmrefine(command, *options, "-o", folder)
        assert_refused(outcome, command, f"{folder} holds a 'reconstruct' run, not '{command}'. Use another folder with -o.")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("second", (".cs", ".star"))
def test_two_expansions_of_one_set_are_one_set(trimer, copies, tmp_path, second):
    """Copies 1 of one and copies 2 of another, of the same particles in another form."""
    other = tmp_path / f"other{second}"
    assert gmmrefine("export", trimer / "truth.star", "--to", other.name, "-o", tmp_path).code == 0
    assert gmmrefine("expand-symmetry", other, "--symmetry", "C3", "-o", tmp_path / "again").code == 0
    blocks = [read_star(folder / "particles.star") for folder in (copies, tmp_path / "again")]
    labels = [
        "rlnImageName",
        "rlnAngleRot",
        "rlnAngleTilt",
        "rlnAnglePsi",
        "rlnOriginXAngst",
        "rlnOriginYAngst",
        "rlnRandomSubset",
        "rlnDefocusU",
        "rlnDefocusV",
        "rlnDefocusAngle",
        "rlnOpticsGroup",
        "gmmParentParticle",
    ]
    rows = [
        block["particles"].subset(block["particles"].integers("gmmSymmetryCopy") == number)
        for number, block in enumerate(blocks, 1)
    ]
    joined = {label: np.concatenate([row.columns[label] for row in rows]) for label in labels}
    write_star(copies / f"joined{second[1:]}.star", [blocks[0]["optics"], replace(rows[0], columns=joined)])
    particles = read_particles(copies / f"joined{second[1:]}.star")
    assert len(particles) == 2 * PARTICLES and particle_count(particles) == PARTICLES


def test_expansions_of_two_data_sets_are_told_apart(trimer, tmp_path):
    """Whose stacks have one name, each beside its own table."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for file_name in ("truth.star", "particles.mrcs"):
            shutil.copy(trimer / file_name, tmp_path / name / file_name)
        outcome = gmmrefine("expand-symmetry", tmp_path / name / "truth.star", "--symmetry", "C3", "-o", tmp_path / f"{name}3")
        assert outcome.code == 0, outcome.err
    marks = [
        read_star(tmp_path / f"{name}3" / "particles.star")["particles"].strings("gmmParentParticle") for name in ("one", "two")
    ]
    assert len(set(marks[0]) | set(marks[1])) == 2 * PARTICLES
