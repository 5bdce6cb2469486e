"""TensorFlow, imported in one place and set up before its first use."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import tensorflow as tf

from gmmrefine.errors import ResourceError

compiled = tf.function(jit_compile=True, autograph=False)


def set_up(threads=0, device="auto"):
    """Choose threads and device; repeated in one process, it must choose the same.

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
        A GPU was asked for and TensorFlow finds none, or TensorFlow computes otherwise already.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise ResourceError(
            "--device gpu: TensorFlow finds no GPU. Install the extra [gpu] and an NVIDIA driver, or use --device cpu; "
            "'gmmrefine doctor' shows what is there.")
    used = [] if device == "cpu" else gpus
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.set_visible_devices(used, "GPU")
    except RuntimeError as error:
        raise ResourceError(
            f"--threads {threads} --device {device}: TensorFlow in this process already computes "
            "with other threads or devices. Start a new process.") from error
    if not used:
        return "CPU"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)
