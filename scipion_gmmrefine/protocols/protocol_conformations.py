# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Maps of learned conformations, and particles sorted by them."""

import os

import numpy as np
from pwem.objects import SetOfParticles, SetOfVolumes, Volume
from pwem.protocols import ProtAnalysis3D
from pyworkflow.object import Float, Integer
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import FRAMES_FILE, HALF_SET, MOVIE_FILE, OBJECT_ID
from scipion_gmmrefine.convert.half_sets import sayHalfSets
from scipion_gmmrefine.convert.latents import LATENT, withoutConformation
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import readRows
from scipion_gmmrefine.protocols.form import COMPUTING, addComputing, addSettings, engineOptions, rows, without
from scipion_gmmrefine.protocols.protocol_base import EngineProtocol, describeResolution, sentence

WITH_MODEL = "morphModel is not None"
SETTINGS = without(rows(settings.ConformationsSettings), (settings.FIRST_VOXEL,))
CONDITIONS = {
    "axis": "not through or subsets>0",
    "at_points": "through",
    "frames": "not atPoints",
    "place_from": WITH_MODEL,
    "fsc_threshold": "subsets>0",
}
MODEL_OPTION = "--model"


class GmmRefineProtConformations(EngineProtocol, ProtAnalysis3D):
    """Show what a heterogeneity run has learned: maps along a motion, and maps of particles sorted by it.

    *Input*: a finished *GMM heterogeneity*. Each half set has a network and latent axes of its own, so that frames of the two
    halves are kept apart.

    *Output*: for each half set the maps along an axis of its latent space, or along the line through points of it, as a set of
    volumes (outputVolumesHalf1, outputVolumesHalf2). They are drawn by the network: no images are averaged. With classes also
    a map with half maps for each class of particles along the axis (outputClasses), and its particles with their half sets as
    a set that every other protocol takes (outputParticles1, outputParticles2, ...): these show whether the images themselves
    agree with the motion.
    """

    _label = "GMM conformations"
    _possibleOutputs = {
        "outputVolumesHalf1": SetOfVolumes,
        "outputVolumesHalf2": SetOfVolumes,
        "outputClasses": SetOfVolumes,
        "outputParticles1": SetOfParticles,
    }

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputHeterogeneity",
            params.PointerParam,
            pointerClass="GmmRefineProtHeterogeneity",
            important=True,
            label="Heterogeneity",
            help="*GMM heterogeneity*, finished.",
        )
        addSettings(form, (settings.THROUGH, settings.SUBSETS), CONDITIONS)
        addSettings(form, (settings.AXIS, settings.AT_POINTS, settings.FRAMES, settings.HALF), CONDITIONS)
        form.addParam(
            "morphModel",
            params.PointerParam,
            pointerClass="AtomStruct",
            allowsNull=True,
            label="Atomic model to move along",
            help="Fitted into the maps of the run. Its atoms follow the motion in the film for ChimeraX.",
        )
        addSettings(form, SETTINGS, CONDITIONS)
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, SETTINGS, COMPUTING), *self._extra()]
        model = self.morphModel.get()
        if model is not None:
            options += [MODEL_OPTION, os.path.abspath(model.getFileName())]
        self._insertFunctionStep(self.showStep, self.inputHeterogeneity.get().getObjId(), options)
        self._insertFunctionStep(self.createOutputStep, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def showStep(self, _heterogeneityId, options):
        self._runEngine("conformations", [self.inputHeterogeneity.get()._getExtraPath(), *options], [FRAMES_FILE, MOVIE_FILE])

    def createOutputStep(self, _options):
        frames = readRows(self._getExtraPath(FRAMES_FILE))
        samplingRate = self._samplingRate()
        outputs = {
            f"outputVolumesHalf{half}": self._frameVolumes(half, frames, samplingRate)
            for half in (1, 2)
            if any(frame["gmmHalf"] == half for frame in frames)
        }
        classes = self._results().get("subsets", [])
        if classes:
            outputs["outputClasses"] = self._classVolumes(classes, samplingRate)
        particles = {f"outputParticles{number}": self._classParticles(number) for number in range(1, len(classes) + 1)}
        self._defineOutputs(**outputs, **particles)
        source = self.inputHeterogeneity.get().outputParticles
        for output in outputs.values():
            self._defineSourceRelation(source, output)
        for output in particles.values():
            self._defineTransformRelation(source, output)

    def _samplingRate(self):
        return self.inputHeterogeneity.get()._mapGrid()[1]

    def _frameVolumes(self, half, frames, samplingRate):
        """The maps of a half set along the path, each with its place in the latent space."""
        volumes = self._createSetOfVolumes(f"half_{half}")
        volumes.setSamplingRate(samplingRate)
        for frame in frames:
            if frame["gmmHalf"] != half:
                continue
            volume = Volume()
            volume.setFileName(self._getExtraPath(f"half_{half}", f"frame_{frame['gmmFrame']:02.0f}.mrc"))
            volume.setSamplingRate(samplingRate)
            volume.setObjLabel(f"half {half}, frame {frame['gmmFrame']:.0f}")
            setattr(volume, HALF_SET, Integer(half))
            for name in frame:
                if name.startswith(LATENT) or name.startswith("gmmMotion"):
                    setattr(volume, f"_{name}", Float(frame[name]))
            volumes.append(volume)
        return volumes

    def _classVolumes(self, classes, samplingRate):
        """The maps of the classes, with their half maps."""
        volumes = self._createSetOfVolumes("classes")
        volumes.setSamplingRate(samplingRate)
        for number, one in enumerate(classes, 1):
            volume = self._volume(samplingRate, folder=one["folder"])
            volume.setObjLabel(f"class {number}, {sum(one['particles'])} particles")
            volumes.append(volume)
        return volumes

    def _classParticles(self, number):
        """The particles of a class, without what was learned of them."""
        table = readTable(self._getExtraPath(f"particles_subset_{number:02d}.star"), "particles")
        chosen = set(np.array(table[OBJECT_ID], int).tolist())
        source = self.inputHeterogeneity.get().outputParticles
        particles = self._createSetOfParticles(f"_class_{number:02d}")
        particles.copyInfo(self.inputHeterogeneity.get().inputParticles.get())
        particles.setAlignmentProj()
        for particle in source.iterItems():
            if particle.getObjId() in chosen:
                particles.append(withoutConformation(particle))
        sayHalfSets(particles)
        particles.setObjComment(f"Class {number} along latent axis {self.axis.get()}")
        return particles

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        heterogeneity = self.inputHeterogeneity.get()
        if heterogeneity is None:
            return []  # Scipion itself reports an empty input
        if not hasattr(heterogeneity, "outputParticles"):
            return ["The heterogeneity run has no conformations yet.\nWait until it has finished."]
        size = heterogeneity.latentSize.get()
        errors = []
        if self.axis.get() > size:
            errors.append(
                f"{settings.AXIS.form_label} is {self.axis.get()}; the run has {size} latent dimensions.\n"
                f"Give a number from 1 to {size}."
            )
        if self.subsets.get() and self.getEnumText("half") != "both":
            errors.append(
                f"{settings.SUBSETS.form_label} need both half sets, for their FSC.\nSet {settings.HALF.form_label} to both."
            )
        return errors

    def _warnings(self):
        heterogeneity = self.inputHeterogeneity.get()
        if heterogeneity is None or heterogeneity._results().get("reproducible", True):
            return []
        return ["The halves of the heterogeneity run show no reproducible motion: what is shown may be noise."]

    def _summary(self):
        results = self._results()
        if not results:
            return self._whatIsGoingOn()
        lines = [
            f"{results['frames']} conformations of each half set"
            if self.getEnumText("half") == "both"
            else f"{results['frames']} conformations of half set {self.getEnumText('half')}"
        ]
        if "cosine" in results:
            lines.append(
                f"The halves move alike: cosine {results['cosine']:.2f}"
                if results["cosine"] >= 0
                else f"The halves move alike in the opposite order of frames: cosine {-results['cosine']:.2f}"
            )
        lines += [
            f"Class {number}: {sum(one['particles'])} particles, {describeResolution(one['resolution'])}"
            for number, one in enumerate(results.get("subsets", []), 1)
        ]
        return [*lines, *sentence(self.inputHeterogeneity.get()._results().get("verdict", "")), *self._notes()]

    def _methods(self):
        results = self._results()
        return (
            [f"Maps of {results['frames']} conformations were drawn by the networks of each half set [Chen2021]."]
            if results
            else []
        )

    def _citations(self):
        return ["Chen2021", "Chen2023"]
