"""Pure noise extracted twice: the same images in both half sets, as two pickers make them."""

import numpy as np

from gmmrefine.io.stack_writer import StackWriter

IMAGES, BOX, PIXEL_SIZE = 60, 32, 6.0
_COLUMNS = (
    "ImageName OpticsGroup DefocusU DefocusV DefocusAngle AngleRot AngleTilt AnglePsi OriginXAngst OriginYAngst RandomSubset "
    "MicrographName CoordinateX CoordinateY"
).split()
_OPTICS = "OpticsGroup Voltage SphericalAberration AmplitudeContrast ImagePixelSize ImageSize MicrographPixelSize".split()


def noise_extracted_twice(folder, seed=8, images=IMAGES):
    """Write images of noise, each in a stack twice, 1 px apart, once in each half set; the path of their STAR file."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(images, BOX, BOX)).astype(np.float32)
    angles, places = rng.uniform(0, 180, (images, 3)), rng.uniform(100, 4000, (images, 2)).round()
    rows = []
    with StackWriter(folder / "particles.mrcs", 2 * images, BOX, PIXEL_SIZE) as stack:
        for number, (image, angle, place) in enumerate(zip(noise, angles, places)):
            stack.append(np.stack([image, np.roll(image, -1, axis=1)]))
            for half in (1, 2):
                rows.append(
                    [
                        f"{2 * number + half:06d}@particles.mrcs",
                        1,
                        12000 + number,
                        12000,
                        0,
                        *angle,
                        PIXEL_SIZE * (half - 1),
                        0,
                        half,
                        "mic.mrc",
                        place[0] + half - 1,
                        place[1],
                    ]
                )
    path = folder / "particles.star"
    path.write_text(
        "data_optics\n\nloop_\n" + "".join(f"_rln{name}\n" for name in _OPTICS) + "1 300 2.7 0.1 6 32 6\n\n"
        "data_particles\n\nloop_\n"
        + "".join(f"_rln{name}\n" for name in _COLUMNS)
        + "".join(" ".join(map(str, row)) + "\n" for row in rows),
        encoding="utf-8",
    )
    return path
