"""Optical aberrations of cryoSPARC and of RELION: one form from the other, in both directions.

RELION gives an image the phase exp(i p) and its CTF, −sin γ, an offset of γ; both are sums of Zernike polynomials of the
frequency k in 1/Å (``Zernike::oddIndexToMN``, ``evenIndexToMN``, ``ObservationModel::getPhaseCorrection``, ``getGammaOffset``),
and a beam tilt t in mrad adds −2π Cs λ² k² (k·t) to p (``TiltHelper::insertTilt``). cryoSPARC keeps lengths, in the notation of
wave aberrations (Typke & Dierksen, Optik 99, 155–166, 1995), with θ from the x axis::

    p = −2π k·shift − 2π λ² k² (k·tilt) − (2π/3) λ² k³ (trefoil₀ cos 3θ + trefoil₁ sin 3θ)
    γ = … + 2π λ³ k⁴ (tetra₀ cos 2θ + tetra₁ sin 2θ) + (π/2) λ³ k⁴ (tetra₂ cos 4θ + tetra₃ sin 4θ)

Sources. tilt = Cs × beam tilt: pyem (``cryosparc_2_cs_ctf_parameters``), and a thread of cryoSPARC's forum on the values of
beam tilt. Order, prefactors and signs within trefoil, tetra and shift: ``specter.io`` (joelyeois/specter), derived from
cryoSPARC's own code and compared with its simulator. anisomag is RELION's magnification matrix without the identity: zeros in
files without distortion, and specter. The sign between the odd terms of the two programs is pyem's; specter's reading has tilt
and trefoil the other way round, and no images were at hand to decide between them.
"""

from dataclasses import replace
from typing import Dict, Mapping, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.optics_columns import EVEN, MAGNIFICATION, NEGLIGIBLE, ODD, TILT, list_text, lists_of_numbers
from gmmrefine.io.particle_table import ParticleTable
from gmmrefine.particles.ctf import electron_wavelength
from gmmrefine.particles.optics import NO_DISTORTION
from gmmrefine.particles.particle_set import CtfParameters

SIZES = {"ctf/tilt_A": 2, "ctf/trefoil_A": 2, "ctf/tetra_A": 4, "ctf/anisomag": 4, "ctf/shift_A": 2}
LABELS = {
    "ctf/tilt_A": (*TILT, ODD),
    "ctf/trefoil_A": (ODD,),
    "ctf/tetra_A": (EVEN,),
    "ctf/anisomag": MAGNIFICATION,
    "ctf/shift_A": (ODD,),
}  # what each comes from
ODD_TERMS, EVEN_TERMS = 6, 9  # Zernike coefficients up to third and fourth order, which cryoSPARC has fields for
_IDENTITY = np.array(NO_DISTORTION)
_ANGSTROM = 1e7  # per mm
_MRAD = 1e-3


def relion_from_cryosparc(fields: Mapping[str, np.ndarray], voltage_kv: np.ndarray, cs_mm: np.ndarray) -> Dict[str, np.ndarray]:
    """RELION's form of cryoSPARC's aberrations.

    Parameters
    ----------
    fields : dict of str to (N, K) float
        Any of the fields of ``SIZES``, in Å (anisomag without unit).
    voltage_kv, cs_mm : (N,) float

    Returns
    -------
    dict of str to (N,) or (N, K) float
        ``rlnBeamTiltX, Y`` in mrad, ``rlnOddZernike`` (N, 6) and ``rlnEvenZernike`` (N, 9) in rad Åⁿ, ``rlnMagMat00…11``; an
        effect that no particle has is left out. A tilt that RELION cannot tell, as Cs is 0, stands in the Zernike terms.
    """
    wavelength, cs = electron_wavelength(voltage_kv), np.asarray(cs_mm, float) * _ANGSTROM
    tilt, trefoil, tetra, anisomag, shift = (
        np.asarray(fields.get(name, np.zeros((len(cs), size))), float) for name, size in SIZES.items()
    )
    as_tilt = (cs > 0)[:, None]
    coma = np.where(as_tilt, 0.0, -2 * np.pi * wavelength[:, None] ** 2 * tilt) / 3  # k³ cos θ = (Z(1,3) + 2 Z(1,1)) / 3
    linear = -2 * np.pi * shift + 2 * coma
    threefold = -2 * np.pi / 3 * wavelength[:, None] ** 2 * trefoil
    odd = np.column_stack([linear[:, ::-1], threefold[:, 1], coma[:, ::-1], threefold[:, 0]])
    even = np.zeros((len(cs), EVEN_TERMS))
    twofold = np.pi / 2 * wavelength[:, None] ** 3 * tetra[:, :2]  # 2π/4: k⁴ cos 2θ = (Z(2,4) + 3 Z(2,2)) / 4
    even[:, [7, 5]], even[:, [3, 1]] = twofold, 3 * twofold
    even[:, [8, 4]] = np.pi / 2 * wavelength[:, None] ** 3 * tetra[:, 2:]
    mrad = np.divide(tilt, cs[:, None] * _MRAD, out=np.zeros_like(tilt), where=as_tilt)
    effects = ((TILT, mrad, 0.0), (MAGNIFICATION, anisomag + _IDENTITY, _IDENTITY))
    found = {
        label: column
        for labels, values, neutral in effects
        if np.any(values != neutral)
        for label, column in zip(labels, values.T)
    }
    found.update((label, values) for label, values in ((ODD, odd), (EVEN, even)) if values.any())
    return found


def cryosparc_from_relion(columns: Mapping[str, np.ndarray], ctf: CtfParameters) -> Tuple[Dict[str, np.ndarray], CtfParameters]:
    """cryoSPARC's form of RELION's aberrations, exact for all terms up to third (odd) and fourth (even) order.

    Even terms of which cryoSPARC has no field are what other parameters say too: they go into defocus, astigmatism, phase shift
    and Cs.

    Parameters
    ----------
    columns : dict of str to (N,) or (N, K) float
        As ``relion_from_cryosparc`` gives them; all may be absent.
    ctf : CtfParameters

    Returns
    -------
    fields : dict of str to (N, K) float
        All fields of ``SIZES``.
    ctf : CtfParameters
        With what the even terms change in it.
    """
    count, wavelength = len(ctf.cs_mm), electron_wavelength(ctf.voltage_kv)[:, None]
    odd, even = (columns.get(label, np.zeros((count, terms))) for label, terms in ((ODD, ODD_TERMS), (EVEN, EVEN_TERMS)))
    mrad = np.column_stack([columns.get(label, np.zeros(count)) for label in TILT])
    matrix = np.column_stack([columns.get(label, np.full(count, one)) for label, one in zip(MAGNIFICATION, _IDENTITY)])
    coma, linear = odd[:, [4, 3]], odd[:, [1, 0]]
    fields = {
        "ctf/tilt_A": mrad * _MRAD * ctf.cs_mm[:, None] * _ANGSTROM - 3 * coma / (2 * np.pi * wavelength**2),
        "ctf/trefoil_A": -3 * odd[:, [5, 2]] / (2 * np.pi * wavelength**2),
        "ctf/tetra_A": np.column_stack([even[:, [7, 5]], even[:, [8, 4]]]) * 2 / (np.pi * wavelength**3),
        "ctf/anisomag": matrix - _IDENTITY,
        "ctf/shift_A": -(linear - 2 * coma) / (2 * np.pi),
    }
    return fields, (_with_even_terms(ctf, even, wavelength[:, 0]) if even.any() else ctf)


def columns_as_text(columns: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Numbers of ``relion_from_cryosparc`` as STAR text, dict of str to (N,) bytes; Zernike terms as '[a,b,…]'.

    Parameters
    ----------
    columns : dict of str to (N,) or (N, K) float
    """
    return {
        label: np.array([f"{row:.9g}" if np.ndim(row) == 0 else list_text(row) for row in values + 0.0], dtype="S")
        for label, values in columns.items()
    }  # + 0.0: no '-0'


def aberrations_of_table(table: ParticleTable, row: np.ndarray) -> Dict[str, np.ndarray]:
    """Aberrations of particles by their table, as ``cryosparc_from_relion`` takes them.

    Parameters
    ----------
    table : ParticleTable
    row : (N,) int
        Rows of the particles.

    Returns
    -------
    dict of str to (N,) or (N, K) float

    Raises
    ------
    InputError
        Zernike terms of an order that cryoSPARC has no field for.
    """
    optics_rows = table.optics_rows()
    neutral = {**dict.fromkeys(TILT, 0.0), **dict(zip(MAGNIFICATION, NO_DISTORTION))}
    columns = {label: table.numbers(label, optics_rows, value)[row] for label, value in neutral.items()}
    for label, terms in ((ODD, ODD_TERMS), (EVEN, EVEN_TERMS)):
        lists, index = lists_of_numbers(table, label, optics_rows)
        columns[label] = np.array([_first_terms(values, label, terms, table.source) for values in lists])[index[row]]
    return columns


def _first_terms(values: Sequence[float], label: str, terms: int, source: str) -> np.ndarray:
    """The first coefficients (terms,) of a list."""
    if np.abs((0, *values[terms:])).max() > NEGLIGIBLE:
        raise InputError(
            f"{source}: {label} has {len(values)} terms, but cryoSPARC's files only hold the first {terms}: aberrations up to "
            "third and fourth order. Export to .star, or refine fewer orders."
        )
    return np.pad(values[:terms], (0, max(0, terms - len(values))))


def _with_even_terms(ctf: CtfParameters, even: np.ndarray, wavelength: np.ndarray) -> CtfParameters:
    """The CTF parameters with the isotropic and the twofold k² part of even Zernike terms (N, 9) in them.

    γ = −π λ Δf(θ) k² + (π/2) Cs λ³ k⁴ − φ − asin Q, so that a term c k² takes c / (π λ) from Δf, c k⁴ adds c / (π λ³ / 2) to Cs
    and a constant c takes c from φ.
    """
    constant, round_part, fourth = even[:, 0] - even[:, 2] + even[:, 6], 2 * even[:, 2] - 6 * even[:, 6], 6 * even[:, 6]
    mean = (ctf.defocus_u + ctf.defocus_v) / 2 - round_part / (np.pi * wavelength)
    angle = 2 * np.radians(ctf.defocus_angle)
    half = (ctf.defocus_u - ctf.defocus_v) / 2
    cosine = half * np.cos(angle) - (even[:, 3] - 3 * even[:, 7]) / (np.pi * wavelength)
    sine = half * np.sin(angle) - (even[:, 1] - 3 * even[:, 5]) / (np.pi * wavelength)
    half = np.hypot(cosine, sine)
    return replace(
        ctf,
        defocus_u=mean + half,
        defocus_v=mean - half,
        defocus_angle=np.degrees(np.arctan2(sine, cosine)) / 2,
        phase_shift_deg=ctf.phase_shift_deg - np.degrees(constant),
        cs_mm=ctf.cs_mm + fourth / (np.pi / 2 * wavelength**3) / _ANGSTROM,
    )
