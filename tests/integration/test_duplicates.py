"""Pure noise extracted twice: refused, left out or drawn anew, and never a resolution."""

import pytest
from duplicated_noise import noise_extracted_twice
from small_run import assert_refused, gmmrefine, record


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    return noise_extracted_twice(tmp_path_factory.mktemp("twice"))


@pytest.mark.parametrize("command", ("reconstruct", "refine"))
def test_halves_that_share_them_are_refused(twice, tmp_path, command):
    outcome = gmmrefine(command, twice, "-o", tmp_path / "out")
    assert_refused(outcome, command, "60 rows do so", "row 2 (half 2)", "--remove-duplicates", "--redraw-halves SEED")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cure, images", ((("--remove-duplicates", "--redraw-halves", 5), 60), (("--redraw-halves", 5), 120)))
def test_noise_has_no_resolution_after_either_cure(twice, tmp_path, cure, images):
    outcome = gmmrefine("reconstruct", twice, "-o", tmp_path / "out", *cure)
    assert outcome.code == 0, outcome.err
    results = record(tmp_path / "out")
    assert (results["images"], results["particles"]) == (images, 60)
    assert results["results"]["resolution"] is None or results["results"]["resolution"] > 40
    assert "half sets were drawn anew" in outcome.out
