"""Small particle files as text, and stacks for them."""

import mrcfile
import numpy as np

OPTICS = {
    "rlnOpticsGroup": ["1", "2"],
    "rlnOpticsGroupName": ["first", "second"],
    "rlnVoltage": ["300.0", "300.0"],
    "rlnSphericalAberration": ["2.70", "2.70"],
    "rlnAmplitudeContrast": ["0.10", "0.07"],
    "rlnImagePixelSize": ["1.50", "1.50"],
    "rlnImageSize": ["16", "16"],
    "myNote": ["a", "0003"],
}
PARTICLES = {
    "rlnImageName": ["000001@stack.mrcs", "000002@stack.mrcs", "000003@stack.mrcs", "1@sub/other.mrcs"],
    "rlnOpticsGroup": ["1", "2", "1", "2"],
    "rlnAngleRot": ["10.0", "-20.0", "0.0", "170.0"],
    "rlnAngleTilt": ["30.0", "95.0", "0.0", "180.0"],
    "rlnAnglePsi": ["50.0", "60.0", "-70.0", "80.0"],
    "rlnOriginXAngst": ["1.5", "-2.25", "0.0", "3.0"],
    "rlnOriginYAngst": ["0.5", "0.75", "-4.5", "0.0"],
    "rlnDefocusU": ["10000", "11000.5", "12000", "13000"],
    "rlnDefocusV": ["9000", "10000", "11000", "12000"],
    "rlnDefocusAngle": ["15", "-25", "35", "45"],
    "rlnPhaseShift": ["0", "90", "0", "0"],
    "rlnRandomSubset": ["1", "2", "1", "2"],
    "unknownText": ["0003", "[1,2,3]", '"two words"', "1e05"],
}


def star_text(optics=None, particles=None, further=""):
    """A RELION 3.1 file as text; a column given as None is left out, others replace the usual ones."""
    text = ""
    for name, usual, changes in (("optics", OPTICS, optics), ("particles", PARTICLES, particles)):
        columns = {label: values for label, values in dict(usual, **(changes or {})).items() if values is not None}
        text += f"\n# version 50001\n\ndata_{name}\n\nloop_\n"
        text += "".join(f"_{label} #{number}\n" for number, label in enumerate(columns, 1))
        text += "".join("  ".join(row) + "\n" for row in zip(*columns.values())) + "\n"
    return text + further


def write_stack(path, images=3, box=16, mode=np.float32):
    """An MRC stack of numbered images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.arange(images, dtype=mode)[:, None, None] * np.ones((box, box), mode)
    with mrcfile.new(path, data=data, overwrite=True) as file:
        file.set_image_stack()
    return path
