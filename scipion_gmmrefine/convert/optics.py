"""Optics groups, which Scipion keeps as the text of RELION's optics table."""
import os
import tempfile

import pandas as pd
import starfile

ACQUISITION_COLUMNS = {
    "rlnVoltage": "getVoltage",
    "rlnSphericalAberration": "getSphericalAberration",
    "rlnAmplitudeContrast": "getAmplitudeContrast",
}


def opticsToText(optics):
    """RELION's optics table as text, the form in which an acquisition carries it.

    Parameters
    ----------
    optics : pandas.DataFrame
        One row per optics group.
    """
    labels = "".join(f"_{name} #{number}\n" for number, name in enumerate(optics.columns, 1))
    rows = "".join(" ".join(str(value) for value in row) + "\n" for row in optics.itertuples(index=False))
    return f"data_optics\n\nloop_\n{labels}{rows}\n"


def opticsFromText(text):
    """The optics table of an acquisition.

    Parameters
    ----------
    text : str
        A STAR table named optics.

    Returns
    -------
    pandas.DataFrame
        One row per optics group.
    """
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "optics.star")
        with open(name, "w") as handle:
            handle.write(text)
        optics = starfile.read(name, always_dict=True)["optics"]
    return optics if isinstance(optics, pd.DataFrame) else pd.DataFrame([optics])


def opticsOfSet(particles):
    """The optics table of a set of particles, with the set's own pixel size and box.

    A set that was rescaled after its import keeps the old numbers in its text, so the set's numbers count.

    Parameters
    ----------
    particles : SetOfParticles

    Returns
    -------
    pandas.DataFrame
        One row per optics group; a single group 1 from the acquisition where the set carries no table.
    """
    acquisition = particles.getAcquisition()
    text = acquisition.opticsGroupInfo.get()
    if text:
        optics = opticsFromText(text)
    else:
        optics = pd.DataFrame({"rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1]})
        for column, getter in ACQUISITION_COLUMNS.items():
            optics[column] = getattr(acquisition, getter)()
    optics["rlnImagePixelSize"] = particles.getSamplingRate()
    optics["rlnImageSize"] = particles.getXDim()
    optics["rlnImageDimensionality"] = 2
    if particles.isPhaseFlipped():
        optics["rlnCtfDataArePhaseFlipped"] = 1
    return optics
