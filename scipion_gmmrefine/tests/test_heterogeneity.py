import json
from pathlib import Path

import numpy as np
from pwem.objects import Particle, SetOfParticles
from pyworkflow.object import Pointer

from gmmrefine import settings
from scipion_gmmrefine.constants import HALF_SET, LATENT_FILE, MOTION_USED, MOTIONS_FILE, PARTICLES_FILE
from scipion_gmmrefine.convert.latents import readLatents
from scipion_gmmrefine.convert.star import readTable, writeTables
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.protocols import (
    GmmRefineProtConformationToPose,
    GmmRefineProtFocus,
    GmmRefineProtHeterogeneity,
    GmmRefineProtRefine,
)
from scipion_gmmrefine.protocols.form import engineOptions, rows
from scipion_gmmrefine.protocols.protocol_region import MASK, MODEL, NONE_NAMED, SPHERE
from scipion_gmmrefine.tests.results import writeHeterogeneity
from scipion_gmmrefine.tests.sets import PIXEL_SIZE, makeParticles, writeMask
from scipion_gmmrefine.tests.test_validate import ValidateTest

IDS = (3, 1, 7, 9, 12, 5, 8, 2)  # not in order and not without gaps
LATENT = np.random.default_rng(4).normal(size=(len(IDS), 3)).round(4)  # by ascending id, as Scipion deals them out


def learned(project, folder, particles=None, latent=LATENT):
    """A heterogeneity protocol whose engine has just ended; its outputs are not made yet."""
    protocol = project.newProtocol(GmmRefineProtHeterogeneity)
    protocol.inputParticles.set(particles or makeParticles(folder, ids=IDS))
    project.saveProtocol(protocol)
    protocol.makeWorkingDir()
    writeHeterogeneity(Path(protocol._getExtraPath()), protocol.inputParticles.get(), latent)
    return protocol


def finished(project, folder, *arguments):
    """The same with its output."""
    protocol = learned(project, folder, *arguments)
    protocol._defineOutputs(outputParticles=protocol._flexibleParticles(readLatents(protocol._getExtraPath())))
    return protocol


class TestFlexibleParticles(ValidateTest):
    def test_every_particle_has_its_own_conformation_half_and_ctf(self):
        protocol = finished(self.proj, self.folder)
        particles, source = protocol.outputParticles, protocol.inputParticles.get()
        self.assertEqual([one.getObjId() for one in particles], sorted(IDS))
        for row, (one, given) in enumerate(zip(particles.iterItems(), source.iterItems())):
            np.testing.assert_allclose(one.getZFlex(), LATENT[row])
            self.assertEqual(one._gmmLatentError3.get(), 0.3)
            self.assertAlmostEqual(one._gmmMotion.get(), 10 * np.linalg.norm(LATENT[row]), places=5)
            self.assertEqual(getattr(one, HALF_SET).get(), getattr(given, HALF_SET).get())
            self.assertEqual(one.getCTF().getDefocusU(), 15000 + one.getObjId())
            np.testing.assert_array_equal(one.getTransform().getMatrix(), given.getTransform().getMatrix())

    def test_other_plugins_see_whose_latents_these_are(self):
        protocol = finished(self.proj, self.folder)
        particles = protocol.outputParticles
        self.assertEqual(particles.getFlexInfo().getProgName(), "gmmrefine")
        self.assertEqual(particles.getFirstItem().getFlexInfo().getProgName(), "gmmrefine")
        self.assertTrue(particles.getFlexInfo().getAttr("networkHalf2").endswith("network_half_2.npz"))
        self.assertTrue(particles.hasCTF() and particles.hasAlignmentProj())
        self.assertEqual(particles.getSamplingRate(), PIXEL_SIZE)

    def test_coordinates_stay_known(self):
        picked = Pointer(self.proj.newProtocol(GmmRefineProtRefine), extended="outputCoordinates")
        source = makeParticles(self.folder, ids=IDS)
        source.setCoordinates(picked)
        particles = finished(self.proj, self.folder, source).outputParticles
        self.assertEqual(particles._coordsPointer.getExtended(), "outputCoordinates")

    def test_they_are_particles_for_every_other_protocol(self):
        protocol = finished(self.proj, self.folder)
        focusing = self.proj.newProtocol(GmmRefineProtFocus, region=SPHERE, focusSphere="20 20 20 9")
        focusing.inputParticles.set(protocol.outputParticles)
        self.assertEqual(focusing.validate(), [])
        self.proj.saveProtocol(focusing)
        focusing.makeWorkingDir()
        writeParticles(protocol.outputParticles, focusing._getExtraPath(PARTICLES_FILE), focusing._getExtraPath("stacks"))
        refined = focusing._refinedParticles()
        refined.write()
        again = SetOfParticles(filename=refined.getFileName())
        again.loadAllProperties()
        self.assertTrue(again.hasCTF() and again.hasAlignmentProj())
        for one, given in zip(again.iterItems(), protocol.outputParticles.iterItems()):
            np.testing.assert_allclose(one.getTransform().getMatrix(), given.getTransform().getMatrix(), atol=1e-5)
            self.assertEqual((one.getObjId(), one._gmmMotion.get()), (given.getObjId(), given._gmmMotion.get()))

    def test_a_disabled_particle_has_no_conformation(self):
        particles = makeParticles(self.folder)
        particle = particles[3]
        particle.setEnabled(False)
        particles.update(particle)
        particles.write()
        protocol = finished(self.proj, self.folder, particles, LATENT[:7])
        self.assertEqual([one.getObjId() for one in protocol.outputParticles], [1, 2, 4, 5, 6, 7, 8])
        np.testing.assert_allclose(protocol.outputParticles[4].getZFlex(), LATENT[2])

    def test_tables_of_different_particles_are_refused(self):
        protocol = learned(self.proj, self.folder)
        path = protocol._getExtraPath(LATENT_FILE)
        table = readTable(path)
        writeTables(path, {"latent": {name: values[::-1] for name, values in table.items()}})
        with self.assertRaisesRegex(ValueError, "do not hold the same images in the same order: 8 and 8"):
            protocol._flexibleParticles(readLatents(protocol._getExtraPath()))

    def test_summary_states_the_verdict(self):
        protocol = learned(self.proj, self.folder)
        Path(protocol._getExtraPath("events.jsonl")).write_text('{"step": "train", "epoch": 3, "half": 1, "eta_s": 90}\n')
        self.assertEqual(protocol.summary(), ["train, epoch 3 of 30, half 1, 2 min left of this step."])
        protocol._defineOutputs(outputParticles=protocol._flexibleParticles(readLatents(protocol._getExtraPath())))
        self.assertIn("Both halves move alike: leading motion 4.5, 4.2 Å rms, cosine 0.98", protocol.summary()[0])
        self.assertEqual(protocol.summary()[-1], "Moving: whole molecule")
        self.assertIn("8 particles (whole molecule) were learned by networks", protocol.methods()[0])

    def test_columns_of_the_table(self):
        latents = readLatents(learned(self.proj, self.folder)._getExtraPath())
        self.assertEqual(latents.ids.tolist(), sorted(IDS))
        np.testing.assert_allclose(latents.latent, LATENT)
        self.assertEqual(latents.defocus[0], 14501)
        second = latents.ofHalf(2)
        self.assertEqual(second.ids.tolist(), [objId for objId, half in zip(sorted(IDS), latents.halves) if half == 2])
        np.testing.assert_allclose(second.motion, 10 * np.linalg.norm(second.latent, axis=1), atol=1e-5)


class TestValidateHeterogeneity(ValidateTest):
    def learning(self, particles=None, **options):
        protocol = self.proj.newProtocol(GmmRefineProtHeterogeneity, **options)
        protocol.inputParticles.set(particles or makeParticles(self.folder))
        return protocol

    def test_good_input(self):
        self.assertEqual(self.learning().validate(), [])
        self.assertNotIn("--focus-edge", engineOptions(self.learning(), rows(settings.HeterogeneitySettings)))

    def test_anchors(self):
        for text in ("", "some", "32 16", "0", "32 32", "-4"):
            self.assertOneError(self.learning(anchors=text), f"'{text}'", "such as 32 or 32 128")
        for text in ("auto", "32", "32 128"):
            self.assertEqual(self.learning(anchors=text).validate(), [])

    def test_target_resolution(self):
        errors = self.learning(targetResolution=4.0).validate()
        self.assertEqual(len(errors), 1)
        self.assertIn("ends at 5.00 Å.\nGive a larger number.", errors[0])

    def test_half_sets(self):
        self.assertOneError(self.learning(makeParticles(self.folder, halves=())), "no half sets")

    def test_region(self):
        for region, words in ((MASK, "Focus mask"), (SPHERE, "Focus sphere"), (MODEL, "Focus on part of an atomic model")):
            self.assertOneError(self.learning(region=region), words, "choose 'whole molecule'")
        protocol = self.learning(region=MASK)
        protocol.focusMask.set(writeMask(self.folder / "mask.mrc", box=20))
        self.assertOneError(protocol, "The focus mask has 20×20×20 voxels")

    def test_limits(self):
        self.assertOneError(self.learning(latentSize=17), "17: expected from 1 to 16")


class TestValidateConformationToPose(ValidateTest):
    def converting(self, withOutput=True, reproducible=True, **options):
        heterogeneity = finished(self.proj, self.folder) if withOutput else learned(self.proj, self.folder)
        record = Path(heterogeneity._getExtraPath("run.json"))
        results = json.loads(record.read_text())
        results["results"]["reproducible"] = reproducible
        record.write_text(json.dumps(results))
        protocol = self.proj.newProtocol(GmmRefineProtConformationToPose, **options)
        protocol.inputHeterogeneity.set(heterogeneity)
        return protocol

    def test_good_input(self):
        protocol = self.converting(region=SPHERE, focusSphere="20 20 20 9")
        self.assertEqual((protocol.validate(), protocol.warnings()), ([], []))

    def test_only_the_heterogeneity_run_itself_is_asked(self):
        """Scipion's scheduler shows a run what its inputs have made, not what the inputs of those have."""
        protocol = self.converting(region=SPHERE, focusSphere="20 20 20 9")
        protocol.inputHeterogeneity.get().inputParticles.set(self.proj.newProtocol(GmmRefineProtRefine))
        protocol.inputHeterogeneity.get().inputParticles.setExtended("outputParticles")
        self.assertIsNone(protocol.inputHeterogeneity.get().inputParticles.get())
        self.assertEqual(protocol.validate(), [])
        self.assertEqual(protocol.inputParticles.get().getSize(), len(IDS))

    def test_unfinished_heterogeneity(self):
        self.assertOneError(self.converting(withOutput=False), "no conformations yet")

    def test_no_heterogeneity(self):
        self.assertOneError(self.proj.newProtocol(GmmRefineProtConformationToPose), "*Heterogeneity* cannot be EMPTY.")

    def test_a_region_must_be_named_here_or_there(self):
        protocol = self.converting()
        self.assertOneError(protocol, "looked at the whole molecule", "poses of its own")
        protocol.inputHeterogeneity.get().region.set(SPHERE)
        self.assertEqual(protocol.validate(), [])
        protocol.region.set(MASK)
        self.assertOneError(protocol, "Focus mask", "choose 'that of the heterogeneity run'")

    def test_motion_that_is_not_real_is_a_warning(self):
        (warning,) = self.converting(reproducible=False, region=SPHERE, focusSphere="20 20 20 9").warnings()
        self.assertIn("no reproducible motion", warning)

    def test_resolution_and_gaussians(self):
        errors = self.converting(region=SPHERE, focusSphere="20 20 20 9", maxResolution=3.0, gaussians="many").validate()
        self.assertEqual(len(errors), 2)

    def test_only_what_is_shown_goes_to_the_engine(self):
        protocol = self.converting(region=NONE_NAMED, focusSphere="20 20 20 9")
        options = engineOptions(protocol, protocol.SETTINGS)
        for absent in ("--focus-sphere", "--focus-edge", "--motions", "--mask-edge", "--split-halves"):
            self.assertNotIn(absent, options)
        protocol.region.set(SPHERE)
        self.assertEqual(engineOptions(protocol, protocol.SETTINGS)[-4:-2], ["--focus-sphere", "20 20 20 9"])


class TestConvertedParticles(ValidateTest):
    USED = [1, 0, 0, 1, 1, 0, 1, 0]  # by ascending id

    def converted(self, iteration):
        """The output particles of a conversion whose best result was that of an iteration."""
        heterogeneity = finished(self.proj, self.folder)
        protocol = self.proj.newProtocol(GmmRefineProtConformationToPose)
        protocol.inputHeterogeneity.set(heterogeneity)
        self.proj.saveProtocol(protocol)
        protocol.makeWorkingDir()
        writeParticles(protocol.inputParticles.get(), protocol._getExtraPath(PARTICLES_FILE), protocol._getExtraPath("stacks"))
        writeTables(protocol._getExtraPath(MOTIONS_FILE), {"motions": {"gmmMotionUsed": self.USED}})
        Path(protocol._getExtraPath("run.json")).write_text(json.dumps({"results": {"iteration": iteration}}))
        return protocol._refinedParticles()

    def test_each_particle_says_whether_it_follows_its_conformation(self):
        found = {one.getObjId(): getattr(one, MOTION_USED).get() for one in self.converted(1).iterItems()}
        self.assertEqual(found, dict(zip(sorted(IDS), self.USED)))

    def test_they_are_plain_particles_again(self):
        """Of the class of those that were learned from, without latents, but with all that those had."""
        before, after = makeParticles(self.folder, ids=IDS), self.converted(1)
        self.assertEqual({type(one) for one in after.iterItems()}, {Particle})
        had, has = ({name for name, _ in one.getFirstItem().getAttributes()} for one in (before, after))
        self.assertEqual(has - had - {"_acquisition"}, {MOTION_USED})  # that of the set
        self.assertEqual(had - has, set())
        self.assertEqual(after.getAcquisition().opticsGroupInfo.get(), before.getAcquisition().opticsGroupInfo.get())

    def test_none_does_where_it_was_no_gain(self):
        self.assertEqual({getattr(one, MOTION_USED).get() for one in self.converted(0).iterItems()}, {0})
