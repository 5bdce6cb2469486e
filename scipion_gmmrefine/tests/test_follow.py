import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from pyworkflow.project import Manager
from pyworkflow.protocol import STATUS_FAILED, STATUS_FINISHED, STATUS_RUNNING, STATUS_SAVED, STATUS_SCHEDULED
from pyworkflow.tests import BaseTest

from scipion_gmmrefine import follow
from scipion_gmmrefine.protocols import GmmRefineProtBuild, GmmRefineProtImportParticles, GmmRefineProtRefine

COLOURED = "\x1b[31mProtocol failed: the disk\n is full.\x1b[0m"


class TestFollow(BaseTest):
    def setUp(self):
        here, name = os.getcwd(), self._testMethodName
        self.project = Manager().createProject(name)
        self.addCleanup(Manager().deleteProject, self.project.getShortName())
        self.addCleanup(os.chdir, here)
        os.chdir(self.project.path)
        self.said = []
        self.importing = self.project.newProtocol(GmmRefineProtImportParticles)
        self.refining = self.after(GmmRefineProtRefine, "inputParticles", self.importing, "outputParticles")
        self.building = self.after(GmmRefineProtBuild, "inputVolume", self.refining, "outputVolume")
        self.setStates(STATUS_SAVED, STATUS_SAVED, STATUS_SAVED)

    def after(self, protocolClass, row, source, output):
        """A protocol that points to an output of another one."""
        protocol = self.project.newProtocol(protocolClass)
        getattr(protocol, row).set(source)
        getattr(protocol, row).setExtended(output)
        return protocol

    def setStates(self, *states, pid=0):
        for protocol, state in zip((self.importing, self.refining, self.building), states):
            protocol.setStatus(state)
            protocol.setPid(pid)
            self.project._setupProtocol(protocol)
        self.project.mapper.commit()

    def follow(self, *later, patience=1000):
        """Errors at the end, when every pause brings the next states."""
        changes = iter(later)
        with mock.patch.object(follow.time, "sleep", side_effect=lambda _: self.setStates(*next(changes))):
            return follow.follow(self.project.path, say=self.said.append, patience=patience)

    def test_it_ends_with_the_last_run_and_tells_every_change_once(self):
        self.setStates(STATUS_FINISHED, STATUS_SCHEDULED, STATUS_SCHEDULED)
        errors = self.follow(
            (STATUS_FINISHED, STATUS_RUNNING, STATUS_SCHEDULED),
            2 * [STATUS_FINISHED] + [STATUS_SCHEDULED],
            3 * [STATUS_FINISHED],
        )
        self.assertEqual(errors, [])
        told = [line.split("  ", 1)[1] for line in self.said]
        names = ["GMM import particles", "GMM refine", "GMM build"]
        wanted = [(0, "finished"), (1, "scheduled"), (2, "scheduled"), (1, "running"), (1, "finished"), (2, "finished")]
        self.assertEqual(told, [f"{names[number]}: {state}" for number, state in wanted])

    def test_failure_ends_it_where_all_others_come_after_it(self):
        self.setStates(STATUS_FINISHED, STATUS_RUNNING, STATUS_SCHEDULED)
        self.refining._error.set(COLOURED)
        failed, lost = self.follow((STATUS_FINISHED, STATUS_FAILED, STATUS_SCHEDULED))
        self.assertEqual(failed, "GMM refine: failed. Protocol failed: the disk is full")
        self.assertEqual(lost, "GMM build: not started, as an input has failed")

    def test_what_does_not_come_after_a_failure_is_waited_for(self):
        self.building.inputVolume.set(None)
        self.setStates(STATUS_FINISHED, STATUS_FAILED, STATUS_SCHEDULED)
        (failed,) = self.follow(*((STATUS_FINISHED, STATUS_FAILED, last) for last in (STATUS_RUNNING, STATUS_FINISHED)))
        self.assertIn("GMM refine: failed", failed)

    def test_run_whose_process_is_gone_has_died(self):
        with subprocess.Popen(["true"]) as process:
            pass
        self.setStates(STATUS_FINISHED, STATUS_RUNNING, STATUS_SCHEDULED, pid=process.pid)
        with mock.patch.object(follow.time, "sleep") as pause:
            errors = follow.follow(self.project.path, say=self.said.append)
        self.assertEqual([error.split(": ")[1] for error in errors], ["died", "died"])  # a run, and a scheduler
        self.assertGreaterEqual(pause.call_count, 1)  # one look is not enough: processes hand over to one another

    def test_runs_that_nothing_starts_are_given_up_with_the_reason(self):
        self.setStates(STATUS_FINISHED, STATUS_FINISHED, STATUS_SCHEDULED)
        log = Path(self.building.getScheduleLog())
        log.parent.mkdir(parents=True)
        log.write_text(
            "Checking input data...\nGMM build doesn't validate:\n\t- an old error\nChecking prerequisites... []\n"
            "Checking input data...\nGMM build doesn't validate:\n\t- *Input volume* cannot be EMPTY.\n"
            "Checking prerequisites... []\nStill not ready, sleeping 60 seconds...\n"
        )
        (error,) = self.follow(patience=-1)
        self.assertEqual(error, f"GMM build: scheduled. - *Input volume* cannot be EMPTY. See {log.absolute()}")

    def test_nothing_is_written_to_the_project(self):
        self.setStates(STATUS_FINISHED, STATUS_FAILED, STATUS_SCHEDULED)
        database = Path(self.project.path) / "project.sqlite"
        before = database.read_bytes()
        self.follow()
        self.assertEqual(database.read_bytes(), before)

    def test_database_that_is_just_being_written_is_looked_at_again(self):
        self.setStates(STATUS_FINISHED, STATUS_FINISHED, STATUS_SCHEDULED)
        database = Path(self.building.getDbPath())
        database.parent.mkdir(parents=True)
        database.write_bytes(b"half of a copy")
        self.assertEqual(self.follow(3 * [STATUS_FINISHED]), [])

    def test_project_without_runs_is_no_success(self):
        for protocol in (self.building, self.refining, self.importing):
            self.project.deleteProtocol(protocol)
        (error,) = self.follow()
        self.assertIn("holds no runs", error)

    def test_exit_codes(self):
        self.setStates(*3 * [STATUS_FINISHED])
        self.assertEqual(self.main(self.project.getShortName())[0], 0)
        self.setStates(STATUS_FINISHED, STATUS_FINISHED, STATUS_FAILED)
        code, said = self.main(self.project.getShortName())
        self.assertEqual(code, 1)
        self.assertIn("GMM build: failed", said.splitlines()[-1])
        code, said = self.main("no_such_project")
        self.assertEqual(code, 1)
        self.assertRegex(said, "^There is no project no_such_project in .*projects.\n$")
        self.assertEqual(self.main()[0], 1)

    def main(self, *arguments):
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            return follow.main([*arguments]), said.getvalue()
