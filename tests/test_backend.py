"""TensorFlow's set-up."""
import subprocess
import sys

import pytest

from gmmrefine.backend import compiled, set_up, tf
from gmmrefine.errors import ResourceError


def test_set_up_again_with_the_same_choice():
    tf.zeros(1)
    assert set_up() == set_up()


def test_another_choice_in_a_process_that_computes_already_is_refused():
    tf.zeros(1)
    with pytest.raises(ResourceError, match="--threads 3 --device auto: TensorFlow in this process already computes"):
        set_up(threads=3)


def test_choice_before_the_first_tensor():
    code = (
        "from gmmrefine.backend import set_up, tf; name = set_up(1, 'cpu'); tf.zeros(1); set_up(1, 'cpu');"
        "print(name, tf.config.threading.get_intra_op_parallelism_threads(), len(tf.config.list_logical_devices('GPU')))")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["CPU", "1", "0"]


def test_compiled_computes():
    assert compiled(lambda x: tf.reduce_sum(x * x))(tf.constant([3.0, 4.0])).numpy() == 25
