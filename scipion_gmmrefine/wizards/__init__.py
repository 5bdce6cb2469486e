# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
from scipion_gmmrefine.wizards.wizard_region import (
    GmmRefineGaussiansWizard,
    GmmRefinePatchesWizard,
    GmmRefineSphereWizard,
)
from scipion_gmmrefine.wizards.wizard_settings import (
    GmmRefineMapResolutionWizard,
    GmmRefineResolutionWizard,
)
