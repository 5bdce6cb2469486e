"""Simulated particles of several optics groups in one file."""

from dataclasses import replace

import mrcfile
import numpy as np
from small_run import gmmrefine, record

from gmmrefine.fourier.half_disc import HalfDisc, half_disc
from gmmrefine.io.star import StarBlock, read_star, text_column, write_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.particles.ctf import ctf_on_disc, electron_wavelength
from gmmrefine.particles.images import ImageReader

COUNT = 200
# strong: they must show at 9 Å
ABERRATIONS = (
    "--beam-tilt",
    "14 -10",
    "--trefoil",
    "500 -300",
    "--tetrafoil",
    "13000 9000",
    "--magnification-matrix",
    "1.06 0.02 -0.03 0.95",
)
NEUTRAL = {
    "rlnOddZernike": "[]",
    "rlnEvenZernike": "[]",
    "rlnMagMat00": 1.0,
    "rlnMagMat01": 0.0,
    "rlnMagMat10": 0.0,
    "rlnMagMat11": 1.0,
}


def simulate_group(folder, box, pixel_size, *options, snr=2.0, seed=3, count=COUNT):
    """Simulate ``count`` particles on a grid; the folder, with particles.star and truth.star."""
    outcome = gmmrefine(
        "simulate",
        "6msm",
        "-o",
        folder,
        "--particles",
        count,
        "--box",
        box,
        "--pixel-size",
        pixel_size,
        "--snr",
        snr,
        "--seed",
        seed,
        *options,
    )
    assert outcome.code == 0, outcome.err
    return folder


def simulate_same_dose(folder, like, box, pixel_size, *options, seed=4, count=COUNT):
    """Simulate as ``simulate_group``, with the noise that images of ``like`` would have on this grid at the same dose.

    The noise of a dose over the signal of a pixel, which is a sum of voxels along the beam, falls with the pixel's square.
    """
    of = "noise_deviation_of_signal_units"
    first = read_star(like / "truth.star")["optics"].numbers("rlnImagePixelSize")[0]
    wanted = record(like)["results"][of] * (first / pixel_size) ** 2
    simulate_group(folder / "trial", box, pixel_size, *options, snr=1.0, seed=seed, count=count)
    found = record(folder / "trial")["results"][of]
    return simulate_group(folder, box, pixel_size, *options, snr=(found / wanted) ** 2, seed=seed, count=count)


def joined(path, *files):
    """Write the particles of several STAR files as one, with all their optics groups, renumbered."""
    blocks, before = [read_star(file) for file in files], 0
    labels = list(dict.fromkeys(label for block in blocks for label in block["optics"].columns))
    optics, particles = {label: [] for label in labels}, {}
    for file, block in zip(files, blocks):
        groups = block["optics"]
        for label in labels:
            optics[label].append(groups.columns.get(label, text_column([NEUTRAL.get(label)] * len(groups))))
        numbers = np.arange(before + 1, before + len(groups) + 1)
        optics["rlnOpticsGroup"][-1] = text_column(numbers)
        optics["rlnOpticsGroupName"][-1] = text_column([f"group{number}" for number in numbers])
        rows = dict(block["particles"].columns)
        rows["rlnOpticsGroup"] = text_column(before + block["particles"].integers("rlnOpticsGroup"))
        rows["rlnImageName"] = np.char.replace(rows["rlnImageName"], b"@", b"@" + str(file.parent).encode() + b"/")
        for label, column in rows.items():
            particles.setdefault(label, []).append(column)
        before += len(groups)
    write_star(
        path,
        [
            StarBlock(name, {label: np.concatenate(parts) for label, parts in columns.items()})
            for name, columns in (("optics", optics), ("particles", particles))
        ],
    )
    return path


def rewritten(path, source, **changes):
    """Write ``source`` with its images changed and their state told: for every particle raw, phase-flipped or premultiplied.

    Parameters
    ----------
    path : Path
    source : Path
        One optics group of raw images.
    changes : dict of str to (N,) bool
        ``flipped`` and ``premultiplied``.
    """
    particles = read_particles(source)
    box = particles.box_size
    images = ImageReader(particles, half_disc(box, 1)).read_pixels(particles)
    # all frequencies, as other programs do it: without those of the corners the noise would be less
    kx, ky = np.meshgrid(np.arange(box // 2 + 1), np.fft.fftfreq(box, 1 / box))
    ctf = ctf_on_disc(particles.ctf, HalfDisc(box, kx.ravel(), ky.ravel(), 0 * kx.ravel()), particles.pixel_size)
    factor = np.where(changes["flipped"][:, None], np.sign(ctf), 1)
    factor = np.where(changes["premultiplied"][:, None], ctf, factor).reshape(-1, *kx.shape)
    images = np.fft.irfft2(np.fft.rfft2(images) * factor, s=(box, box)).astype(np.float32)
    with mrcfile.new(path.with_suffix(".mrcs"), data=images, overwrite=True) as file:
        file.set_image_stack()
    blocks = read_star(source)
    group = 1 + changes["flipped"] + 2 * changes["premultiplied"]
    optics = {label: np.repeat(text, 3) for label, text in blocks["optics"].columns.items()}
    optics.update(
        {
            label: text_column(values)
            for label, values in (
                ("rlnOpticsGroup", [1, 2, 3]),
                ("rlnOpticsGroupName", ["raw", "flipped", "multiplied"]),
                ("rlnCtfDataArePhaseFlipped", [0, 1, 0]),
                ("rlnCtfDataAreCtfPremultiplied", [0, 0, 1]),
            )
        }
    )
    names = [f"{number + 1:06d}@{path.stem}.mrcs" for number in range(len(particles))]
    columns = {"rlnImageName": text_column(names), "rlnOpticsGroup": text_column(group)}
    write_star(
        path,
        [
            replace(blocks["optics"], columns=optics),
            blocks["particles"].with_columns({**blocks["particles"].columns, **columns}),
        ],
    )
    return path


def every_second(path, source):
    """Write every second particle of each half set."""
    blocks = read_star(source)
    order = np.argsort(blocks["particles"].columns["rlnRandomSubset"], kind="stable")
    write_star(path, [blocks["optics"], blocks["particles"].subset(np.sort(order[::2]))])
    return path


def with_optics(path, source, **columns):
    """Write ``source`` with other columns of its optics table, a value for every group; None leaves a column out."""
    blocks = read_star(source)
    kept = {label: text for label, text in blocks["optics"].columns.items() if columns.get(label, True) is not None}
    kept.update({label: text_column(values) for label, values in columns.items() if values is not None})
    write_star(path, [replace(blocks["optics"], columns=kept), blocks["particles"]])
    return path


def odd_boxed(folder, names):
    """Cut the last row and column off simulated images: their centre stays where RELION has that of an odd box.

    The stack of ``folder`` is changed, and its STAR files ``names``.
    """
    stack = folder / "particles.mrcs"
    images = mrcfile.read(stack)[:, :-1, :-1].copy()
    with mrcfile.new(stack, data=images, overwrite=True) as file:
        file.set_image_stack()
    for name in names:
        with_optics(folder / name, folder / name, rlnImageSize=[images.shape[1]])
    return folder


def as_if_at(path, source, voltage_kv):
    """Write ``source``, of one optics group, as if every second particle had another voltage.

    Their defocus and Cs become those that give the same CTF with it.
    """
    blocks = read_star(source)
    optics, particles = blocks["optics"], blocks["particles"]
    ratio = electron_wavelength(optics.numbers("rlnVoltage")[0]) / electron_wavelength(voltage_kv)
    both = {label: np.repeat(text, 2) for label, text in optics.columns.items()}
    cs = optics.numbers("rlnSphericalAberration")[0]
    both.update(
        {
            label: text_column(values)
            for label, values in (
                ("rlnOpticsGroup", [1, 2]),
                ("rlnOpticsGroupName", ["first", "second"]),
                ("rlnVoltage", [optics.numbers("rlnVoltage")[0], voltage_kv]),
                ("rlnSphericalAberration", [cs, cs * ratio**3]),
            )
        }
    )
    second = np.arange(len(particles)) % 2 == 1
    changed = {
        label: text_column(particles.numbers(label) * np.where(second, ratio, 1)) for label in ("rlnDefocusU", "rlnDefocusV")
    }
    write_star(
        path,
        [
            replace(optics, columns=both),
            particles.with_columns({**particles.columns, **changed, "rlnOpticsGroup": text_column(1 + second)}),
        ],
    )
    return path
