from scipion_gmmrefine.wizards.wizard_settings import (
    GmmRefineGaussiansWizard,
    GmmRefineMapResolutionWizard,
    GmmRefineResolutionWizard,
    GmmRefineSphereWizard,
)
