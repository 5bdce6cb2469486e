"""Aberrations of RELION and cryoSPARC mean the same phases, evaluated from the definitions of both programs."""

from dataclasses import replace

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_aberrations import (
    aberrations_of_table,
    columns_as_text,
    cryosparc_from_relion,
    relion_from_cryosparc,
)
from gmmrefine.io.particle_table import ParticleTable
from gmmrefine.io.star import StarBlock, text_columns
from gmmrefine.particles.particle_set import CtfParameters

KX, KY = np.random.default_rng(5).uniform(-0.3, 0.3, (2, 50))  # 1/Å
K, THETA = np.hypot(KX, KY), np.arctan2(KY, KX)
LAMBDA = 12.2643247 / np.sqrt(300e3 * (1 + 300e3 * 0.978466e-6))
CS = 2.7e7  # Å
ODD = [(-1, 1), (1, 1), (-3, 3), (-1, 3), (1, 3), (3, 3)]  # RELION's (m, n) by index
EVEN = [(0, 0), (-2, 2), (0, 2), (2, 2), (-4, 4), (-2, 4), (0, 4), (2, 4), (4, 4)]
RADIAL = {
    (0, 0): lambda r: 1 + 0 * r,
    (1, 1): lambda r: r,
    (3, 3): lambda r: r**3,
    (1, 3): lambda r: 3 * r**3 - 2 * r,
    (2, 2): lambda r: r**2,
    (0, 2): lambda r: 2 * r**2 - 1,
    (4, 4): lambda r: r**4,
    (2, 4): lambda r: 4 * r**4 - 3 * r**2,
    (0, 4): lambda r: 6 * r**4 - 6 * r**2 + 1,
}


def zernike(coefficients, indices):
    """Sum of RELION's polynomials at K, THETA."""
    return sum(
        value * RADIAL[abs(m), n](K) * (np.cos(m * THETA) if m >= 0 else np.sin(-m * THETA))
        for value, (m, n) in zip(coefficients, indices)
    )


def relion_phase(odd, tilt_mrad):
    tilt = 1e-3 * np.asarray(tilt_mrad)
    return zernike(odd, ODD) - 2 * np.pi * CS * LAMBDA**2 * K**2 * (KX * tilt[0] + KY * tilt[1])


def cryosparc_phase(fields):
    shift, tilt, trefoil = (fields[f"ctf/{name}_A"][0] for name in ("shift", "tilt", "trefoil"))
    return (
        -2 * np.pi * (KX * shift[0] + KY * shift[1])
        - 2 * np.pi * LAMBDA**2 * K**2 * (KX * tilt[0] + KY * tilt[1])
        - 2 * np.pi / 3 * LAMBDA**2 * K**3 * (trefoil[0] * np.cos(3 * THETA) + trefoil[1] * np.sin(3 * THETA))
    )


def gamma(ctf):
    """The phase of RELION's CTF, −sin γ, without amplitude contrast."""
    u, v, angle = ctf.defocus_u[0], ctf.defocus_v[0], np.radians(ctf.defocus_angle[0])
    defocus = (u + v) / 2 + (u - v) / 2 * np.cos(2 * (THETA - angle))
    return (
        -np.pi * LAMBDA * defocus * K**2
        + np.pi / 2 * ctf.cs_mm[0] * 1e7 * LAMBDA**3 * K**4
        - np.radians(ctf.phase_shift_deg[0])
    )


def cryosparc_gamma(ctf, tetra):
    wave = np.array([np.cos(2 * THETA), np.sin(2 * THETA), np.cos(4 * THETA) / 4, np.sin(4 * THETA) / 4])
    return gamma(ctf) + 2 * np.pi * LAMBDA**3 * K**4 * (tetra @ wave)


@pytest.fixture
def ctf():
    one = np.ones(1)
    return CtfParameters(12000 * one, 11000 * one, 30 * one, 10 * one, 300 * one, 2.7 * one, 0.1 * one, 0 * one)


def test_odd_terms_of_relion_in_cryosparc(ctf, rng):
    odd, tilt = rng.normal(size=(1, 6)), [0.4, -0.2]
    fields, same = cryosparc_from_relion(
        {"rlnOddZernike": odd, "rlnBeamTiltX": np.array(tilt[:1]), "rlnBeamTiltY": np.array(tilt[1:])}, ctf
    )
    assert np.ptp(relion_phase(odd[0], tilt)) > 1
    assert cryosparc_phase(fields) == pytest.approx(relion_phase(odd[0], tilt), abs=1e-9)
    assert same is ctf and not fields["ctf/anisomag"].any() and not fields["ctf/tetra_A"].any()


def test_even_terms_of_relion_in_cryosparc(ctf, rng):
    even = rng.normal(size=(1, 9))
    fields, changed = cryosparc_from_relion({"rlnEvenZernike": even}, ctf)
    expected = gamma(ctf) + zernike(even[0], EVEN)
    assert np.abs(expected - gamma(ctf)).max() > 1
    assert cryosparc_gamma(changed, fields["ctf/tetra_A"][0]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("cs_mm", [2.7, 0.0])
def test_cryosparc_in_relion(ctf, rng, cs_mm):
    fields = {
        "ctf/tilt_A": rng.normal(size=(1, 2)) * 1e4,
        "ctf/trefoil_A": rng.normal(size=(1, 2)) * 1e4,
        "ctf/tetra_A": rng.normal(size=(1, 4)) * 1e6,
        "ctf/shift_A": rng.normal(size=(1, 2)),
    }
    columns = relion_from_cryosparc(fields, np.array([300.0]), np.array([cs_mm]))
    tilt = [columns[f"rlnBeamTilt{axis}"][0] if cs_mm else 0 for axis in "XY"]
    assert relion_phase(columns["rlnOddZernike"][0], tilt) == pytest.approx(cryosparc_phase(fields), abs=1e-9)
    assert ("rlnBeamTiltX" in columns) == (cs_mm > 0) and "rlnMagMat00" not in columns
    gained = zernike(columns["rlnEvenZernike"][0], EVEN)
    assert np.ptp(gained) > 1
    assert gamma(ctf) + gained == pytest.approx(cryosparc_gamma(ctf, fields["ctf/tetra_A"][0]), abs=1e-9)


def test_beam_tilt_is_the_tilt_divided_by_cs():
    columns = relion_from_cryosparc({"ctf/tilt_A": np.array([[10800.0, -5400.0]])}, np.array([300.0]), np.array([2.7]))
    assert (columns["rlnBeamTiltX"][0], columns["rlnBeamTiltY"][0]) == pytest.approx((0.4, -0.2))
    assert set(columns) == {"rlnBeamTiltX", "rlnBeamTiltY"}


def test_magnification_is_kept_without_the_identity(ctf):
    distorted = {"ctf/anisomag": np.array([[0.01, 0.002, 0.003, -0.01]])}
    columns = relion_from_cryosparc(distorted, np.array([300.0]), np.array([2.7]))
    matrix = [columns[f"rlnMagMat{index}"][0] for index in ("00", "01", "10", "11")]
    assert matrix == pytest.approx([1.01, 0.002, 0.003, 0.99])
    assert cryosparc_from_relion(columns, ctf)[0]["ctf/anisomag"] == pytest.approx(distorted["ctf/anisomag"])


def table_with(optics, groups):
    """A table of optics groups with some columns, and of particles in these groups."""
    number = np.arange(1, 1 + len(next(iter(optics.values()))))
    return ParticleTable(
        StarBlock("optics", {**text_columns({"rlnOpticsGroup": number}), **optics}, source="x.star"),
        StarBlock("particles", text_columns({"rlnOpticsGroup": np.array(groups)}), source="x.star"),
        source="x.star",
    )


def test_there_and_back_through_text(ctf, rng):
    fields = {
        "ctf/tilt_A": rng.normal(size=(2, 2)) * 1e3,
        "ctf/trefoil_A": rng.normal(size=(2, 2)) * 1e3,
        "ctf/tetra_A": rng.normal(size=(2, 4)) * 1e5,
        "ctf/anisomag": rng.normal(size=(2, 4)) * 1e-2,
        "ctf/shift_A": rng.normal(size=(2, 2)),
    }
    text = columns_as_text(relion_from_cryosparc(fields, np.full(2, 300.0), np.full(2, 2.7)))
    table = table_with(text, (2, 1, 2))
    particles = replace(ctf, **{name: np.repeat(getattr(ctf, name), 3) for name in ctf.__dataclass_fields__})
    columns = aberrations_of_table(table, np.arange(3))
    again, same = cryosparc_from_relion(columns, particles)
    for name, values in fields.items():
        assert again[name] == pytest.approx(values[[1, 0, 1]], rel=1e-6, abs=1e-9)
    assert same.defocus_u == pytest.approx(particles.defocus_u) and same.cs_mm == pytest.approx(particles.cs_mm)


@pytest.mark.parametrize(
    "label, text, words",
    [
        ("rlnOddZernike", "[0,0,0,0,0,0,0.5]", "rlnOddZernike has 7 terms, but cryoSPARC's files only hold the first 6"),
        ("rlnEvenZernike", "[0,0,0,0,0,0,0,0,0,1]", "rlnEvenZernike has 10 terms"),
        ("rlnEvenZernike", "[0,a]", "rlnEvenZernike is '[0,a]'; expected a list of numbers"),
    ],
)
def test_what_cannot_be_written_is_refused(label, text, words):
    table = table_with(text_columns({label: [text]}), (1, 1))
    with pytest.raises(InputError) as caught:
        aberrations_of_table(table, np.zeros(2, int))
    assert words in str(caught.value) and "x.star" in str(caught.value)


def test_terms_beyond_that_are_zero_do_no_harm():
    table = table_with(text_columns({"rlnOddZernike": ["[1,2,3,4,5,6,0,0]"]}), (1,))
    assert aberrations_of_table(table, np.zeros(1, int))["rlnOddZernike"].tolist() == [[1, 2, 3, 4, 5, 6]]
