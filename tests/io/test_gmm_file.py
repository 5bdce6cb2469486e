"""GMM files: ours exactly, other programs' by their own formulas."""

import gemmi
import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.gmm_file import read_gmm, read_gmm_eman2, write_gmm, write_gmm_atoms, write_gmm_eman2

BOX, PIXEL = 64, 1.5


@pytest.fixture
def gmm(rng):
    return Gmm(rng.normal(0, 15, (20, 3)), rng.uniform(0.5, 2, 20), rng.uniform(1, 3, 20))


def test_star_round_trip_is_exact(tmp_path, gmm):
    write_gmm(tmp_path / "gmm.star", gmm)
    again = read_gmm(tmp_path / "gmm.star")
    assert (again.centers == gmm.centers).all()
    assert (again.amplitudes == gmm.amplitudes).all() and (again.widths == gmm.widths).all()


def test_eman2_round_trip(tmp_path, gmm):
    write_gmm_eman2(tmp_path / "gmm.txt", gmm, BOX, PIXEL)
    again = read_gmm_eman2(tmp_path / "gmm.txt", BOX, PIXEL)
    assert again.centers == pytest.approx(gmm.centers, rel=1e-7)
    assert again.amplitudes == pytest.approx(gmm.amplitudes, rel=1e-7)
    assert again.widths == pytest.approx(gmm.widths, rel=1e-7)


def test_eman2_columns_give_the_transform_of_the_map(tmp_path):
    """EMAN2: amp² exp(-1e-3 sigma k²) at Fourier pixel k, y and z negated, in fractions of the box."""
    gmm = Gmm(np.array([[4.5, -9.0, 6.0]]), np.array([1.7]), np.array([3.0]))
    write_gmm_eman2(tmp_path / "gmm.txt", gmm, BOX, PIXEL)
    x, y, z, amp, sigma = np.loadtxt(tmp_path / "gmm.txt")
    axis = (np.arange(BOX) - BOX // 2) * PIXEL
    lines = [np.exp(-((axis - center) ** 2) / (2 * 3.0**2)) for center in gmm.centers[0]]
    transforms = [np.fft.fft(np.fft.ifftshift(line)) for line in lines]
    for k in (0, 3, 7):
        frequency = np.array([k, 0, 0])
        expected = 1.7 * np.prod([transform[index] for transform, index in zip(transforms, frequency)])
        place = np.array([x, -y, -z])
        phase = np.exp(-2j * np.pi * place @ frequency)
        assert amp**2 * np.exp(-1e-3 * sigma * k**2) * phase == pytest.approx(expected)


def test_negative_amplitudes_have_no_eman2_form(tmp_path, gmm):
    gmm.amplitudes[3] = -1
    with pytest.raises(InputError, match=r"1 of 20 Gaussians have negative amplitudes \(first: 4\)"):
        write_gmm_eman2(tmp_path / "gmm.txt", gmm, BOX, PIXEL)
    assert not (tmp_path / "gmm.txt").exists()


@pytest.mark.parametrize("suffix, coordinate, b_factor", [(".pdb", 1e-3, 0.01), (".cif", 1e-3, 0.01)])
def test_pseudo_atoms_lie_on_the_map(tmp_path, gmm, suffix, coordinate, b_factor):
    path = tmp_path / f"gmm{suffix}"
    write_gmm_atoms(path, gmm, BOX, PIXEL, (100.0, 0.0, -50.0))
    structure = gemmi.read_structure(str(path))  # its atoms live only as long as it does
    atoms = [site.atom for site in structure[0].all()]
    places = np.array([atom.pos.tolist() for atom in atoms])
    assert places == pytest.approx(gmm.centers + 48.0 + np.array([100.0, 0, -50]), abs=coordinate)
    assert [atom.b_iso for atom in atoms] == pytest.approx(8 * np.pi**2 * gmm.widths**2, abs=b_factor)
    assert [atom.occ for atom in atoms] == pytest.approx(gmm.amplitudes / gmm.amplitudes.max(), abs=0.006)


def test_pdb_refuses_what_it_cannot_hold(tmp_path):
    wide = Gmm(np.zeros((1, 3)), np.ones(1), np.full(1, 5.0))
    with pytest.raises(InputError, match=r"widest 5 Å; PDB format holds 99999 atoms up to 3.56 Å .* Write .cif"):
        write_gmm_atoms(tmp_path / "gmm.pdb", wide, BOX, PIXEL)
    write_gmm_atoms(tmp_path / "gmm.cif", wide, BOX, PIXEL)


@pytest.mark.parametrize(
    "text, words",
    [
        ("data_gmm\nloop_\n_gmmX\n_gmmY\n1 2\n", "column gmmZ, gmmAmplitude, gmmWidth is missing"),
        ("data_gmm\nloop_\n_gmmX\n_gmmY\n_gmmZ\n_gmmAmplitude\n_gmmWidth\n", "no Gaussians in it"),
        ("data_gmm\nloop_\n_gmmX\n_gmmY\n_gmmZ\n_gmmAmplitude\n_gmmWidth\n1 2 3 4 0\n", "row 1: gmmWidth is 0"),
    ],
)
def test_wrong_star(tmp_path, text, words):
    (tmp_path / "gmm.star").write_text(text)
    with pytest.raises(InputError) as caught:
        read_gmm(tmp_path / "gmm.star")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text, words",
    [("1 2 3\n", "1 rows of 3 numbers"), ("a b c d e\n", "not a GMM of EMAN2"), ("0 0 0 1 0\n", "row 1: sigma is 0")],
)
def test_wrong_eman2_text(tmp_path, text, words):
    (tmp_path / "gmm.txt").write_text(text)
    with pytest.raises(InputError) as caught:
        read_gmm_eman2(tmp_path / "gmm.txt", BOX, PIXEL)
    assert words in str(caught.value) and "gmm.txt" in str(caught.value)
