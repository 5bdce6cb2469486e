"""How long a run still needs, from what the engine has reported."""

import json
import tempfile
import unittest
from pathlib import Path

from scipion_gmmrefine.convert.progress import readEvents, secondsOfIterations, secondsOfTraining

FIT = {"step": "fit GMM", "iteration": 1, "half": 1, "seconds": 10.0}
POSES = {"step": "refine poses", "iteration": 1, "half": 1, "seconds": 30.0}
ENDED = {"step": "iteration", "iteration": 1, "resolution": 8.0}


def at(iteration, *events, half=1):
    """Events in another iteration and half set."""
    return [{**event, "iteration": iteration, "half": half} for event in events]


class TestProgress(unittest.TestCase):
    def test_iterations_that_are_left_take_as_long_as_those_done(self):
        events = [FIT, POSES, ENDED]
        self.assertEqual(secondsOfIterations([FIT], 5), None)
        self.assertEqual(secondsOfIterations(events, 5), 4 * 40)
        self.assertEqual(secondsOfIterations(events + at(2, FIT), 5), 4 * 40 - 10)
        begun = {"step": "refine poses", "iteration": 2, "half": 1, "particles_per_s": 4.0, "done": 20, "eta_s": 25}
        self.assertEqual(secondsOfIterations([*events, *at(2, FIT), begun], 5), 4 * 40 - 10 - 5)
        self.assertEqual(secondsOfIterations(events, 1), 0)

    def test_what_was_done_twice_after_a_stop_counts_once(self):
        events = [FIT, POSES, ENDED, *at(2, FIT), *at(2, FIT, POSES), *at(2, ENDED), *at(3, FIT)]
        self.assertEqual(secondsOfIterations(events, 5), 3 * 40 - 10)

    def test_training_of_one_half_that_ended_early(self):
        def epochs(half, count):
            return [{"step": "train", "half": half, "epoch": epoch, "seconds": 5.0} for epoch in range(1, count + 1)]

        self.assertEqual(secondsOfTraining([], 10), None)
        self.assertEqual(secondsOfTraining(epochs(1, 4), 10), 16 * 5)
        self.assertEqual(secondsOfTraining(epochs(1, 6) + epochs(2, 3), 10), 7 * 5)

    def test_the_line_that_is_being_written_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(readEvents(folder), [])
            (Path(folder) / "events.jsonl").write_text(json.dumps(FIT) + '\n{"step": "re')
            self.assertEqual(readEvents(folder), [FIT])
