"""TensorFlow, imported in one place and set up before its first use."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tensorflow as tf  # noqa: E402  (the variables above must be set first)

from gmmrefine.errors import ResourceError  # noqa: E402

compiled = tf.function(jit_compile=True, autograph=False)


def set_up(threads=0, device="auto"):
    """Choose threads and device; must come before the first tensor.

    Parameters
    ----------
    threads : int
        CPU threads, 0 for all.
    device : str
        ``auto``, ``cpu`` or ``gpu``.

    Returns
    -------
    str
        The device in use, ``CPU`` or the GPU's name.

    Raises
    ------
    ResourceError
        A GPU was asked for and TensorFlow finds none.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise ResourceError(
            "--device gpu: TensorFlow finds no GPU. Install the extra [gpu] and an NVIDIA driver, or use --device cpu; "
            "'gmmrefine doctor' shows what is there.")
    if device == "cpu" or not gpus:
        tf.config.set_visible_devices([], "GPU")
        return "CPU"
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)
