"""Principal motions, their axes in the latent space, and how two halves agree."""

import numpy as np
import pytest

from gmmrefine.heterogeneity.motions import agreement, axes_of_motion, principal_motions

COUNT = 400


@pytest.fixture
def planted(rng):
    """Displacements along two fields of 3 and 1 Å rms, their fields (2, 20, 3) and the particles' places (n, 2)."""
    fields, _ = np.linalg.qr(rng.normal(size=(60, 3)))
    fields = (fields.T * np.sqrt(20)).reshape(3, 20, 3)
    places = rng.normal(size=(COUNT, 2))
    places = (places - places.mean(axis=0)) / places.std(axis=0)
    places[:, 1] -= places[:, 0] * (places[:, 0] @ places[:, 1]) / COUNT
    places[:, 1] /= places[:, 1].std()
    return np.einsum("nk,kpi->npi", places * [3.0, 1.0], fields[:2]) + 0.5, fields, places


def test_planted_motions_are_found_with_their_size(planted):
    displacements, fields, places = planted
    found = principal_motions(displacements, 3)
    assert found.rms == pytest.approx([3.0, 1.0], rel=1e-6) and found.mean == pytest.approx(np.full((20, 3), 0.5))
    for number in range(2):
        sign = np.sign(np.sum(found.fields[number] * fields[number]))
        assert sign * found.fields[number] == pytest.approx([3.0, 1.0][number] * fields[number], abs=1e-6)
        assert sign * found.scores[:, number] == pytest.approx(places[:, number], abs=1e-6)


def test_the_first_axis_follows_the_largest_motion(planted, rng):
    displacements, _, places = planted
    mixing, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    latent = np.column_stack([places, rng.normal(size=COUNT)]) @ mixing.T
    axes = axes_of_motion(latent, principal_motions(displacements, 3).scores)
    assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-9)
    turned = latent @ axes
    assert abs(np.corrcoef(turned[:, 0], places[:, 0])[0, 1]) > 0.999
    assert abs(np.corrcoef(turned[:, 1], places[:, 1])[0, 1]) > 0.999


def test_halves_that_move_alike_agree_whatever_their_latents(planted, rng):
    displacements, fields, _ = planted
    one, other = principal_motions(displacements[::2], 2), principal_motions(displacements[1::2], 2)
    cosines, likeness = agreement(one, other)
    assert cosines == pytest.approx([1, 1], abs=1e-9) and likeness > 0.99
    elsewhere = principal_motions(np.einsum("n,pi->npi", rng.normal(size=COUNT), fields[2]), 2)
    cosines, likeness = agreement(one, elsewhere)
    assert cosines.max() < 1e-6 and likeness < 1e-6
    partly = principal_motions(np.einsum("n,pi->npi", rng.normal(size=COUNT), np.sqrt(0.5) * (fields[0] + fields[2])), 1)
    assert agreement(one, partly)[0] == pytest.approx([np.sqrt(0.5)], abs=1e-6)


def test_what_does_not_move_gives_numbers():
    still = principal_motions(np.zeros((50, 20, 3)), 2)
    cosines, likeness = agreement(still, still)
    assert cosines.tolist() == [0] and likeness == 0 and still.rms.max() < 1e-6
    assert np.isfinite(axes_of_motion(np.zeros((50, 2)), still.scores)).all()
