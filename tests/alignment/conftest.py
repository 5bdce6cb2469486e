"""The pose problem of the tests here, made once for each file."""

import pytest
from pose_problem import noisy_images, start_poses, true_projector


@pytest.fixture(scope="module")
def images():
    return noisy_images()


@pytest.fixture(scope="module")
def projector(images):
    return true_projector(images)


@pytest.fixture(scope="module")
def start(images):
    return start_poses(images)
