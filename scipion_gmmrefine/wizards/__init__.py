from scipion_gmmrefine.wizards.wizard_settings import (
    GmmRefineGaussiansWizard,
    GmmRefineResolutionWizard,
    GmmRefineSphereWizard,
)
