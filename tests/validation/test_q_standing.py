"""Where a mean Q stands among EMDB's entries."""

import pytest

from gmmrefine.validation.q_standing import standings


def test_quantiles_of_the_table_and_between_them():
    """Rows 3.0 to 3.2 Å and all of the table: medians 0.502 and 0.430, quartiles 0.537 and 0.506."""
    everything, alike = standings(0.502, 3.1)
    assert (alike.percentile, alike.entries, alike.resolutions) == (50, 1204, (3.0, 3.2))
    assert everything.percentile == pytest.approx(50 + 25 * (0.502 - 0.430) / (0.506 - 0.430))
    assert everything.entries == 10188 and everything.resolutions is None
    assert standings(0.5195, 3.0)[1].percentile == pytest.approx(62.5)
    assert standings(0.502, 3.2)[1].resolutions == (3.2, 3.4)


def test_words():
    assert str(standings(0.502, 3.1)[1]) == "above 50 % of the 1204 at 3 to 3.2 Å"
    assert str(standings(0.9)[0]) == "above at least 99 % of all 10188 entries"
    assert str(standings(-0.5, 3.1)[1]) == "below at least 99 % of the 1204 at 3 to 3.2 Å"


def test_beyond_the_resolutions_of_the_table_there_are_all_entries_only():
    assert [len(standings(0.4, resolution)) for resolution in (0, 1.5, 1.8, 9.9, 10.0)] == [1, 1, 2, 2, 1]
