"""Settings without effect are refused by name."""

import pytest

from gmmrefine.errors import InputError
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.settings import RefineSettings

RULES = [(True, "--model", ("gaussians",)), (False, "--mask", ("mask_edge",))]


def test_defaults_pass():
    refuse_ignored(RefineSettings(), RULES)


def test_a_changed_setting_is_refused_only_where_it_means_nothing():
    refuse_ignored(RefineSettings(mask_edge=9.0), RULES)
    with pytest.raises(InputError, match="--gaussians would have no effect with --model. Leave out one or the other"):
        refuse_ignored(RefineSettings(gaussians="400"), RULES)
