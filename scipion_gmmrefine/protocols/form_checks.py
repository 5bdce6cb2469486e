"""Errors of a form that can be seen before the engine starts; each says the cause, then what to do."""
from gmmrefine import settings


def wrongGrid(volume, boxSize, samplingRate, name):
    """Errors of a volume that is not on the grid it is needed on.

    Parameters
    ----------
    volume : Volume
    boxSize : int
        Expected side in voxels.
    samplingRate : float
        Expected Å per voxel.
    name : str
        What the volume is, for the message.

    Returns
    -------
    list of str
    """
    size = tuple(volume.getDim())
    expected = (boxSize,) * 3
    if size != expected:
        return [f"The {name} has {'×'.join(map(str, size))} voxels; {'×'.join(map(str, expected))} are needed.\n"
                "Crop or resize it to the box of the input."]
    if abs(volume.getSamplingRate() / samplingRate - 1) > 1e-3:
        return [f"The {name} has {volume.getSamplingRate():g} Å/px; {samplingRate:g} Å/px are needed.\n"
                "Resample it, or correct its sampling rate if that was entered wrongly."]
    return []


def wrongGaussians(text):
    """Errors of a number of Gaussians that is neither a number nor auto."""
    if text == "auto" or (text.isdigit() and int(text) > 0):
        return []
    return [f"{settings.GAUSSIANS.form_label} is '{text}'; a whole number above zero or auto is needed.\n"
            "Use the wizard, or auto."]


def wrongCombinations(protocol):
    """Errors of rows of the refinement's form that contradict each other.

    Parameters
    ----------
    protocol : GmmRefineProtRefine

    Returns
    -------
    list of str
    """
    errors = wrongMarch(protocol.march.get())
    optimizer, loss = protocol.getEnumText("optimizer"), protocol.getEnumText("loss")
    if (optimizer == "adam") != (loss == "frc"):
        errors.append(f"Optimizer {optimizer} and loss {loss} do not go together.\n"
                      "Use fisher with likelihood, or adam with frc.")
    if bool(protocol.priorRotation.get()) != bool(protocol.priorShift.get()):
        errors.append("Only one of the two priors is given.\nGive both, or set both to 0 to estimate them.")
    if protocol.getEnumText("device") == "gpu" and not protocol.useGpu.get():
        errors.append("Device is gpu, but Use GPU is No.\nSet one to agree with the other.")
    return errors


def wrongMarch(text):
    """Errors of a list of frequency radii, fractions of the resolution."""
    try:
        radii = [float(word) for word in text.split()]
    except ValueError:
        radii = []
    if radii and min(radii) > 0 and max(radii) == 1:
        return []
    return [f"{settings.MARCH.form_label} is '{text}'; numbers above 0 with 1.0 the largest are needed, such as "
            f"{settings.MARCH.default}.\nCorrect the list, or go back to the default."]


def beyondNyquist(setting, resolution, samplingRate):
    """Errors of a resolution in Å that the sampling in Å/px cannot hold; 0 stands for none."""
    if not resolution or resolution >= 2 * samplingRate:
        return []
    return [f"{setting.form_label} is {resolution:g}; the sampling of {samplingRate:g} Å/px ends at "
            f"{2 * samplingRate:.2f} Å.\nGive a larger number, or 0."]
