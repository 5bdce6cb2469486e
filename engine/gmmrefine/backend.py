"""TensorFlow, in one place: loaded when something of it is first used, so that what is wrong with the input is said before.

Loading it takes seconds; modules that compute may be imported without.
"""

import os
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import RLock

from gmmrefine.allocator import keep_freed_memory
from gmmrefine.errors import ResourceError
from gmmrefine.threads import thread_count, use_threads

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


@contextmanager
def _quiet_native_code():
    """Keep what TensorFlow's libraries print while they load (no CUDA here, …) off standard error."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


_loading = RLock()


@lru_cache(maxsize=None)
def _tensorflow():
    try:
        with _quiet_native_code():
            import tensorflow
    except ImportError as error:
        if error.name != "tensorflow":
            raise ResourceError(f"TensorFlow cannot be loaded ({error}). Install it again in this Python.") from error
        raise ResourceError(
            f"computing needs TensorFlow, which {sys.executable} does not have. Install the extra: "
            "pip install 'gmmrefine[tf]', or 'gmmrefine[gpu]' for an NVIDIA GPU."
        ) from error
    tensorflow.get_logger().setLevel("ERROR")  # it warns of every new array shape
    return tensorflow


class _TensorFlow:
    """The module, imported when the first of its names is asked for."""

    def __getattr__(self, name):
        with _loading:
            value = getattr(_tensorflow(), name)
        vars(self)[name] = value
        return value


tf = _TensorFlow()


class _Compiled:
    """A function, or a method, that becomes one of TensorFlow when it is first called.

    Parameters
    ----------
    function : callable
    options : dict
        Of ``tf.function``.
    """

    def __init__(self, function, **options):
        self.__doc__, self.__wrapped__ = function.__doc__, function
        self._options, self._compiled = options, None

    def _made(self):
        with _loading:
            if self._compiled is None:
                self._compiled = tf.function(self.__wrapped__, **self._options)
        return self._compiled

    def __call__(self, *args, **kwargs):
        return self._made()(*args, **kwargs)

    def __get__(self, instance, owner=None):
        return self if instance is None else self._made().__get__(instance, owner)


compiled = partial(_Compiled, jit_compile=True, autograph=False)
traced = partial(_Compiled, reduce_retracing=True)

keep_freed_memory()


def set_up(threads=None, device="auto"):
    """Choose threads and device; repeated in one process, it must choose the same.

    Parameters
    ----------
    threads : int, optional
        CPU threads; all by default.
    device : str
        ``auto``, ``cpu`` or ``gpu``.

    Returns
    -------
    str
        The device in use, ``CPU`` or the GPU's name.

    Raises
    ------
    ResourceError
        A GPU was asked for and TensorFlow finds none, or TensorFlow computes otherwise already.
    """
    with _quiet_native_code():
        gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise ResourceError(
            "--device gpu: TensorFlow finds no GPU. Install the extra [gpu] and an NVIDIA driver, or use --device cpu; "
            "'gmmrefine doctor' shows what is there."
        )
    threads = threads or 0  # TensorFlow's word for all
    use_threads(threads)
    used = [] if device == "cpu" else gpus
    try:
        if threads != tf.config.threading.get_intra_op_parallelism_threads():
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.set_visible_devices(used, "GPU")
    except RuntimeError as error:
        raise ResourceError(
            f"--threads {threads} --device {device}: TensorFlow in this process already computes "
            "with other threads or devices. Start a new process."
        ) from error
    if not used:
        return "CPU"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)


def on_cpu():
    """Whether no GPU is in use."""
    return not tf.config.get_visible_devices("GPU")


def overlapped(function, items):
    """Results of ``function`` for each item, in order, several at a time on the CPU's cores.

    Compiled kernels run on one core each, so that batches side by side use the others. No more than one item per core is
    taken in advance.

    Parameters
    ----------
    function : callable
        Must not change anything the others use.
    items : iterable
    """
    workers = thread_count() if on_cpu() else 1
    pool, running = _pool(workers), deque()
    try:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) >= workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for left in running:
            left.cancel()


def side_by_side(function, items):
    """Call ``function`` for all items at once, on a thread each; not from within ``overlapped``, whose threads it shares."""
    if len(items) == 1:
        function(items[0])
    else:
        list(_pool(len(items)).map(function, items))


@lru_cache(maxsize=None)
def _pool(workers):
    """Threads that stay: each new one would leave its share of the heap behind."""
    return ThreadPoolExecutor(workers)
