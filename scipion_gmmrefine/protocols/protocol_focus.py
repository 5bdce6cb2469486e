"""Refine the poses of particles for one region of the molecule."""
from pwem.objects import VolumeMask
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import FOCUS_MASK_FILE
from scipion_gmmrefine.protocols.form import addSettings, without
from scipion_gmmrefine.protocols.form_checks import wrongGrid, wrongSphere
from scipion_gmmrefine.protocols.protocol_refine import GmmRefineProtRefine

REGIONS = ("mask", "sphere", "part of an atomic model")
MASK, SPHERE, MODEL = range(len(REGIONS))
CONDITIONS = {
    "focus_mask": f"region=={MASK}", "focus_sphere": f"region=={SPHERE}", "focus_model": f"region=={MODEL}",
    "focus_selection": f"region=={MODEL}", "focus_edge": f"region!={MASK}",
    "focus_level": f"focusRest=={settings.FOCUS_REST.choices.index('moves')}"}


class GmmRefineProtFocus(GmmRefineProtRefine):
    """Improve the poses of one region of a flexible molecule (Chen, Schmid and Chiu 2023).

    *Input*: particles of a global refinement, with its half sets, and the region: a mask, a sphere, or the part of a fitted
    atomic model that a selection such as *chain A and 1-200* names. Model and sphere must lie in the map as its file does,
    with the first voxel at 0, which is where viewers show it when its header holds no other origin.

    Everything else is that of *GMM refine*: each half set has a model of its own, and the halves exchange only their
    Fourier shell correlation and the shape of the masks.

    *Output*: as of *GMM refine*, sharp inside the region, and the focus mask. Several such maps are joined by *composite map*.
    For an oligomer first use *symmetry expansion*, then focus on one unit, then *impose symmetry* on the result.
    """

    _label = "GMM focused refine"
    _possibleOutputs = {**GmmRefineProtRefine._possibleOutputs, "outputMask": VolumeMask}
    SETTINGS = without(settings.REFINE, (settings.SYMMETRY,))

    # --------------------------- DEFINE param functions ----------------------
    def _defineFocus(self, form):
        form.addSection(label="Focus")
        form.addParam("region", params.EnumParam, choices=list(REGIONS), default=MASK, important=True,
                      display=params.EnumParam.DISPLAY_HLIST, label="Region as",
                      help="How the region to focus on is given. The poses follow the features inside it.")
        addSettings(form, settings.FOCUS, CONDITIONS)

    # --------------------------- STEPS functions ------------------------------
    def _outputsBesideParticles(self, samplingRate):
        return {**super()._outputsBesideParticles(samplingRate), "outputMask": self._mask(samplingRate, FOCUS_MASK_FILE)}

    # --------------------------- INFO functions -------------------------------
    def _validateRegion(self, particles):
        setting = (settings.FOCUS_MASK, settings.FOCUS_SPHERE, settings.FOCUS_MODEL)[self.region.get()]
        value = getattr(self, setting.form_name).get()
        if not value:
            return [f"*{setting.form_label}* is empty: no region to focus on.\nGive one, or use *GMM refine* for the whole "
                    "molecule."]
        if self.region.get() == MASK:
            return wrongGrid(value, particles.getXDim(), particles.getSamplingRate(), "focus mask")
        return wrongSphere(value) if self.region.get() == SPHERE else []

    def _summary(self):
        return [*super()._summary(), f"Focus: {self._describeRegion()}"]

    def _describeRegion(self):
        """The region in words."""
        if self.region.get() == MASK:
            return "inside a mask"
        if self.region.get() == SPHERE:
            return f"sphere {self.focusSphere.get()} (x y z radius in Å)"
        return f"{self.focusSelection.get() or 'all'} of an atomic model"

    def _whatWasRefined(self):
        return f"{self.inputParticles.get().getSize()} particles in one region of the molecule ({self._describeRegion()})"
