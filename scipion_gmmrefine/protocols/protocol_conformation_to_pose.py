# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Turn learned conformations into poses of one region."""

import numpy as np
from pyworkflow.object import Pointer
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    FOCUS_MASK_FILE,
    FSC_FILE,
    HALF_GMM_FILES,
    HALF_MAP_FILES,
    MAP_FILE,
    MOTION_USED,
    MOTIONS_FILE,
    PARTICLES_FILE,
)
from scipion_gmmrefine.convert.latents import withoutConformation
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.protocols.form import (
    COMPUTING,
    POINTER_CLASSES,
    addComputing,
    addSettings,
    engineOptions,
    placeConditions,
    rows,
    without,
)
from scipion_gmmrefine.protocols.form_checks import beyondNyquist, wrongGaussians, wrongGrid
from scipion_gmmrefine.protocols.protocol_base import describeResolution, sentence
from scipion_gmmrefine.protocols.protocol_focus import GmmRefineProtFocus
from scipion_gmmrefine.protocols.protocol_region import NONE_NAMED

REGION = rows(settings.Region) + (settings.FOCUS_EDGE,)
LEARNED = "outputParticles"  # of the heterogeneity run
LEARNED_ALREADY = rows(settings.ParticlesRead) + (settings.MASK_RESOLUTION, settings.MASK_EDGE)


class GmmRefineProtConformationToPose(GmmRefineProtFocus):
    """Give every particle the pose of one region that its learned conformation asks for, and refine it there (Chen, Schmid and
    Chiu 2023).

    *Input*: a finished *GMM heterogeneity* and the region: that of its run, or another mask, sphere or part of a fitted atomic
    model. The rigid motion that brings a particle's conformation onto the neutral region becomes its start pose where held-out
    signal likes it better than the usual focused pose; a focused refinement goes on from there. A half set in which no motion
    is certain keeps its poses, and the summary says so.

    *Output*: as of *GMM focused refine*: map with half maps, particles with poses of the region, FSC, one model per half and
    the focus mask. *GMM composite map* takes it as one of its parts.
    """

    _label = "GMM conformation to pose"
    SETTINGS = without(rows(settings.ConversionSettings), (settings.MOTION_TABLE,), LEARNED_ALREADY)
    WITHOUT_REGION = "that of the heterogeneity run"
    REGION_HELP = "Region that is given poses of its own. It should move as one piece."

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        common = without(self.SETTINGS, REGION)
        pointers = tuple(setting for setting in common if setting.kind in POINTER_CLASSES)
        form.addSection(label="Input")
        form.addParam(
            "inputHeterogeneity",
            params.PointerParam,
            pointerClass="GmmRefineProtHeterogeneity",
            important=True,
            label="Heterogeneity",
            help="*GMM heterogeneity*, finished. Its particles and half sets are taken.",
        )
        self._defineRegion(form, REGION)
        addSettings(form, (settings.ITERATIONS,))
        form.addSection(label="Refinement")
        addSettings(
            form,
            without(pointers + rows(settings.Fitted, settings.Compared), LEARNED_ALREADY),
            placeConditions(self.WITH_MODEL),
        )
        addSettings(form, common)
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, self.SETTINGS, COMPUTING), *self._extra()]
        self._insertFunctionStep(self.convertStep, self.inputHeterogeneity.get().getObjId(), options)
        self._insertFunctionStep(self.createOutputStep, options, needsGPU=False)

    @property
    def inputParticles(self):
        """Pointer to the particles whose conformations were learned: once they are, the output of that run.

        Its own input is not asked where that can be helped: Scipion's scheduler knows what the run that this one points to has
        made, but not what the runs before that have made.
        """
        heterogeneity = self.inputHeterogeneity.get()
        if hasattr(heterogeneity, LEARNED):
            return Pointer(heterogeneity, extended=LEARNED)
        return Pointer() if heterogeneity is None else heterogeneity.inputParticles

    def _formOfGrid(self):
        return self.inputHeterogeneity.get()

    # --------------------------- STEPS functions ------------------------------
    def convertStep(self, _heterogeneityId, options):
        self._runEngine(
            "conformation-to-pose",
            [self.inputHeterogeneity.get()._getExtraPath(), *options],
            [PARTICLES_FILE, MAP_FILE, *HALF_MAP_FILES, FSC_FILE, *HALF_GMM_FILES, FOCUS_MASK_FILE, MOTIONS_FILE],
        )

    def _refinedParticles(self, folder="", suffix="", further=None):
        used = {MOTION_USED[1:]: self.converted().astype(int)}
        return super()._refinedParticles(folder, suffix, {**(further or {}), **used})

    def _itemsOf(self, particles):
        """The particles, without what was learned of them."""
        return map(withoutConformation, particles.iterItems())

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        heterogeneity = self.inputHeterogeneity.get()
        if heterogeneity is None:
            return []  # Scipion itself reports an empty input
        if not hasattr(heterogeneity, LEARNED):
            return ["The heterogeneity run has no conformations yet.\nWait until it has finished."]
        if self.region.get() == NONE_NAMED and heterogeneity.region.get() == NONE_NAMED:
            return [
                "The heterogeneity run looked at the whole molecule: no region is named.\nGive the region that shall get "
                "poses of its own."
            ]
        particles = self.inputParticles.get()
        errors = wrongGaussians(self.gaussians.get())
        errors += beyondNyquist(settings.MAX_RESOLUTION, self.maxResolution.get(), self._mapGrid()[1])
        errors += self._missingFile("pinExchanges", settings.PIN_EXCHANGES.form_label)
        if self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), *self._mapGrid(), "mask")
        return errors + self._validateRegion(particles)

    def _warnings(self):
        heterogeneity = self.inputHeterogeneity.get()
        if heterogeneity is None or heterogeneity._results().get("reproducible", True):
            return []
        return [
            "The halves of the heterogeneity run show no reproducible motion: a half without any for certain keeps "
            "its poses; look at what comes of the other before you trust it."
        ]

    def _summary(self):
        lines, results = super()._summary(), self._results()
        if not hasattr(self, "outputVolume"):
            return lines
        return [
            *sentence(results["verdict"]),
            *lines,
            f"Before: {describeResolution(results.get('resolution_before'))}, at the poses of the whole molecule",
        ]

    def _describeRegion(self):
        if self.region.get() == NONE_NAMED:
            return self.inputHeterogeneity.get()._describeRegion()
        return super()._describeRegion()

    def _methods(self):
        if hasattr(self, "outputVolume") and not self.converted().any():
            return [
                f"Learned conformations [Chen2021] improved no poses of the region ({self._describeRegion()}), which were "
                "left as they were."
            ]
        return super()._methods()

    def _whatWasRefined(self):
        return f"{super()._whatWasRefined()}, which started from learned conformations [Chen2021] where held-out signal agreed,"

    def _mostIterations(self):
        return self.iterations.get() + 1  # the first are the poses of the conformations

    # --------------------------- UTILS functions ------------------------------
    def converted(self):
        """Which particles (N,), in the order of the engine's tables, follow their conformation; none if that was no gain."""
        used = np.array(readTable(self._getExtraPath(MOTIONS_FILE))[MOTION_USED[1:]], int) == 1
        return used & (self._results()["iteration"] > 0)
