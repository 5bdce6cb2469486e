"""Maps with every header and value that programs leave, given to every command that reads a map: right, or one line."""

import bz2

import mrcfile
import numpy as np
import pytest
from model_maps import map_of_atoms
from small_run import assert_refused, gmmrefine, record

from gmmrefine.io.mrc import read_map

BOX, VOXEL = 32, 1.0
COMPLEX, BIG_ENDIAN = "complex", "big-endian"
PDB_ATOM = "ATOM  {0:5d}  CA  ALA A{0:4d}    {1:8.3f}{2:8.3f}{3:8.3f}  1.00 20.00           C\n"
COMMANDS = {
    "fsc": "{map} {good}",
    "local-resolution": "{map} {good}",
    "modify": "{good} {map}",
    "sharpen": "{map} --low-pass 4",
    "local-filter": "{good} --local-resolution {map}",
    "build": "{map} --resolution 6",
    "qscore": "{model} {map}",
    "audit": "{model} {good} {map}",
    "impose-symmetry": "{map} {good} --symmetry C2 --mask {good}",
    "composite": "{folder}",
    "export": "{gmm} --to gmm.txt --map {map}",
    "fsc --mask": "{good} {other} --mask {map}",
    "build --mask": "{good} --resolution 6 --mask {map}",
    "composite --background": "{whole} --background {folder}",
}


def write(path, data, **fields):
    """An MRC file of cubic voxels, some of its header's fields changed."""
    with mrcfile.new(path, data, overwrite=True) as file:
        file.set_volume()
        file.voxel_size = VOXEL
        for name, value in fields.items():
            file.header[name] = value
    return path


def changed(path, offset, values):
    """Overwrite a part of a file."""
    content = bytearray(path.read_bytes())
    content[offset : offset + len(values)] = values
    path.write_bytes(bytes(content))


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A folder with a model, its map, and the density (Z, Y, X) of that map."""
    folder, rng = tmp_path_factory.mktemp("headers"), np.random.default_rng(5)
    positions = np.round(rng.uniform(9, 22, (40, 3)), 3)
    text = "".join(PDB_ATOM.format(number + 1, *place) for number, place in enumerate(positions))
    (folder / "model.pdb").write_text(text + "END\n")
    data = map_of_atoms(positions, np.ones(40), ((BOX,) * 3, np.full(3, VOXEL), np.zeros(3)), 1.0).data
    data = (data + rng.normal(0, 0.02, data.shape)).astype(np.float32)
    for name, each in (("good.mrc", data), ("other.mrc", data + rng.normal(0, 0.02, data.shape).astype(np.float32))):
        write(folder / name, each)
    write(folder / "mask.mrc", (data > 0.1).astype(np.float32))
    (folder / "gmm.star").write_text("data_gmm\n\nloop_\n_gmmX\n_gmmY\n_gmmZ\n_gmmAmplitude\n_gmmWidth\n0 0 0 1 2\n")
    return folder, data


REFUSED = {
    "cell of 0": ({"cella": (0, 0, 0)}, "voxels are 0×0×0 Å; expected sides above 0"),
    "cell NaN": ({"cella": (32, np.nan, 32)}, "voxels are 1×nan×1 Å"),
    "cell infinite": ({"cella": (np.inf, 32, 32)}, "voxels are inf×1×1 Å"),
    "cell negative": ({"cella": (-32, 32, 32)}, "voxels are -1×1×1 Å"),
    "cell tiny": ({"cella": (1e-30, 1e-30, 1e-30)}, "expected sides above 0, from 0.01"),
    "40 by 1": ({"cella": (32, 32, 1280)}, "voxels are 1×1×40 Å; expected"),
    "origin NaN": ({"origin": (np.nan, 0, 0)}, "ORIGIN in its header is nan 0 0; expected finite"),
    "origin infinite": ({"origin": (0, -np.inf, 0)}, "ORIGIN in its header is 0 -inf 0"),
    "origin far away": ({"origin": (0, 3e30, 0)}, "ORIGIN in its header puts the first voxel at 0 3e+30 0 Å"),
    "start far away": ({"nxstart": -(2**31)}, "NXSTART NYSTART NZSTART in its header puts the first voxel at -2.14748e+09"),
    "slanted": ({"cellb": (90, 90, 120)}, "axes stand at 90×90×120 degrees"),
    "angle NaN": ({"cellb": (90, np.nan, 90)}, "axes stand at 90×nan×90 degrees"),
    "axes twice": ({"mapc": 1, "mapr": 1}, "axes (MAPC MAPR MAPS) are 1 1 3; expected 1, 2 and 3"),
    "columns negative": ({"nx": -32}, "not a readable MRC map (NX NY NZ and MODE in its header are -32 32 32 2)"),
    "rows of 0": ({"ny": 0}, "not a readable MRC map (NX NY NZ and MODE in its header are 32 0 32 2)"),
    "sections too many": ({"nz": 60000}, "not a readable MRC map (cut off: its header tells of 245760000 bytes"),
    "sections too few": ({"nz": 20}, "its header tells of 81920 bytes of density, found are more"),
    "extended header negative": ({"nsymbt": -80}, "not a readable MRC map (its extended header has -80 bytes)"),
    "mode unknown": ({"mode": 77}, "not a readable MRC map (NX NY NZ and MODE in its header are 32 32 32 77)"),
    "mode 4": ({"mode": 4}, "MRC mode 4 (complex numbers, a Fourier transform) is no density"),
    "mode 3": ({"mode": 3}, "MRC mode 3 (complex numbers"),
    "mode 101": ({"mode": 101}, "MRC mode 101 (4-bit numbers)"),
    "stack of volumes": ({"ispg": 401, "mz": 16}, "a stack of 2 volumes (ISPG 401)"),
}
VALUES = {
    "one voxel NaN": (np.nan, "1 of 32768 voxels are not finite numbers"),
    "one voxel infinite": (-np.inf, "1 of 32768 voxels are not finite numbers"),
    "one voxel of 5e37": (5e37, "its values reach 5e+37, but only 1 of 32768 voxels has more than a 10000th"),
    "one voxel of 1e9": (-1e9, "its values reach 1e+09, but only 1 of 32768 voxels has"),
}


def run_with(folder, output, command, path):
    """One command on a map in place of, or beside, the good one."""
    good, other = folder / "good.mrc", folder / "other.mrc"
    for name, maps in (("part", (path, good, path)), ("whole", (good, other, folder / "mask.mrc"))):
        (output / name).mkdir()
        for target, source in zip(("half_map_1.mrc", "half_map_2.mrc", "focus_mask.mrc"), maps):
            (output / name / target).write_bytes(source.read_bytes())
    places = {
        "map": path,
        "good": good,
        "other": other,
        "model": folder / "model.pdb",
        "gmm": folder / "gmm.star",
        "folder": output / "part",
        "whole": output / "whole",
    }
    name = command.split()[0]
    options = COMMANDS[command].format(**places).split()
    return gmmrefine(name, *options, "-o", output / "run")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("variant", REFUSED)
def test_headers_that_cannot_be_right(case, tmp_path, command, variant):
    folder, data = case
    fields, words = REFUSED[variant]
    outcome = run_with(folder, tmp_path, command, write(tmp_path / "odd.mrc", data, **fields))
    assert_refused(outcome, command.split()[0], words)
    assert not list((tmp_path / "run").glob("*.mrc")) and not (tmp_path / "run" / "fsc.star").exists()


@pytest.mark.filterwarnings("ignore:Data array contains")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("variant", VALUES)
def test_values_that_cannot_be_right(case, tmp_path, command, variant):
    folder, data = case
    value, words = VALUES[variant]
    broken = data.copy()
    broken[3, 4, 5] = value
    assert_refused(run_with(folder, tmp_path, command, write(tmp_path / "odd.mrc", broken)), command.split()[0], words)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("part", (0, 500, 1024, 60000))
def test_a_map_that_is_cut_off(case, tmp_path, command, part):
    folder, _ = case
    (tmp_path / "odd.mrc").write_bytes((folder / "good.mrc").read_bytes()[:part])
    outcome = run_with(folder, tmp_path, command, tmp_path / "odd.mrc")
    assert_refused(outcome, command.split()[0], ".mrc: not a readable MRC map (")


def unsigned_by_imod(path, data):
    """Bytes from 0 to 255, with the stamp of IMOD and its flag for signed ones off."""
    low, high = data.min(), data.max()
    write(path, np.round(255 * (data - low) / (high - low)).astype(np.uint8).view(np.int8))
    changed(path, 152, b"IMOD\0\0\0\0")


def big_endian(path, data):
    """Header and numbers with the other byte order."""
    write(path, data.astype(">f4"))
    assert path.read_bytes()[212] == 0x11


def without_machine_stamp(path, data):
    """Big-endian, and the stamp that says so is empty."""
    big_endian(path, data)
    changed(path, 212, bytes(4))


def packed(path, data):
    """By bzip2."""
    write(path, data)
    path.write_bytes(bz2.compress(path.read_bytes()))


def turned_axes(path, data):
    """Columns along z, rows along x, sections along y."""
    write(path, np.transpose(data, (1, 2, 0)), mapc=3, mapr=1, maps=2)


def with_fields(**fields):
    """A header that is read right although some fields are not as they should be."""
    return lambda path, data: write(path, data, **fields)


RIGHT = {
    "MX MY MZ of 0": with_fields(mx=0, my=0, mz=0),
    "MY negative": with_fields(my=-32),
    "ISPG 0 with MZ 1": with_fields(ispg=0, mz=1),
    "a stack of images": with_fields(ispg=0, mz=1, cella=(32, 32, 1)),
    "axes not filled in": with_fields(mapc=0, mapr=0, maps=0),
    "angles not filled in": with_fields(cellb=(0, 0, 0)),
    "statistics NaN": with_fields(dmin=np.nan, dmax=np.nan, dmean=np.nan, rms=np.nan),
    "no label MAP": with_fields(map=b"    "),
    "unsigned by IMOD's flag": unsigned_by_imod,
    "big-endian": big_endian,
    "no machine stamp": without_machine_stamp,
    "packed": packed,
    "axes in another order": turned_axes,
}


@pytest.mark.parametrize("variant", RIGHT)
def test_headers_that_are_read_right(case, tmp_path, variant):
    data = case[1]
    RIGHT[variant](tmp_path / "odd.mrc", data)
    volume = read_map(tmp_path / "odd.mrc")
    assert volume.voxel_size == pytest.approx(1.0) and volume.origin.tolist() == [0, 0, 0] and volume.data.flags.writeable
    assert np.corrcoef(volume.data.ravel(), data.ravel())[0, 1] > 0.999


def test_scores_of_odd_headers_are_those_of_the_good_one(case, tmp_path):
    folder, data = case
    expected = scored(folder / "model.pdb", folder / "good.mrc", tmp_path / "good")
    assert expected > 0.85
    for number, variant in enumerate(RIGHT):
        RIGHT[variant](tmp_path / "odd.mrc", data)
        assert scored(folder / "model.pdb", tmp_path / "odd.mrc", tmp_path / str(number)) == pytest.approx(expected, abs=2e-3)


def scored(model, path, output):
    """Mean Q of a model in a map."""
    outcome = gmmrefine("qscore", model, path, "-o", output)
    assert outcome.code == 0, outcome.err
    return record(output)["results"]["mean_q"]


def test_inverted_contrast_is_named(case, tmp_path):
    folder, data = case
    write(tmp_path / "dark.mrc", -data)
    outcome = gmmrefine("qscore", folder / "model.pdb", tmp_path / "dark.mrc", "-o", tmp_path / "run")
    assert outcome.code == 0 and outcome.out.count("the contrast looks inverted") == 1
    assert "does not sit on the peaks" not in outcome.out
    assert record(tmp_path / "run")["results"]["contrast_looks_inverted"] is True
    bright = gmmrefine("qscore", folder / "model.pdb", folder / "good.mrc", "-o", tmp_path / "bright")
    assert "inverted" not in bright.out
