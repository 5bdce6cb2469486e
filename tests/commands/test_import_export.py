"""The commands import and export, run as a user would."""

import argparse
import json

import mrcfile
import numpy as np
import pytest
from cryosparc_rows import PLACES, POSES, particle_rows, save_rows, without

from gmmrefine.__main__ import main
from gmmrefine.commands import export, import_particles
from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.gmm_file import read_gmm, write_gmm
from gmmrefine.io.mrc import write_map
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.particles.particle_set import CtfParameters, ParticleSet


def _run(command, *arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def particle_file(tmp_path, rng):
    """A small particle file with its stack."""
    stack = tmp_path / "data" / "stack.mrcs"
    stack.parent.mkdir()
    with mrcfile.new(stack, np.zeros((6, 16, 16), np.float32)) as file:
        file.set_image_stack()
    ones = np.ones(6)
    ctf = CtfParameters(9000 * ones, 8000 * ones, 10 * ones, 0 * ones, 300 * ones, 2.7 * ones, 0.1 * ones, 0 * ones)
    particles = ParticleSet(
        (str(stack),),
        np.zeros(6, int),
        np.arange(6),
        np.stack([np.eye(3)] * 6),
        rng.normal(size=(6, 2)),
        1 + np.arange(6) % 2,
        ctf,
        16,
        2.0,
        np.arange(6),
    )
    write_particles(tmp_path / "data" / "particles.star", particles)
    return tmp_path / "data" / "particles.star"


@pytest.fixture
def gmm_file(tmp_path):
    write_gmm(tmp_path / "gmm.star", Gmm(np.array([[1.0, 2, 3], [-4, 5, 6]]), np.array([1.0, 0.5]), np.array([2.0, 3])))
    return tmp_path / "gmm.star"


def test_star_to_cs_and_back(particle_file, tmp_path, capsys):
    _run(export, particle_file, "--to", "all.cs", "-o", tmp_path / "out")
    _run(import_particles, tmp_path / "out" / "all.cs", "-o", tmp_path / "back")
    before, after = read_particles(particle_file), read_particles(tmp_path / "back" / "particles.star")
    assert after.shifts == pytest.approx(before.shifts, abs=1e-5)
    assert after.half_set.tolist() == before.half_set.tolist() and after.stacks == before.stacks
    assert "6 particles, half sets 3 and 3, box 16 px, 2 Å/px, 1 stacks" in capsys.readouterr().out
    record = json.loads((tmp_path / "back" / "run.json").read_text())
    assert record["command"] == "import" and record["results"]["half_sets"] == [3, 3]


def test_template_keeps_uids(test_data, tmp_path):
    source = test_data / "metadata" / "cryosparc_P12_J24_001_particles.cs"
    _run(import_particles, source, "-o", tmp_path / "star")
    _run(export, tmp_path / "star" / "particles.star", "--to", "p.cs", "--template", source, "-o", tmp_path / "cs")
    old, new = np.load(source), np.load(tmp_path / "cs" / "p.cs")
    assert (new["uid"] == old["uid"]).all()
    assert read_cs(tmp_path / "cs" / "p.cs").rotations == pytest.approx(read_cs(source).rotations, abs=1e-6)


@pytest.fixture
def cs_file(tmp_path):
    """particles.cs with places on a micrograph and dark molecules."""
    rows = particle_rows(4, POSES + PLACES)
    rows["blob/sign"] = -1
    return save_rows(tmp_path / "job" / "J4_particles.cs", rows)


def test_what_a_cs_file_says_survives_star_and_comes_back(cs_file, tmp_path, capsys):
    _run(import_particles, cs_file, "-o", tmp_path / "star")
    star = tmp_path / "star" / "particles.star"
    assert read_star(star)["particles"].integers("gmmContrastSign").tolist() == [-1] * 4
    assert read_star(star)["particles"].numbers("rlnCoordinateY").tolist() == [300] * 4
    _run(export, star, "--to", "p.cs", "-o", tmp_path / "cs")
    _run(export, star, "--to", "q.cs", "--template", cs_file, "-o", tmp_path / "cs")
    old = np.load(cs_file)
    for name in ("p.cs", "q.cs"):
        new = np.load(tmp_path / "cs" / name)
        for field in ("uid", "blob/sign", "location/center_y_frac", "location/micrograph_shape", "alignments3D/split"):
            assert new[field].tolist() == old[field].tolist()
        assert (tmp_path / "cs" / name).with_suffix(".csg").is_file()
    assert capsys.readouterr().out.count("center_y_frac is taken from the micrograph's first row, as RELION counts") == 2
    record = json.loads((tmp_path / "star" / "run.json").read_text())
    assert "a molecule dark in the image, for 4 of 4 particles" in record["results"]["notes"][0]
    _run(import_particles, tmp_path / "cs" / "p.csg", "-o", tmp_path / "again")
    assert read_star(tmp_path / "again" / "particles.star")["particles"].integers("gmmContrastSign").tolist() == [-1] * 4


def test_y_is_flipped_where_it_is_asked_for(cs_file, tmp_path, capsys):
    _run(import_particles, cs_file, "--flip-coordinate-y", "-o", tmp_path / "star")
    star = tmp_path / "star" / "particles.star"
    assert read_star(star)["particles"].numbers("rlnCoordinateY").tolist() == [100] * 4
    assert "from the micrograph's last row, as pyem counts it" in capsys.readouterr().out
    _run(export, star, "--to", "p.cs", "--flip-coordinate-y", "-o", tmp_path / "cs")
    assert np.load(tmp_path / "cs" / "p.cs")["location/center_y_frac"].tolist() == [0.75] * 4
    _run(export, cs_file, "--to", "p.star", "--flip-coordinate-y", "-o", tmp_path / "cs")
    assert read_star(tmp_path / "cs" / "p.star")["particles"].numbers("rlnCoordinateY").tolist() == [100] * 4


def test_a_class_is_chosen(tmp_path):
    fields = [(f"alignments_class_{number}/{name.partition('/')[2]}", *form) for number in (0, 1) for name, *form in POSES]
    rows = particle_rows(2, fields)
    for number, shift in ((0, 5), (1, 7)):
        rows[f"alignments_class_{number}/shift"], rows[f"alignments_class_{number}/psize_A"] = shift, 1
    rows["alignments_class_0/class_posterior"], rows["alignments_class_1/class_posterior"] = [0.9, 0.2], [0.1, 0.8]
    path = save_rows(tmp_path / "J5_particles.cs", rows)
    _run(import_particles, path, "-o", tmp_path / "best")
    assert read_particles(tmp_path / "best" / "particles.star").shifts.tolist() == [[5, 5], [7, 7]]
    _run(import_particles, path, "--alignment-class", 1, "-o", tmp_path / "one")
    assert read_particles(tmp_path / "one" / "particles.star").shifts.tolist() == [[7, 7], [7, 7]]
    block = read_star(tmp_path / "one" / "particles.star")["particles"]
    assert block.integers("rlnClassNumber").tolist() == [1, 2]


def test_the_passthrough_file_is_found_or_given(tmp_path, capsys):
    rows = particle_rows(4)
    path = save_rows(tmp_path / "J4_particles.cs", without(rows, "ctf"))
    save_rows(tmp_path / "J4_passthrough_particles.cs", without(rows, "blob", "align"))
    _run(import_particles, path, "-o", tmp_path / "found")
    assert "fields of ctf are taken from J4_passthrough_particles.cs beside it" in capsys.readouterr().out
    given = save_rows(tmp_path / "given" / "p.cs", without(rows, "blob", "align"))
    _run(import_particles, path, "--passthrough", given, "-o", tmp_path / "star")
    assert read_particles(tmp_path / "star" / "particles.star").ctf.defocus_u.tolist() == [12000, 12010, 12020, 12030]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--alignment-class", "0"], "--alignment-class is for cryoSPARC's .cs files"),
        (["--flip-coordinate-y"], "--flip-coordinate-y is for cryoSPARC's .cs files"),
        (["--passthrough", __file__], "--passthrough is for cryoSPARC's .cs files"),
        (["--passthrough", "x.cs"], "--passthrough x.cs: cannot be read"),
        (["--alignment-class", "-2"], "--alignment-class -2: expected at least 0"),
    ],
)
def test_options_of_cs_files_are_refused_with_others(particle_file, tmp_path, arguments, words):
    with pytest.raises(InputError) as caught:
        _run(import_particles, particle_file, *arguments, "-o", tmp_path / "out")
    assert words in str(caught.value) and not (tmp_path / "out").exists()


def test_the_group_of_an_input_is_not_overwritten(cs_file, tmp_path):
    _run(export, cs_file, "--to", "p.cs", "-o", tmp_path / "cs")
    with pytest.raises(InputError, match="p.csg would be overwritten"):
        _run(export, tmp_path / "cs" / "p.csg", "--to", "p.cs", "-o", tmp_path / "cs")


def test_missing_stacks_and_notes_are_told(test_data, tmp_path, capsys):
    _run(import_particles, test_data / "metadata" / "relion5.star", "-o", tmp_path)
    out = capsys.readouterr().out
    assert "note: 2 of 2 image stacks are missing" in out and "corrected for beam tilt (opticsGroup1)" in out
    assert "in one file" not in out


def test_several_grids_are_told(test_data, tmp_path, capsys):
    _run(import_particles, test_data / "metadata" / "relion31.6opticsgroups.star", "-o", tmp_path)
    out = capsys.readouterr().out
    assert "box 196 px, 1.25 Å/px" in out and "note: images of 196 px of 1.24 Å, 196 px of 1.25 Å in one file" in out
    assert "--target-pixel-size or --target-box names another" in out


def test_full_paths_when_asked(particle_file, tmp_path):
    for options, name in (((), "000001@stack.mrcs"), (("--full-paths",), f"000001@{tmp_path / 'data' / 'stack.mrcs'}")):
        _run(import_particles, particle_file, *options, "-o", tmp_path / "data" / "out")
        written = tmp_path / "data" / "out" / "particles.star"
        assert read_star(written)["particles"].strings("rlnImageName")[0] == name
        assert read_particles(written).stacks == (str(tmp_path / "data" / "stack.mrcs"),)


def test_names_that_the_terminal_cannot_show(particle_file, tmp_path, capfd):
    """Latin-1 names of stacks end in a line, not in a traceback."""
    odd = particle_file.with_name("odd.star")
    odd.write_bytes(particle_file.read_bytes().replace(b"stack.mrcs", b"gr\xf6\xdfe.mrcs"))
    assert main(["import", str(odd), "-o", str(tmp_path / "out")]) == 0
    assert "1 of 1 image stacks are missing, first " in capfd.readouterr().out
    assert main(["reconstruct", str(odd), "-o", str(tmp_path / "maps")]) == 1
    assert "image stack of 000001@gr\\udcf6\\udcdfe.mrcs not found" in capfd.readouterr().err


def test_eman2_gmm_both_ways(gmm_file, tmp_path):
    grid = ("--box", 64, "--pixel-size", 1.5)
    _run(export, gmm_file, "--to", "gmm.txt", *grid, "-o", tmp_path / "eman2")
    _run(import_particles, tmp_path / "eman2" / "gmm.txt", *grid, "-o", tmp_path / "back")
    assert read_gmm(tmp_path / "back" / "gmm.star").centers == pytest.approx(read_gmm(gmm_file).centers, rel=1e-6)
    with pytest.raises(InputError, match=r"gmm.txt: .* give --box \(px\) and --pixel-size"):
        _run(import_particles, tmp_path / "eman2" / "gmm.txt", "-o", tmp_path / "back")


def test_pseudo_atoms_take_the_grid_of_the_map(gmm_file, tmp_path):
    write_map(tmp_path / "map.mrc", np.zeros((32, 32, 32), np.float32), 2.0, (10, 10, 10))
    _run(export, gmm_file, "--to", "gmm.pdb", "--map", tmp_path / "map.mrc", "-o", tmp_path / "out")
    first = (tmp_path / "out" / "gmm.pdb").read_text().splitlines()
    atom = next(line for line in first if line.startswith("HETATM"))
    assert [float(atom[start : start + 8]) for start in (30, 38, 46)] == [43.0, 44.0, 45.0]
    _run(export, gmm_file, "--to", "same.star", "-o", tmp_path / "out")
    assert read_star(tmp_path / "out" / "same.star")["gmm"].numbers("gmmX").tolist() == [1, -4]


@pytest.mark.parametrize(
    "kind, arguments, words",
    [
        ("gmm", ["--to", "gmm.pdb"], "needs the grid of the GMM's map"),
        ("gmm", ["--to", "gmm.xyz"], "a GMM can be written as .pdb, .cif, .txt, .star"),
        ("gmm", ["--to", "a.star", "--template", "x.cs"], "--template is for particles"),
        ("gmm", ["--to", "a.star", "--flip-coordinate-y"], "and so is --flip-coordinate-y"),
        ("particles", ["--to", "p.star", "--flip-coordinate-y"], "--flip-coordinate-y is for .cs files"),
        (
            "particles",
            ["--to", "p.cs", "--template", "x.cs", "--flip-coordinate-y"],
            "places are kept as the template has them",
        ),
        ("particles", ["--to", "p.pdb"], "particles can be written as .cs, .star"),
        ("particles", ["--to", "p.star", "--template", "x.cs"], "--template is for .cs files"),
        ("particles", ["--to", "p.star", "--box", "3"], "are for GMMs"),
    ],
)
def test_options_that_do_not_fit(particle_file, gmm_file, tmp_path, kind, arguments, words):
    source = gmm_file if kind == "gmm" else particle_file
    with pytest.raises(InputError) as caught:
        _run(export, source, *arguments, "-o", tmp_path / "out")
    assert words in str(caught.value) and not (tmp_path / "out").exists()
