"""TensorFlow's set-up, and batches side by side."""

import subprocess
import sys
import threading
import time

import pytest

from gmmrefine.backend import compiled, overlapped, set_up, tf
from gmmrefine.errors import ResourceError


def test_set_up_again_with_the_same_choice():
    tf.zeros(1)
    assert set_up() == set_up()


def test_another_choice_in_a_process_that_computes_already_is_refused():
    tf.zeros(1)
    with pytest.raises(ResourceError, match="--threads 3 --device auto: TensorFlow in this process already computes"):
        set_up(threads=3)


def test_first_choice_after_the_first_tensor():
    code = "from gmmrefine.backend import set_up, tf; tf.zeros(1); print(set_up())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == set_up()


def test_choice_before_the_first_tensor():
    code = (
        "from gmmrefine.backend import set_up, tf; name = set_up(1, 'cpu'); tf.zeros(1); set_up(1, 'cpu');"
        "print(name, tf.config.threading.get_intra_op_parallelism_threads(), len(tf.config.list_logical_devices('GPU')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["CPU", "1", "0"]


def test_compiled_computes():
    assert compiled(lambda x: tf.reduce_sum(x * x))(tf.constant([3.0, 4.0])).numpy() == 25


def test_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(ResourceError, match=r"--device gpu: TensorFlow finds no GPU\. Install the extra \[gpu\]"):
        set_up(device="gpu")


@pytest.fixture
def threads(monkeypatch):
    """A function that sets the number of batches treated side by side."""

    def choose(number):
        monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
        monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: number)

    return choose


def test_results_come_in_the_order_of_the_items(threads):
    def slow_first(item):
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    threads(3)
    assert list(overlapped(slow_first, range(10))) == [number**2 for number in range(10)]
    assert list(overlapped(slow_first, [])) == []


def test_items_are_not_taken_far_ahead(threads):
    """Batches hold images: only as many as are worked on may be in memory."""
    threads(3)
    taken = []
    results = overlapped(lambda item: item, (taken.append(number) or number for number in range(100)))
    for number in range(10):
        assert next(results) == number
        assert len(taken) <= number + 5
    results.close()


def test_work_is_done_side_by_side(threads):
    threads(2)
    both = threading.Barrier(2, timeout=5)
    assert list(overlapped(lambda item: both.wait() < 2, range(4))) == [True] * 4


def test_error_in_one_item_ends_the_whole():
    def fails_at_two(item):
        if item == 2:
            raise ValueError("bad item")
        return item

    with pytest.raises(ValueError, match="bad item"):
        list(overlapped(fails_at_two, range(5)))
