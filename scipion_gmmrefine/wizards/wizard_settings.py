# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Wizards that fill in numbers which follow from the inputs."""

import os
import tempfile

from pwem.wizards import EmWizard
from pyworkflow.gui.dialog import showInfo, showWarning

from gmmrefine.settings import MAKE_MASK, MAP_RESOLUTION, TARGET_RESOLUTION, nyquist_text
from scipion_gmmrefine import Plugin
from scipion_gmmrefine.convert.images import halfMapFiles, stackFileName
from scipion_gmmrefine.convert.maps import mrcMap
from scipion_gmmrefine.convert.tables import readRun, rounded
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols import (
    GmmRefineProtBuild,
    GmmRefineProtHeterogeneity,
    GmmRefineProtPatches,
    GmmRefineProtQScore,
    GmmRefineProtRefine,
    GmmRefineProtSharpen,
)
from scipion_gmmrefine.viewers.waiting import waiting

BUILD_PIXELS = 3


class GmmRefineResolutionWizard(EmWizard):
    """Finest resolution that makes sense and that the sampling of the input allows."""

    _targets = [
        (GmmRefineProtRefine, ["maxResolution"]),
        (GmmRefineProtPatches, ["maxResolution"]),
        (GmmRefineProtBuild, ["resolution"]),
        (GmmRefineProtHeterogeneity, ["targetResolution"]),
    ]

    def show(self, form, *_parameters):
        protocol = form.protocol
        refining = not isinstance(protocol, GmmRefineProtBuild)
        source = (protocol.inputParticles if refining else protocol.inputVolume).get()
        if source is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        finest = float(nyquist_text(source.getSamplingRate()))
        if isinstance(protocol, GmmRefineProtHeterogeneity):
            form.setVar("targetResolution", max(TARGET_RESOLUTION.default, finest))  # finer is noise to motions
        elif refining:
            form.setVar("maxResolution", finest)
        else:
            form.setVar("resolution", round(BUILD_PIXELS * source.getSamplingRate(), 2))


class GmmRefineMapResolutionWizard(EmWizard):
    """Resolution of the input volume: what its protocol of this plugin says, else the FSC of its half maps."""

    _targets = [(GmmRefineProtQScore, ["mapResolution"]), (GmmRefineProtSharpen, ["lowPass"])]

    def show(self, form, *_parameters):
        volume = form.protocol.inputVolume.get()
        if volume is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        try:
            with waiting(form.root, "Resolution of the half maps") as window:
                resolution = knownResolution(volume, window.goesOn)
        except EngineFailure as error:
            showWarning("No resolution", str(error), form.root)
            return
        scoring = isinstance(form.protocol, GmmRefineProtQScore)
        if not resolution:
            showInfo("No resolution", "The volume has no half maps that agree; enter the resolution of its FSC.", form.root)
        elif scoring and resolution > MAP_RESOLUTION.maximum:
            showInfo(
                "Coarse map",
                f"The resolution is {resolution:.2f} Å; what Q-score is usual is known up to {MAP_RESOLUTION.maximum:g} Å.",
                form.root,
            )
        else:
            form.setVar("mapResolution" if scoring else "lowPass", rounded(resolution, volume.getSamplingRate()))


def knownResolution(volume, goesOn=None):
    """Resolution of a volume in Å.

    Parameters
    ----------
    volume : Volume
    goesOn : callable, optional
        Of ``runEngineNow``.

    Returns
    -------
    float or None
        As the engine reported it when it made the map; else that of the half maps inside a mask made from them.
    """
    reported = readRun(os.path.dirname(stackFileName(volume))).get("results", {}).get("resolution")
    if reported or not volume.hasHalfMaps():
        return reported
    with tempfile.TemporaryDirectory() as folder:
        halves = [
            mrcMap(name, os.path.join(folder, f"half_map_{number}.mrc"), volume.getSamplingRate())
            for number, name in enumerate(halfMapFiles(volume), 1)
        ]
        run = os.path.join(folder, "fsc")
        Plugin.runEngineNow("fsc", [*halves, MAKE_MASK.option], run, goesOn)
        return readRun(run)["results"]["resolution"]
