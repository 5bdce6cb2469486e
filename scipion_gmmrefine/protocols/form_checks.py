# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Errors of a form that can be seen before the engine starts; each says the cause, then what to do."""

import re
import shlex

from gmmrefine import settings
from scipion_gmmrefine.constants import SYMMETRY_COPY

NOT_EXTRA = ("output", "help", "help-all")


def wrongGrid(volume, boxSize, samplingRate, name):
    """Errors of a volume that is not on the grid it is needed on.

    Parameters
    ----------
    volume : Volume
    boxSize : int
        Expected side in voxels; 0 takes any.
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
    if boxSize and size != expected:
        return [
            f"The {name} has {'×'.join(map(str, size))} voxels; {'×'.join(map(str, expected))} are needed.\n"
            "Crop or resize it to the box of the input."
        ]
    if abs(volume.getSamplingRate() / samplingRate - 1) > 1e-3:
        return [
            f"The {name} has {volume.getSamplingRate():g} Å/px; {samplingRate:g} Å/px are needed.\n"
            "Resample it, or correct its sampling rate if that was entered wrongly."
        ]
    return []


def wrongGaussians(text):
    """Errors of a number of Gaussians that is neither a number nor auto."""
    if text == "auto" or _isAboveZero(text):
        return []
    return [
        f"{settings.GAUSSIANS.form_label} is '{text}'; a whole number above zero or auto is needed.\nUse the wizard, or auto."
    ]


def wrongAnchors(text):
    """Errors of numbers of anchors, which must be whole and grow, or auto."""
    if text == "auto":
        return []
    words = text.split()
    numbers = [int(word) for word in words if _isAboveZero(word)]
    if words and len(numbers) == len(words) and numbers == sorted(set(numbers)):
        return []
    return [
        f"{settings.ANCHORS.form_label} is '{text}'; auto or whole numbers that grow are needed, such as 32 or 32 128.\n"
        "Correct it."
    ]


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
        errors.append(
            f"Optimizer {optimizer} and loss {loss} do not go together.\nUse fisher with likelihood, or adam with frc."
        )
    elif optimizer == "adam" and _isShown(protocol, settings.FOCUS_REST) and protocol.getEnumText("focusRest") == "fixed":
        errors.append(
            "Optimizer adam moves the molecule as a whole and cannot leave a rest where it is.\n"
            f"Set {settings.FOCUS_REST.form_label} to moves, or the optimizer to fisher."
        )
    if bool(protocol.priorRotation.get()) != bool(protocol.priorShift.get()):
        errors.append("Only one of the two priors is given.\nGive both, or set both to 0 to estimate them.")
    if protocol.getEnumText("device") == "gpu" and not protocol.useGpu.get():
        errors.append("Device is gpu, but Use GPU is No.\nSet one to agree with the other.")
    changed = [
        setting.form_label
        for setting in (settings.MASK_RESOLUTION, settings.MASK_EDGE)
        if getattr(protocol, setting.form_name).get() != setting.default
    ]
    if protocol.mask.get() is not None and changed:
        errors.append(
            f"{' and '.join(changed)} would have no effect, as a mask is given.\n"
            "Set back to the default, or leave the mask empty."
        )
    return errors


def _isShown(protocol, setting):
    """Whether the form has a row for a setting, and shows it."""
    return hasattr(protocol, setting.form_name) and protocol.evalParamCondition(setting.form_name)


def _isAboveZero(text):
    return text.isdecimal() and int(text) > 0


def wrongExtraArguments(protocol, text):
    """Errors of extra arguments that name what the form has a row for, or what Scipion itself decides."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        return [f"Extra arguments: {error}.\nClose the quotation mark."]
    if words and not words[0].startswith("-"):
        return [f"Extra arguments begin with '{words[0]}'; an option such as --name is needed.\nCorrect it."]
    errors = []
    for word in (word.partition("=")[0] for word in words if re.match("-[-a-z]", word)):
        row = next((one for one in settings.SETTINGS.values() if _hasRow(protocol, one) and one.option.startswith(word)), None)
        if word.lstrip("-") in NOT_EXTRA or not word.startswith("--") or settings.TAKE_OVER.option.startswith(word):
            errors.append(f"Extra arguments: {word} is for Scipion to say.\nLeave it out.")
        elif row is not None and settings.SETTINGS.get(word[2:].replace("-", "_"), row) is row:
            label = "Threads" if row is settings.THREADS else protocol.getParam(row.form_name).label.get()
            errors.append(f"Extra arguments: {word} has a row of its own.\nFill in '{label}' instead.")
    return errors


def _hasRow(protocol, setting):
    """Whether the form has a row for a setting, shown or not."""
    return setting is settings.THREADS or protocol.getParam(setting.form_name) is not None


def wrongMarch(text):
    """Errors of a list of frequency radii, fractions of the resolution."""
    try:
        radii = [float(word) for word in text.split()]
    except ValueError:
        radii = []
    if radii and min(radii) > 0 and max(radii) == 1:
        return []
    return [
        f"{settings.MARCH.form_label} is '{text}'; numbers above 0 with 1.0 the largest are needed, such as "
        f"{settings.MARCH.default}.\nCorrect the list, or go back to the default."
    ]


def beyondNyquist(setting, resolution, samplingRate):
    """Errors of a resolution in Å that the sampling in Å/px cannot hold; 0 stands for none."""
    if not settings.is_beyond_nyquist(resolution or 0, samplingRate):
        return []
    return [
        f"{setting.form_label} is {resolution:g}; the sampling of {samplingRate:g} Å/px ends at "
        f"{settings.nyquist_text(samplingRate)} Å.\nGive a larger number{'' if setting.minimum else ', or 0'}."
    ]


def wrongSymmetry(text, oligomer=False):
    """Errors of the name of a point group; C1 is one where an oligomer is expected."""
    name = text.strip().upper()
    if not re.fullmatch(settings.POINT_GROUP, name):
        return [
            f"{settings.SYMMETRY.form_label} is '{text}'; Cn, Dn, T, O or I is needed, such as C3.\nCorrect it; I1 to I4 "
            "are RELION's icosahedral frames, Dyn is cryoSPARC's Dn."
        ]
    if oligomer and name == "C1":
        return ["Symmetry C1 has no copies.\nGive the point group of the molecule, such as C3."]
    return []


def wrongSphere(text, side):
    """Errors of a sphere, x y z radius in Å, in a box of a side in Å."""
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) == 4 and numbers[3] > 0:
        if all(-numbers[3] < place < side + numbers[3] for place in numbers[:3]):
            return []
        return [
            f"{settings.FOCUS_SPHERE.form_label} '{text}' lies outside the box, which runs from 0 to {side:.0f} Å along "
            "each axis.\nGive coordinates in Å from the first voxel of the map."
        ]
    return [
        f"{settings.FOCUS_SPHERE.form_label} is '{text}'; four numbers, the last above 0, are needed, such as "
        "120 95 140 35.\nRead them off in a viewer that shows Å from the first voxel of the map."
    ]


def withoutHalfMaps(volume, name):
    """Errors of a volume that does not bring its half maps."""
    if volume.hasHalfMaps():
        return []
    return [f"The {name} has no half maps.\nTake a volume of a refinement that keeps them (marked 'w/halves')."]


def expandedParticles(particles, advice):
    """Errors of a set whose particles are symmetry copies."""
    if not particles.getFirstItem().hasAttribute(SYMMETRY_COPY):
        return []
    return [f"The input particles are symmetry copies, which are not independent of one another.\n{advice}"]


def wrongPatches(text):
    """Errors of a number of patches that is neither a number nor auto."""
    if text == "auto" or _isAboveZero(text):
        return []
    return [f"{settings.PATCHES.form_label} is '{text}'; a whole number above zero or auto is needed.\nCorrect it."]


def wrongControls(text):
    """Errors of names of controls that there are not."""
    known = ("all", "noise", "phases", "halves", "model")
    if text.split() and all(name in known for name in text.split()):
        return []
    return [
        f"{settings.CONTROL_NAMES.form_label} is '{text}'; all, or some of {', '.join(known[1:])} with blanks between, are "
        "needed.\nCorrect it."
    ]
