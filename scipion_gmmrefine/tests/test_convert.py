import tempfile
import unittest
from pathlib import Path

import mrcfile
import numpy as np
from pwem.emlib.image import ImageHandler
from pwem.objects import SetOfParticles
from pyworkflow.object import Integer, String

from scipion_gmmrefine.constants import (
    CONTRAST_SIGN,
    CRYOSPARC_UID,
    HALF_SET,
    OBJECT_ID,
    OPTICS_GROUP,
    PARENT_PARTICLE,
    ROTATION_CHANGE,
    SCALE,
    SHIFT_CHANGE,
    SYMMETRY_COPY,
)
from scipion_gmmrefine.convert.images import MrcStacks, unreadableStack
from scipion_gmmrefine.convert.optics import opticsToText
from scipion_gmmrefine.convert.poses import relionFromTransform
from scipion_gmmrefine.convert.star import parseTable, readTable, writeTables
from scipion_gmmrefine.convert.star_reader import POSE_COLUMNS, RefinedPoses, appendCopies, fillSet, leftOut
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.tests.sets import BOX, PIXEL_SIZE, TWO_GROUPS, makeParticles, poses, writeStack

IDS = [40, 7, 3, 21, 22, 8]


class ConvertTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.star = self.folder / "out.star"

    def write(self, particles):
        count = writeParticles(particles, self.star, self.folder / "stacks")
        return count, {name: readTable(self.star, name) for name in ("optics", "particles")}


class TestStarWriter(ConvertTest):
    def test_ids_with_gaps_keep_their_poses(self):
        count, blocks = self.write(makeParticles(self.folder, ids=IDS))
        table = blocks["particles"]
        self.assertEqual(count, len(IDS))
        rows = {int(row[OBJECT_ID]): row for row in (dict(zip(table, values)) for values in zip(*table.values()))}
        self.assertEqual(set(rows), set(IDS))
        for objId, (rot, tilt, psi, x, y) in zip(IDS, poses(len(IDS))):
            found = [float(rows[objId][name]) for name in POSE_COLUMNS]
            np.testing.assert_allclose(found, [rot, tilt, psi, x * PIXEL_SIZE, y * PIXEL_SIZE], atol=2e-6)
            self.assertEqual(float(rows[objId]["rlnDefocusU"]), 15000 + objId)
            self.assertEqual(rows[objId]["rlnImageName"], f"{IDS.index(objId) + 1:06d}@{self.folder / 'stack.mrcs'}")

    def test_optics_groups_keep_their_values_and_take_the_sets_pixel_size(self):
        _, blocks = self.write(makeParticles(self.folder))
        optics = blocks["optics"]
        self.assertEqual(optics["rlnVoltage"], ["300", "200"])
        self.assertEqual(optics["rlnOddZernike"], ["[0.1,0.2]", "[0.3,0.4]"])
        self.assertEqual([float(size) for size in optics["rlnImagePixelSize"]], [PIXEL_SIZE] * 2)
        self.assertEqual(optics["rlnImageSize"], [str(BOX)] * 2)
        self.assertEqual(blocks["particles"]["rlnOpticsGroup"], ["1", "2"] * 4)

    def test_set_without_optics_table_gets_one_group_from_the_acquisition(self):
        _, blocks = self.write(makeParticles(self.folder, opticsInfo="", groups=()))
        columns = ["rlnOpticsGroup", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"]
        self.assertEqual([[float(value) for value in blocks["optics"][name]] for name in columns], [[1], [300], [2.7], [0.1]])
        self.assertEqual(set(blocks["particles"]["rlnOpticsGroup"]), {"1"})

    def test_phase_flipped_images_are_marked(self):
        particles = makeParticles(self.folder)
        particles.setIsPhaseFlipped(True)
        _, blocks = self.write(particles)
        self.assertEqual(blocks["optics"]["rlnCtfDataArePhaseFlipped"], ["1", "1"])

    def test_groups_of_different_state_keep_it(self):
        info = (
            TWO_GROUPS.replace("_rlnOddZernike #7", "_rlnOddZernike #7\n_rlnCtfDataArePhaseFlipped #8")
            .replace("[0.1,0.2]", "[0.1,0.2] 1")
            .replace("[0.3,0.4]", "[0.3,0.4] 0")
        )
        particles = makeParticles(self.folder, opticsInfo=info)
        particles.setIsPhaseFlipped(True)
        _, blocks = self.write(particles)
        self.assertEqual(blocks["optics"]["rlnCtfDataArePhaseFlipped"], ["1", "0"])

    def test_marks_of_symmetry_copies_are_written(self):
        _, blocks = self.write(makeParticles(self.folder, copies=2))
        self.assertEqual(blocks["particles"]["gmmParentParticle"], list("11223344"))
        self.assertEqual(blocks["particles"]["gmmSymmetryCopy"], list("12121212"))

    def test_contrast_signs_that_some_particles_lack_are_plus_one(self):
        _, blocks = self.write(makeParticles(self.folder, signs=(None, -1)))
        self.assertEqual(blocks["particles"]["gmmContrastSign"], ["1", "-1"] * 4)

    def test_no_contrast_signs_where_none_are_known(self):
        _, blocks = self.write(makeParticles(self.folder))
        self.assertNotIn("gmmContrastSign", blocks["particles"])

    def test_sign_and_strength_of_images_are_written(self):
        """Particles of one set may come from several programs: those without are bright and usual, the others keep theirs."""
        known = {7: (-1, 0.5), 3: (1, 1.25)}
        _, blocks = self.write(makeParticles(self.folder, ids=IDS, grey={**dict.fromkeys(IDS, (None, None)), **known}))
        table = blocks["particles"]
        found = {
            int(objId): (float(sign), float(scale))
            for objId, sign, scale in zip(table[OBJECT_ID], table["gmmContrastSign"], table["gmmScale"])
        }
        self.assertEqual(found, {**dict.fromkeys(IDS, (1, 1)), **known})

    def test_sets_without_them_have_no_such_columns(self):
        _, blocks = self.write(makeParticles(self.folder))
        self.assertFalse({"gmmContrastSign", "gmmScale"} & set(blocks["particles"]))

    def test_disabled_particles_are_left_out(self):
        particles = makeParticles(self.folder, ids=IDS)
        item = particles[21]
        item.setEnabled(False)
        particles.update(item)
        particles.write()
        count, blocks = self.write(particles)
        self.assertEqual(count, len(IDS) - 1)
        self.assertNotIn("21", blocks["particles"][OBJECT_ID])

    def test_path_with_a_blank_survives(self):
        folder = self.folder / "my data"
        folder.mkdir()
        particles, image = makeParticles(folder, copies=2), f"000001@{folder / 'stack.mrcs'}"
        first = particles[1]
        setattr(first, PARENT_PARTICLE, String(image))
        particles.update(first)
        _, blocks = self.write(particles)
        self.assertEqual([blocks["particles"][name][0] for name in ("rlnImageName", "gmmParentParticle")], [image] * 2)


class TestStarReader(ConvertTest):
    def fill(self):
        particles = SetOfParticles(filename=str(self.folder / "read.sqlite"))
        fillSet(particles, str(self.star), str(self.folder))
        return particles

    def test_marks_of_symmetry_copies_are_kept(self):
        """Without them copies in re-extracted images would count as particles of their own."""
        self.write(makeParticles(self.folder, copies=2))
        again = [one.clone() for one in self.fill()]
        self.assertEqual([getattr(one, PARENT_PARTICLE).get() for one in again], [1, 1, 2, 2, 3, 3, 4, 4])
        self.assertEqual([getattr(one, SYMMETRY_COPY).get() for one in again], [1, 2] * 4)

    def test_what_cryosparc_says_of_a_particle_is_kept(self):
        _, blocks = self.write(makeParticles(self.folder, signs=(-1, 1)))
        uids = [str(2**63 + number) for number in range(8)]
        columns = {
            "gmmCryosparcUid": uids,
            "gmmParentParticle": uids,
            "gmmMicrographSizeX": [4096] * 8,
            "rlnHelicalTubeID": [7] * 8,
        }
        blocks["particles"].update(columns)
        writeTables(self.star, blocks)
        again = self.fill()
        again.write()
        particles = [one.clone() for one in again.iterItems()]
        self.assertEqual([getattr(one, CONTRAST_SIGN).get() for one in particles], [-1, 1] * 4)
        self.assertEqual([getattr(one, CRYOSPARC_UID).get() for one in particles], uids)
        _, written = self.write(again)
        for name, values in {**columns, "gmmContrastSign": [-1, 1] * 4}.items():
            self.assertEqual(written["particles"][name], [str(value) for value in values])

    def test_sign_and_strength_of_images_are_kept(self):
        self.write(makeParticles(self.folder, ids=IDS, grey={objId: (-1 if objId > 20 else 1, objId / 10) for objId in IDS}))
        for one in [one.clone() for one in self.fill()]:
            self.assertIsInstance(getattr(one, CONTRAST_SIGN), Integer)
            self.assertEqual(getattr(one, CONTRAST_SIGN).get(), -1 if IDS[one.getIndex() - 1] > 20 else 1)
            self.assertAlmostEqual(getattr(one, SCALE).get(), IDS[one.getIndex() - 1] / 10)

    def test_round_trip_of_a_set(self):
        source = makeParticles(self.folder, ids=IDS)
        self.write(source)
        again = self.fill()
        self.assertEqual((again.getSize(), again.getSamplingRate(), again.getXDim()), (len(IDS), PIXEL_SIZE, BOX))
        self.assertTrue(again.hasAlignmentProj() and again.hasCTF())
        sourceByIndex = {one.getIndex(): one.clone() for one in source.iterItems()}
        self.assertEqual(len(sourceByIndex), len(IDS))
        for new in again.iterItems():
            old = sourceByIndex[new.getIndex()]
            np.testing.assert_allclose(new.getTransform().getMatrix(), old.getTransform().getMatrix(), atol=1e-6)
            self.assertEqual(getattr(new, HALF_SET).get(), getattr(old, HALF_SET).get())
            self.assertEqual(getattr(new, OPTICS_GROUP).get(), getattr(old, OPTICS_GROUP).get())
            self.assertEqual(new.getCTF().getDefocusU(), old.getCTF().getDefocusU())
            self.assertEqual(Path(new.getFileName()).resolve(), (self.folder / "stack.mrcs").resolve())

    def test_different_pixel_sizes_are_refused(self):
        _, blocks = self.write(makeParticles(self.folder))
        blocks["optics"]["rlnImagePixelSize"] = [1.0, 1.25]
        writeTables(self.star, blocks)
        with self.assertRaisesRegex(ValueError, r"2 pixel sizes \(1, 1\.25 Å\).*\(gmmrefine refine\)"):
            self.fill()

    def test_different_boxes_are_refused(self):
        _, blocks = self.write(makeParticles(self.folder))
        blocks["optics"]["rlnImageSize"] = [BOX, BOX + 4]
        writeTables(self.star, blocks)
        with self.assertRaisesRegex(ValueError, r"2 boxes \(16, 20 px\), but a Scipion set has one"):
            self.fill()

    def test_pixel_sizes_that_differ_by_rounding_are_one(self):
        _, blocks = self.write(makeParticles(self.folder))
        blocks["optics"]["rlnImagePixelSize"] = [1.25, 1.25001]
        writeTables(self.star, blocks)
        self.assertEqual(self.fill().getSamplingRate(), 1.25)

    def test_missing_stack_is_named(self):
        self.write(makeParticles(self.folder))
        (self.folder / "stack.mrcs").unlink()
        with self.assertRaisesRegex(FileNotFoundError, "stack.mrcs: no such image stack"):
            self.fill()


class TestRefinedPoses(ConvertTest):
    def refined(self, edit):
        """What an engine would write: rows reversed and changed, two more columns."""
        source = makeParticles(self.folder, ids=IDS)
        _, blocks = self.write(source)
        table = {name: values[::-1] for name, values in blocks["particles"].items()}
        for name, change in (("rlnAnglePsi", 3.0), ("rlnOriginXAngst", 5.0)):
            table[name] = [float(value) + change for value in table[name]]
        table["gmmRotationChange"] = [3.0] * len(IDS)
        table["gmmShiftChange"] = [int(objId) / 10 for objId in table[OBJECT_ID]]
        blocks["particles"] = edit(table)
        writeTables(self.star, blocks)
        return source, RefinedPoses(self.star, [one.getObjId() for one in source], PIXEL_SIZE)

    def test_poses_join_by_id_not_by_position(self):
        source, refined = self.refined(lambda table: table)
        out = SetOfParticles(filename=str(self.folder / "out.sqlite"))
        out.copyInfo(source)
        out.copyItems(source, updateItemCallback=refined.update)
        out.write()
        self.assertEqual(out.getIdSet(), set(IDS))
        for objId, (rot, tilt, psi, x, y) in zip(IDS, poses(len(IDS))):
            particle = out[objId]
            found = relionFromTransform(particle.getTransform().getMatrix())
            np.testing.assert_allclose(found[:2], [rot, tilt], atol=1e-5)
            self.assertAlmostEqual((found[2] - psi - 3) % 360 % 359.99999, 0, places=4)
            np.testing.assert_allclose(found[3:], [x + 2, y], atol=1e-5)
            self.assertAlmostEqual(getattr(particle, SHIFT_CHANGE).get(), objId / 10)
            self.assertEqual(getattr(particle, ROTATION_CHANGE).get(), 3.0)

    def test_contrast_signs_and_uids_are_not_results(self):
        source = makeParticles(self.folder, ids=IDS, signs=(-1,))
        _, blocks = self.write(source)
        blocks["particles"]["gmmCryosparcUid"] = [str(2**63 + number) for number in range(len(IDS))]
        writeTables(self.star, blocks)
        particle = source[IDS[4]].clone()
        RefinedPoses(self.star, IDS, PIXEL_SIZE).update(particle)
        self.assertIsInstance(getattr(particle, CONTRAST_SIGN), Integer)
        self.assertFalse(particle.hasAttribute(CRYOSPARC_UID))

    def test_marks_of_symmetry_copies_stay_whole_numbers(self):
        source = makeParticles(self.folder, ids=IDS, copies=3)
        self.write(source)
        particle = source[IDS[4]].clone()
        RefinedPoses(self.star, IDS, PIXEL_SIZE).update(particle)
        self.assertIsInstance(getattr(particle, PARENT_PARTICLE), Integer)
        self.assertEqual([getattr(particle, name).get() for name in (PARENT_PARTICLE, SYMMETRY_COPY)], [2, 2])

    def test_strengths_found_by_the_engine_are_taken_and_signs_are_left(self):
        source, refined = self.refined(
            lambda table: {**table, "gmmScale": ["0.75"] * len(IDS), "gmmContrastSign": ["-1"] * len(IDS)}
        )
        particle = source[IDS[2]].clone()
        setattr(particle, CONTRAST_SIGN, Integer(-1))
        refined.update(particle)
        self.assertEqual(getattr(particle, SCALE).get(), 0.75)
        self.assertIsInstance(getattr(particle, CONTRAST_SIGN), Integer)

    def test_particles_that_the_engine_left_out_are_not_copied(self):
        source = makeParticles(self.folder, ids=IDS)
        _, blocks = self.write(source)
        table = blocks["particles"]
        for name, rows in ((self.star, slice(2, None)), (self.folder / "left_out.star", slice(None, 2))):
            writeTables(name, {**blocks, "particles": {label: values[rows] for label, values in table.items()}})
        gone = leftOut(self.folder)
        self.assertEqual(gone, {int(objId) for objId in table[OBJECT_ID][:2]})
        refined = RefinedPoses(self.star, set(IDS) - gone, PIXEL_SIZE)
        out = SetOfParticles(filename=str(self.folder / "out.sqlite"))
        out.copyInfo(source)
        out.copyItems(source, updateItemCallback=refined.update)
        out.write()
        self.assertEqual(out.getIdSet(), set(IDS) - gone)
        self.assertEqual(leftOut(self.folder / "elsewhere"), set())

    def test_missing_particles_are_refused(self):
        with self.assertRaisesRegex(ValueError, "1 particles of the input are missing, 0 are not of the input"):
            self.refined(lambda table: {name: values[1:] for name, values in table.items()})

    def test_foreign_particles_are_refused(self):
        def foreign(table):
            return {**table, OBJECT_ID: ["999", *table[OBJECT_ID][1:]]}

        with self.assertRaisesRegex(ValueError, "1 particles of the input are missing, 1 are not of the input"):
            self.refined(foreign)

    def test_particles_that_occur_twice_are_refused(self):
        def doubled(table):
            return {name: [values[0], *values] for name, values in table.items()}

        with self.assertRaisesRegex(ValueError, "1 occur twice"):
            self.refined(doubled)


class TestAppendCopies(ConvertTest):
    def test_copies_take_new_ids_and_poses_and_keep_the_rest(self):
        source = makeParticles(self.folder, ids=[7, 40])
        _, blocks = self.write(source)
        table = {name: [value for value in values for _ in range(2)] for name, values in blocks["particles"].items()}
        table["rlnAngleRot"] = ["10", "20", "30", "40"]
        table["gmmSymmetryCopy"] = ["1", "2", "1", "2"]
        table["gmmParentParticle"] = [image for image in blocks["particles"]["rlnImageName"] for _ in range(2)]
        writeTables(self.star, {**blocks, "particles": table})
        out = SetOfParticles(filename=str(self.folder / "out.sqlite"))
        out.copyInfo(source)
        appendCopies(out, source, self.star)
        out.write()
        copies = [one.clone() for one in out.iterItems()]
        self.assertEqual([one.getObjId() for one in copies], [1, 2, 3, 4])
        self.assertEqual([getattr(one, PARENT_PARTICLE).get() for one in copies], table["gmmParentParticle"])
        self.assertEqual([getattr(one, SYMMETRY_COPY).get() for one in copies], [1, 2, 1, 2])
        self.assertEqual([getattr(one, HALF_SET).get() for one in copies], [1, 1, 2, 2])
        self.assertEqual([one.getCTF().getDefocusU() for one in copies], [15007, 15007, 15040, 15040])
        rotations = [relionFromTransform(one.getTransform().getMatrix())[0] for one in copies]
        np.testing.assert_allclose(rotations, [10, 20, 30, 40], atol=1e-5)


class TestStar(unittest.TestCase):
    def test_optics_text_round_trip(self):
        optics = parseTable(TWO_GROUPS, "optics")
        self.assertEqual(optics["rlnAmplitudeContrast"], ["0.1", "0.07"])
        self.assertEqual(parseTable(opticsToText(optics), "optics"), optics)

    def test_names_stay_text(self):
        self.assertEqual(parseTable("data_a\nloop_\n_rlnGroupName\n0003\n0004\n"), {"rlnGroupName": ["0003", "0004"]})

    def test_quotes_in_any_row(self):
        """The engine quotes what has blanks only: parts of residues that were lost, names of atoms and files."""
        text = 'data_a\nloop_\n_gmmPart\n_gmmAtomNames\nFE FE\n"phosphate (P O1P)" O5\',P\nC1\' ""\n\'a "b"\' x\n'
        self.assertEqual(
            parseTable(text), {"gmmPart": ["FE", "phosphate (P O1P)", "C1'", 'a "b"'], "gmmAtomNames": ["FE", "O5',P", "", "x"]}
        )

    def test_empty_table_keeps_its_columns(self):
        self.assertEqual(parseTable("data_a\n\nloop_\n_x\n_y\n\n"), {"x": [], "y": []})


class TestImages(ConvertTest):
    def test_spider_stack_is_converted(self):
        mrc, spider = writeStack(self.folder / "a.mrcs", 3), str(self.folder / "a.stk")
        try:
            ImageHandler().convertStack(mrc, spider)
        except ImportError:
            self.skipTest("xmippLib, which reads and writes SPIDER stacks, is not installed")
        converted = MrcStacks(str(self.folder / "stacks")).path(spider)
        self.assertTrue(converted.endswith(".mrcs"))
        np.testing.assert_allclose(mrcfile.read(converted), mrcfile.read(mrc), atol=1e-6)

    def test_mrc_stack_is_taken_as_it_is(self):
        stack = writeStack(self.folder / "a.mrcs", 1)
        self.assertEqual(MrcStacks(str(self.folder / "stacks")).path(stack), stack)
        self.assertFalse((self.folder / "stacks").exists())

    def test_formats(self):
        self.assertEqual(unreadableStack("a/b.mrcs"), "")
        self.assertEqual(unreadableStack("a/b.stk"), "")
        self.assertRegex(unreadableStack("a/b.hdf"), "b.hdf; .hdf cannot be read")
