"""Settings without effect are refused by name."""
import pytest

from gmmrefine.errors import InputError
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.settings import COMPUTING, REFINE, defaults

RULES = [(True, "--model", ("gaussians",)), (False, "--mask", ("mask_edge",))]


def test_defaults_pass():
    refuse_ignored(defaults(REFINE, COMPUTING), REFINE, RULES)


def test_a_changed_setting_is_refused_only_where_it_means_nothing():
    refuse_ignored(defaults(REFINE, COMPUTING, mask_edge=9.0), REFINE, RULES)
    with pytest.raises(InputError, match="--gaussians would have no effect with --model. Leave out one or the other"):
        refuse_ignored(defaults(REFINE, COMPUTING, gaussians="400"), REFINE, RULES)
