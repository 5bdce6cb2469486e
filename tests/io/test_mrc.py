"""Maps come in with known axes, size and place, or not at all."""

import gzip
import os
import resource

import mrcfile
import numpy as np
import pytest

from gmmrefine.errors import InputError, ResourceError
from gmmrefine.io.mrc import read_grid, read_map, read_mask, write_map


@pytest.fixture
def density(rng):
    return rng.normal(size=(6, 6, 6)).astype(np.float32)


def test_round_trip(tmp_path, density):
    write_map(tmp_path / "map.mrc", density, 1.3, (10.0, -20.0, 5.5))
    volume = read_map(tmp_path / "map.mrc")
    assert volume.data.dtype == np.float32 and (volume.data == density).all()
    assert volume.voxel_size == pytest.approx(1.3, rel=1e-6)
    assert volume.origin.tolist() == [10, -20, 5.5]
    assert mrcfile.validate(tmp_path / "map.mrc")


def test_two_writes_are_byte_equal_and_undated(tmp_path, density):
    for name in ("a.mrc", "b.mrc"):
        write_map(tmp_path / name, density, 1.0)
    first = (tmp_path / "a.mrc").read_bytes()
    assert first == (tmp_path / "b.mrc").read_bytes()
    assert b"mrcfile" not in first[:1024] and first[224:304].strip(b"\0 ") == b"gmmrefine"


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)], ids=str)
def test_axes_are_put_in_order(tmp_path, rng, order):
    """``order`` is MAPC, MAPR, MAPS: the axis (1 = x) along columns, rows, sections."""
    density = rng.normal(size=(4, 4, 4)).astype(np.float32)
    stored = np.transpose(density, [3 - axis for axis in order[::-1]])
    with mrcfile.new(tmp_path / "map.mrc", stored) as file:
        file.voxel_size = 2.0
        file.header.mapc, file.header.mapr, file.header.maps = order
        file.header.nxstart, file.header.nystart, file.header.nzstart = order
    volume = read_map(tmp_path / "map.mrc")
    assert (volume.data == density).all()
    assert volume.origin.tolist() == [2, 4, 6]


def test_mode_0_is_signed(tmp_path):
    data = np.array([-3, 5], np.int8).repeat(4).reshape(2, 2, 2)
    with mrcfile.new(tmp_path / "map.mrc", data) as file:
        file.voxel_size = 1
    assert read_map(tmp_path / "map.mrc").data.ravel()[[0, -1]].tolist() == [-3, 5]


def _map(path, data, voxel=1.0):
    with mrcfile.new(path, np.asarray(data, np.float32), overwrite=True) as file:
        file.voxel_size = voxel
    return path


@pytest.mark.parametrize("suffix", ("", ".gz"))
def test_mode_0_is_unsigned_where_the_stamp_of_imod_says_so(tmp_path, suffix):
    data = np.array([0, 1, 127, 128, 255, 7, 8, 9], np.uint8).reshape(2, 2, 2)
    for flags, expected in ((0, data), (1, data.view(np.int8))):
        path = tmp_path / f"{flags}.mrc"
        with mrcfile.new(path, data.view(np.int8)) as file:
            file.voxel_size = 1.0
        with open(path, "r+b") as file:
            file.seek(152)
            file.write(b"IMOD" + bytes([flags, 0, 0, 0]))
        if suffix:
            path = path.with_name(path.name + suffix)
            path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
        assert np.array_equal(read_map(path).data, expected)


@pytest.mark.filterwarnings("ignore:Data array contains")
def test_unusable_maps(tmp_path, density):
    path = tmp_path / "map.mrc"
    broken = density.copy()
    broken[1, 2, 3] = np.nan
    cases = [
        (_map, (density[:4],), "map.mrc has 6×6×4 voxels; expected a cube"),
        (_map, (density[0],), "6×6 is not a volume"),
        (_map, (broken,), "1 of 216 voxels are not finite"),
        (_map, (density, (1, 1, 1.1)), "voxels are 1×1×1.1 Å; expected equal sides"),
        (_map, (density, 0), "voxels are 0×0×0 Å"),
    ]
    for make, arguments, words in cases:
        make(path, *arguments)
        with pytest.raises(InputError) as caught:
            read_map(path)
        assert words in str(caught.value)
    _map(path, density)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="not a readable MRC map"):
        read_map(path)
    with pytest.raises(InputError, match="no such file"):
        read_map(tmp_path / "none.mrc")


def test_a_grid_may_have_unequal_sides(test_data):
    path = test_data / "qscore" / "390_emd_30342_A_z4.mrc"
    grid = read_grid(path)
    assert grid.data.shape == (63, 81, 89)
    assert grid.voxel_sizes == pytest.approx([1.113] * 3, abs=1e-3)
    assert grid.origin == pytest.approx([145.825, 112.825, 120.517], abs=1e-3)
    assert grid.last == pytest.approx(grid.origin + 1.113 * np.array([88, 80, 62]), abs=1e-3)
    with pytest.raises(InputError, match="expected a cube"):
        read_map(path)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)], ids=str)
def test_axes_of_a_grid_with_unequal_sides(tmp_path, rng, order):
    """``order`` is MAPC, MAPR, MAPS; the header's cell is along x, y, z, its nstart along columns, rows, sections."""
    density = rng.normal(size=(4, 5, 6)).astype(np.float32)
    stored = np.transpose(density, [3 - axis for axis in order[::-1]])
    with mrcfile.new(tmp_path / "map.mrc", stored) as file:
        file.header.mx, file.header.my, file.header.mz = 6, 5, 4
        file.header.cella = (6 * 1.0, 5 * 1.5, 4 * 2.0)
        file.header.mapc, file.header.mapr, file.header.maps = order
        file.header.nxstart, file.header.nystart, file.header.nzstart = order
    grid = read_grid(tmp_path / "map.mrc")
    assert (grid.data == density).all() and grid.voxel_sizes == pytest.approx([1, 1.5, 2])
    assert grid.origin == pytest.approx([1, 2 * 1.5, 3 * 2])


def test_slanted_axes_are_refused(tmp_path, density):
    with mrcfile.new(tmp_path / "map.mrc", density) as file:
        file.voxel_size = 1
        file.header.cellb = (90, 110, 90)
    with pytest.raises(InputError, match="axes stand at 90×110×90 degrees; expected right angles"):
        read_grid(tmp_path / "map.mrc")


def test_gzipped_maps(tmp_path, density):
    path = tmp_path / "map.mrc.gz"
    write_map(tmp_path / "map.mrc", density, 1.0)
    path.write_bytes(gzip.compress((tmp_path / "map.mrc").read_bytes()))
    assert (read_map(path).data == density).all()
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="not a readable MRC map"):
        read_map(path)


def test_mask(tmp_path):
    mask = np.zeros((8, 8, 8), np.float32)
    mask[2:6, 2:6, 2:6] = 1
    path = tmp_path / "mask.mrc"
    write_map(path, mask, 1.5)
    assert (read_mask(path, 8, 1.5) == mask).all()
    with pytest.raises(InputError, match="mask.mrc is 8×8×8 but the box is 10"):
        read_mask(path, 10, 1.5)
    with pytest.raises(InputError, match="voxels of the mask are 1.5 Å but the pixel size is 2 Å"):
        read_mask(path, 8, 2.0)
    for data, words in ((mask * 0, "the mask is empty"), (mask * 3, "run from 0 to 3; expected 0 to 1")):
        write_map(path, data, 1.5)
        with pytest.raises(InputError, match=words):
            read_mask(path, 8, 1.5)


def test_a_write_that_the_system_cuts_off_leaves_nothing(tmp_path):
    """The kernel refuses bytes beyond the limit, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, before[1]))
    try:
        with pytest.raises(ResourceError, match="map.mrc: cannot be written"):
            write_map(tmp_path / "map.mrc", np.zeros((64, 64, 64), np.float32), 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == []
