"""TensorFlow's kernels are compiled once for each shape, however many batches and references come."""

import numpy as np
import pytest
from pose_problem import BATCH, RADIUS, true_projector

from gmmrefine.alignment import fused, likelihood_kernels
from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.prior import PosePrior
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.gmm import project

STAGES = march(RADIUS, (0.5, 1.0))
PRIOR = PosePrior.from_rms(3.0, 2.0)
KERNELS = {
    "slices": (project, "_slices"),
    "slices with moments": (project, "_slices_with_moments"),
    "value": (likelihood_kernels, "value"),
    "normal equations": (likelihood_kernels, "normal_equations"),
    "moved": (likelihood_kernels, "moved"),
    "agreement": (likelihood_kernels, "agreement"),
}


def traces():
    """How often each kernel was traced so far."""
    kernels = {name: getattr(module, function)._made() for name, (module, function) in KERNELS.items()}
    return {name: kernel.experimental_get_tracing_count() for name, kernel in kernels.items()}


@pytest.fixture(autouse=True)
def by_tensorflow(monkeypatch):
    monkeypatch.setattr(fused, "is_native", lambda: False)


def test_kernels_compile_once_for_each_radius(images, start):
    def refine():
        refiner = FisherRefiner(true_projector(images), np.ones(RADIUS + 1), STAGES, PRIOR)
        refine_poses([refiner], images, BATCH, [(start.rotations, start.shifts)], np.random.default_rng(1))

    before = traces()
    refine()
    first = traces()
    for name, count in first.items():
        assert 0 <= count - before[name] <= len(STAGES), name
    assert first["normal equations"] > 0
    refine()
    assert traces() == first
