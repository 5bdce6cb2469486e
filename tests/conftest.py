"""What the engine's tests share: a quiet TensorFlow, a seeded generator, the data that the project did not make."""

import os
from pathlib import Path

import numpy as np
import pytest

# Read by TensorFlow when it is imported, which the tests do later than this file.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def rng():
    """A random generator, the same in every test and run."""
    return np.random.default_rng(2023)


@pytest.fixture(scope="session")
def test_data():
    """Folder of files that other programs made; the test is skipped where it is absent."""
    folder = Path(os.environ.get("GMMREFINE_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}; set GMMREFINE_TEST_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def repository():
    """Root folder of the checkout."""
    return REPOSITORY


def pytest_runtest_setup(item):
    """Skip tests marked gpu where TensorFlow finds none."""
    if item.get_closest_marker("gpu"):
        import tensorflow

        if not tensorflow.config.list_physical_devices("GPU"):
            pytest.skip("TensorFlow finds no GPU on this machine")
