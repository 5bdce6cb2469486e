from scipion_gmmrefine.wizards.wizard_region import (
    GmmRefineGaussiansWizard,
    GmmRefinePatchesWizard,
    GmmRefineSphereWizard,
)
from scipion_gmmrefine.wizards.wizard_settings import (
    GmmRefineMapResolutionWizard,
    GmmRefineResolutionWizard,
)
