"""What is said of a map as a whole."""

import pytest

from gmmrefine.pipelines.map_quality import map_lines

SOUND = {"noise_rise": 0.0, "constant_part": 0.0, "constant_value": 0.0, "constant_is_lowest": False, "cut_part": 0.0}


@pytest.mark.parametrize(
    "mean_q, said",
    [(0.6, []), (-0.8, ["the contrast looks inverted: mean Q -0.800"]), (-0.02, ["the contrast looks inverted, or the model"])],
)
def test_only_a_plainly_negative_q_is_called_inverted(mean_q, said):
    assert [line[: len(one)] for line, one in zip(map_lines(SOUND, mean_q=mean_q), said)] == said
    assert len(map_lines(SOUND, mean_q=mean_q)) == len(said)


def test_a_mask_and_values_that_were_cut_are_told_apart():
    (line,) = map_lines(dict(SOUND, constant_part=0.4, constant_value=-0.0))
    assert line.startswith("is 0 outside a mask, in 40% of its box")
    (line,) = map_lines(dict(SOUND, constant_part=0.4, constant_is_lowest=True))
    assert line.startswith("is 0, its lowest value, in 40% of its box: cut below there, or masked")
