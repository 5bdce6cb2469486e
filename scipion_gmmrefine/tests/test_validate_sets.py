"""Sets that are not ready, or do not say what they must."""

from scipion_gmmrefine.protocols import GmmRefineProtRefine
from scipion_gmmrefine.tests.sets import TWO_GROUPS, makeParticles
from scipion_gmmrefine.tests.test_validate import ValidateTest


class TestValidateSets(ValidateTest):
    def test_a_set_that_is_still_being_filled_is_waited_for(self):
        particles = makeParticles(self.folder)
        particles.setStreamState(particles.STREAM_OPEN)
        protocol = self.proj.newProtocol(GmmRefineProtRefine)
        protocol.inputParticles.set(particles)
        self.assertIn("still being filled", "\n".join(protocol.validate()))
        particles.setStreamState(particles.STREAM_CLOSED)
        self.assertEqual(protocol.validate(), [])

    def test_particles_that_have_lost_their_optics_groups_are_refused(self):
        """RELION's reader in Scipion keeps the table of the groups, but of the particles' column only what it is told to."""
        protocol = self.proj.newProtocol(GmmRefineProtRefine)
        protocol.inputParticles.set(makeParticles(self.folder, groups=()))
        self.assertIn("2 optics groups that differ", "\n".join(protocol.validate()))
        alike = TWO_GROUPS.replace("second 2 200 1.4 0.07 1.25 [0.3,0.4]", "second 2 300 2.7 0.1 1.25 [0.1,0.2]")
        protocol.inputParticles.set(makeParticles(self.folder, groups=(), opticsInfo=alike))
        self.assertEqual(protocol.validate(), [])
