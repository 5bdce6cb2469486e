# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What the protocols that look at one region of a molecule share."""

from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.protocols.form import addSettings
from scipion_gmmrefine.protocols.form_checks import wrongGrid, wrongSphere

REGIONS = ("mask", "sphere", "part of an atomic model")
MASK, SPHERE, MODEL, NONE_NAMED = range(len(REGIONS) + 1)
CONDITIONS = {
    "focus_mask": f"region=={MASK}",
    "focus_sphere": f"region=={SPHERE}",
    "focus_model": f"region=={MODEL}",
    "focus_selection": f"region=={MODEL}",
    "focus_edge": f"region in ({SPHERE}, {MODEL})",
    "focus_level": f"focusRest=={settings.FOCUS_REST.choices.index('moves')}",
}


class RegionProtocol:
    """Mixin of protocols that look at one region: a mask, a sphere, or part of an atomic model."""

    WITHOUT_REGION = ""  # what is looked at when no region is named; empty where one must be
    WITH_MODEL = f"model is not None or region=={MODEL}"  # when the form asks how an atomic model lies to the maps
    REGION_HELP = "How the region to focus on is given. The poses follow the features inside it."

    # --------------------------- DEFINE param functions ----------------------
    def _defineRegion(self, form, group):
        """The rows of the region, with the settings of a group."""
        choices = [*REGIONS, self.WITHOUT_REGION] if self.WITHOUT_REGION else list(REGIONS)
        form.addParam(
            "region",
            params.EnumParam,
            choices=choices,
            default=NONE_NAMED if self.WITHOUT_REGION else MASK,
            important=True,
            display=params.EnumParam.DISPLAY_HLIST,
            label="Region as",
            help=self.REGION_HELP,
        )
        addSettings(form, group, CONDITIONS)

    # --------------------------- INFO functions -------------------------------
    def _validateRegion(self, particles):
        """Errors of the region, which must lie on the grid of the maps."""
        if self.region.get() == NONE_NAMED:
            return []
        setting = (settings.FOCUS_MASK, settings.FOCUS_SPHERE, settings.FOCUS_MODEL)[self.region.get()]
        value = getattr(self, setting.form_name).get()
        if not value:
            otherwise = f"choose '{self.WITHOUT_REGION}'" if self.WITHOUT_REGION else "use *GMM refine* for the whole molecule"
            return [f"*{setting.form_label}* is empty: no region to focus on.\nGive one, or {otherwise}."]
        if self.region.get() == MASK:
            return wrongGrid(value, *self._mapGrid(), "focus mask")
        box, samplingRate = self._mapGrid()
        side = box * samplingRate or particles.getXDim() * particles.getSamplingRate()
        return wrongSphere(value, side) if self.region.get() == SPHERE else []

    def _describeRegion(self):
        """The region in words."""
        if self.region.get() == NONE_NAMED:
            return self.WITHOUT_REGION
        if self.region.get() == MASK:
            return "inside a mask"
        if self.region.get() == SPHERE:
            return f"sphere {self.focusSphere.get()} (x y z radius in Å)"
        return f"{self.focusSelection.get() or 'all'} of an atomic model"
