from pyworkflow.protocol import STATUS_RUNNING, STATUS_SCHEDULED

from scipion_gmmrefine.protocols import GmmRefineProtFocus, GmmRefineProtImportParticles, GmmRefineProtRefine
from scipion_gmmrefine.tests.projects import launchAtOnce
from scipion_gmmrefine.tests.sets import makeParticles
from scipion_gmmrefine.tests.test_validate import ValidateTest


class TestScheduledRuns(ValidateTest):
    """Scipion's scheduler starts a run once it has no errors, and looks again and again until then."""

    def upstream(self, finished):
        """A protocol that has not made its output."""
        protocol = self.proj.newProtocol(GmmRefineProtRefine)
        self.proj.saveProtocol(protocol)
        if finished:
            protocol.setFinished()
        return protocol

    def refine(self, finished):
        """A refinement of good particles inside a mask that another protocol makes."""
        protocol = self.proj.newProtocol(GmmRefineProtRefine)
        protocol.inputParticles.set(makeParticles(self.folder))
        protocol.mask.set(self.upstream(finished))
        protocol.mask.setExtended("outputMask")
        return protocol

    def test_optional_input_that_is_not_there_yet_is_not_taken_for_empty(self):
        self.assertOneError(
            self.refine(finished=False), "*Mask of the molecule* is an output of", "GMM refine that is not there", "Wait until"
        )

    def test_input_of_a_row_that_is_not_shown_does_not_matter(self):
        protocol = self.proj.newProtocol(GmmRefineProtFocus, region=1, focusSphere="20 20 20 9")
        protocol.inputParticles.set(makeParticles(self.folder))
        protocol.focusMask.set(self.upstream(finished=False))
        protocol.focusMask.setExtended("outputMask")
        self.assertEqual(protocol.validate(), [])

    def test_scheduled_run_waits_while_an_input_can_still_come(self):
        protocol = self.refine(finished=False)
        protocol.setStatus(STATUS_SCHEDULED)
        self.assertOneError(protocol, "not there")

    def test_scheduled_run_with_an_error_that_stays_is_let_through_to_fail(self):
        protocol = self.refine(finished=True)
        self.assertOneError(protocol, "not there")
        protocol.setStatus(STATUS_SCHEDULED)
        self.assertEqual(protocol.validate(), [])
        protocol.setStatus(STATUS_RUNNING)
        self.assertOneError(protocol, "not there")

    def test_it_fails_with_that_error(self):
        protocol = self.proj.newProtocol(GmmRefineProtImportParticles, particlesFile="/nowhere/particles.star")
        with self.assertRaisesRegex(AssertionError, "(?s)validation errors.*/nowhere/particles.star does not exist"):
            launchAtOnce(self.proj, protocol)
        self.assertTrue(protocol.isFailed())
