"""Say what this machine can run.

Shows Python, libraries, CPU threads, GPU, memory and disk, and times a small computation on each device. With --plan it only
says how much memory a refinement will take.
"""

import argparse
import importlib
import os
import platform
import shutil
import sys
import time

import gmmrefine
from gmmrefine.errors import ResourceError
from gmmrefine.native import SWITCH, is_native
from gmmrefine.pipelines.memory_plan import LARGEST_MEASURED_BOX, planned_memory_mb

_LIBRARIES = ("numpy", "scipy", "tensorflow", "mrcfile", "gemmi")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("--folder", default=".", metavar="DIR", help="folder whose free disk space is shown")
    parser.add_argument(
        "--plan",
        nargs=3,
        type=_count,
        metavar=("GAUSSIANS", "BOX", "PARTICLES"),
        help="only say how much memory a refinement takes: Gaussians of each half, box in px, particles of both halves",
    )


def run(args):
    """Print the report; fails when something the engine needs does not work, or the planned memory is not there."""
    if args.plan:
        _plan(*args.plan)
        return
    print(f"gmmrefine {gmmrefine.__version__}, Python {platform.python_version()} ({sys.executable})")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU threads, {_memory_gb():.1f} GB memory")
    free = shutil.disk_usage(args.folder).free / 1e9
    print(f"{free:.1f} GB free in {os.path.abspath(args.folder)}")
    for name in _LIBRARIES:
        print(f"{name} {_version(name)}")
    print(_compiled_loops())
    _try_devices()


def _count(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number of 1 or more")
    return number


def _plan(gaussians, box_size, particles):
    """Print the memory of a refinement; fails where this machine has less."""
    planned, there = planned_memory_mb(gaussians, box_size, particles) / 1024, _memory_gb()
    size = f"{gaussians} Gaussians in each half, box {box_size} px, {particles} particles"
    print(f"{size}: {planned:.1f} GB of memory at the peak")
    if box_size > LARGEST_MEASURED_BOX:
        print(f"by the rule that held for boxes up to {LARGEST_MEASURED_BOX} px; larger ones were not measured")
    if planned > there:
        raise ResourceError(
            f"a refinement of this size needs {planned:.1f} GB of memory; this machine has {there:.1f} GB. Use a larger "
            "machine, or bin the images to a smaller box."
        )
    print(f"this machine has {there:.1f} GB")


def _version(name):
    try:
        # the engine loads TensorFlow by its backend, which quiets it
        module = importlib.import_module("gmmrefine.backend").tf if name == "tensorflow" else importlib.import_module(name)
    except ImportError as error:
        raise ResourceError(
            f"{name} cannot be imported ({error}). Install this package again with pip in this Python."
        ) from error
    return getattr(module, "__version__", "(version unknown)")


def _compiled_loops():
    if is_native():
        return f"compiled loops: numba {_version('numba')}"
    if os.environ.get(SWITCH) == "0":
        return f"compiled loops: turned off by {SWITCH}=0; TensorFlow computes the same, slower"
    return "compiled loops: none, as numba is not installed (pip install numba); TensorFlow computes the same, slower"


def _memory_gb():
    """Memory of this machine in GB of 2³⁰ bytes, as batch systems count them."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _try_devices():
    """Run a small compiled kernel and a 3-D FFT on every device, and time them."""
    from gmmrefine.backend import compiled, tf

    @compiled
    def spread(indices):
        return tf.tensor_scatter_nd_add(tf.zeros([64**3]), indices, tf.ones([indices.shape[0]]))

    devices = tf.config.list_logical_devices()
    if not any(device.device_type == "GPU" for device in devices):
        print("GPU: none found by TensorFlow; everything runs on the CPU")
    for device in devices:
        started = time.perf_counter()
        try:
            with tf.device(device.name):
                total = tf.reduce_sum(spread(tf.zeros([1000, 1], tf.int32))).numpy()
                tf.signal.fft3d(tf.zeros([64, 64, 64], tf.complex64)).numpy()
        except tf.errors.OpError as error:
            raise ResourceError(
                f"{device.name}: a small kernel fails ({error.message.splitlines()[0]}). Check TensorFlow and the driver of "
                "this device, or use --device cpu."
            ) from error
        if total != 1000:
            raise ResourceError(
                f"{device.name}: a sum of 1000 ones gave {total:g}; this device computes wrongly. Use another one."
            )
        print(f"{device.name}: works ({time.perf_counter() - started:.2f} s for the first kernel and FFT)")
