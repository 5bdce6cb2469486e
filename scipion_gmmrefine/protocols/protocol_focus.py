# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Refine the poses of particles for one region of the molecule."""

from pwem.objects import VolumeMask

from gmmrefine import settings
from scipion_gmmrefine.constants import FOCUS_MASK_FILE
from scipion_gmmrefine.protocols.form import rows, without
from scipion_gmmrefine.protocols.protocol_particles import countParticles
from scipion_gmmrefine.protocols.protocol_refine import GmmRefineProtRefine
from scipion_gmmrefine.protocols.protocol_region import RegionProtocol


class GmmRefineProtFocus(RegionProtocol, GmmRefineProtRefine):
    """Improve the poses of one region of a flexible molecule (Chen, Schmid and Chiu 2023).

    *Input*: particles of a global refinement, with its half sets, and the region: a mask, a sphere, or the part of a fitted
    atomic model that a selection such as *chain A and 1-200* names. A sphere lies in the map as its file does, with the first
    voxel at 0, which is where viewers show it when its header holds no other origin; a model there, or with the centre of the
    box at 0.

    Everything else is that of *GMM refine*: each half set has a model of its own, and the halves exchange only their
    Fourier shell correlation and the shape of the masks.

    *Output*: as of *GMM refine*, sharp inside the region, the focus mask, in
    which the FSC is measured, and that of the molecule. Several such maps are joined by *GMM
    composite map*. For an oligomer first use *GMM symmetry expansion*, then focus on one unit, then *GMM impose
    symmetry* on the result.
    """

    _label = "GMM focused refine"
    _possibleOutputs = {**GmmRefineProtRefine._possibleOutputs, "outputMoleculeMask": VolumeMask}
    SETTINGS = without(rows(settings.RefineSettings), (settings.SYMMETRY,))

    # --------------------------- DEFINE param functions ----------------------
    def _defineFocus(self, form):
        self._defineRegion(form, rows(settings.Focused))

    # --------------------------- STEPS functions ------------------------------
    def _outputsBesideParticles(self, samplingRate):
        outputs = super()._outputsBesideParticles(samplingRate)
        return {**outputs, "outputMask": self._mask(samplingRate, FOCUS_MASK_FILE), "outputMoleculeMask": outputs["outputMask"]}

    # --------------------------- INFO functions -------------------------------
    def _summary(self):
        return [*super()._summary(), f"Focus: {self._describeRegion()}"]

    def _whatWasRefined(self):
        return f"{countParticles(self.inputParticles.get())} in one region of the molecule ({self._describeRegion()})"
