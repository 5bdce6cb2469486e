"""The histogram of motions, and latent points as a user writes them."""

import numpy as np
import pytest
from planted_motion import rigid_motion

from gmmrefine.errors import InputError
from gmmrefine.pipelines import conformations
from gmmrefine.pipelines.conformations import latent_points, write_histogram
from gmmrefine.pipelines.heterogeneity_folder import MotionGrid, MovingHalf

MOVE = (4.0, -2.0, 1.0)  # Å


@pytest.mark.parametrize("most", [1000, 15])
def test_histogram_tells_the_quartiles_of_each_half(tmp_path, monkeypatch, most):
    monkeypatch.setattr(conformations, "_MOST_MEASURED", most)
    mobility = (np.arange(30) < 10).astype(float)
    motion = rigid_motion(move=MOVE, mobility=mobility)
    halves = [
        MovingHalf(number, motion, np.repeat([[0.0, 0.0], [1.0, 0.0]], [still, 30 - still], axis=0))
        for number, still in ((1, 12), (2, 26))
    ]
    found = write_histogram(tmp_path / "motion.png", halves, MotionGrid(32, 2.0, 8, np.ones((32,) * 3)))
    length, mass = np.linalg.norm(MOVE), motion.gmm().masses
    assert found["Gaussians of the region"] == [pytest.approx([0, length, length], abs=1e-3), [0, 0, 0]]
    part = np.sqrt(mass[:10].sum() / mass.sum())
    assert found["all Gaussians"] == [pytest.approx([0, part * length, part * length], abs=1e-3), [0, 0, 0]]
    assert (tmp_path / "motion.png").stat().st_size > 0


@pytest.mark.parametrize("text", ["0.5 -1; 2 0", "0.5,-1;2,0;", " 0.5  -1 ;2 0 ; "])
def test_points_as_people_write_them(text):
    halves = [MovingHalf(1, None, np.zeros((4, 2)))]
    assert latent_points(text, halves).tolist() == [[0.5, -1.0], [2.0, 0.0]]
    with pytest.raises(InputError, match="point 2 is ''; expected 2 numbers"):
        latent_points("1 2;; 3 4", halves)
