"""What must stand in the environment before anything is imported, for all tests of engine and plugin."""

import atexit
import os
import runpy
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

import pytest

ENVIRONMENT = Path(__file__).with_name("scipion_gmmrefine") / "environment.py"
KEEPS_KERNELS = 2, 21  # TensorFlow from here on; 2.12 cannot run what it has kept, those between were not tried
PROGRAMS = "tests/integration/", "_workflow.py"  # part of the path of files whose tests run whole programs

# Read by NumPy's BLAS when it is imported: threads for matrices of 6 × 6 only wait for one another where cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")


def folder_of_the_session(prefix):
    """A folder that is removed when pytest ends; workers find it through the variables of the process that starts them."""
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def version_of_tensorflow():
    """Its first two numbers; (0, 0) where it is not installed."""
    try:
        return tuple(int(number) for number in metadata.version("tensorflow").split(".")[:2])
    except metadata.PackageNotFoundError:
        return 0, 0


# pyworkflow reads Scipion's variables once, when the plugin is imported.
if "SCIPION_DOMAIN" not in os.environ:
    runpy.run_path(str(ENVIRONMENT))["prepareScipion"](folder_of_the_session("gmmrefine_scipion_"))

# What one process compiles, the other workers and the programs that tests start load.
if "TF_XLA_FLAGS" not in os.environ and version_of_tensorflow() >= KEEPS_KERNELS:
    os.environ["TF_XLA_FLAGS"] = (
        f"--tf_xla_persistent_cache_directory={folder_of_the_session('gmmrefine_kernels_')} "
        "--tf_xla_persistent_cache_device_types=XLA_CPU_JIT"
    )


def pytest_configure(config):
    """Deal the files out to workers in their order; pytest-xdist before 3.7 begins with those of many tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Programs first: a long file that comes last would keep one worker busy while the others wait."""
    items.sort(key=lambda item: not any(part in item.nodeid for part in PROGRAMS))


@pytest.fixture(scope="module", autouse=True)
def same_folder():
    """Scipion enters the folder of a project, which does not outlive its tests."""
    before = os.getcwd()
    yield
    os.chdir(before)
