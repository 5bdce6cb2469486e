"""Density modification with the real engine, through Scipion's launcher."""

import os

import mrcfile
import numpy as np
from pwem.convert.atom_struct import NAME, VALUE, AtomicStructHandler
from pwem.objects import Transform, VolumeMask
from pwem.viewers import ChimeraAttributeViewer

from scipion_gmmrefine import viewers
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import readCurve, readRun
from scipion_gmmrefine.protocols import GmmRefineProtModify
from scipion_gmmrefine.tests.maps import SIDE, VOXEL, MapsTest, asOutputs, writeMap, writeNoisyMap

MODIFY_ROWS = ("showComparison", "showErrorModel")
AUDIT_ROWS = ("showCopies", "showClasses", "showChanges")


class TestModify(MapsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.volume = writeNoisyMap(cls.folder, cls.full)
        cls.sources = asOutputs(cls.proj, volume=cls.volume, structure=cls.structure)
        cls.protocol = cls.execute(GmmRefineProtModify, {"inputVolume": "volume", "inputStructure": "structure"})

    def test_the_modified_map_is_closer_to_the_truth_than_the_unmodified_one_beside_it(self):
        modified, unmodified = (
            mrcfile.read(volume.getFileName()) for volume in (self.protocol.outputVolume, self.protocol.outputUnmodified)
        )
        before, after = (np.corrcoef(data.ravel(), self.full.ravel())[0, 1] for data in (unmodified, modified))
        self.assertGreater(after, before + 0.01)
        self.assertLess(modified[self.full < 1e-3].std(), 0.5 * unmodified[self.full < 1e-3].std())

    def test_outputs_stand_where_the_input_does_and_carry_its_half_maps(self):
        for volume in (self.protocol.outputVolume, self.protocol.outputUnmodified):
            self.assertEqual(volume.getHalfMaps(), self.volume.getHalfMaps())
            self.assertAlmostEqual(volume.getSamplingRate(), VOXEL)
        self.assertEqual(self.protocol.outputMask.getDim(), (SIDE,) * 3)
        curves = {curve.getObjLabel(): np.array(curve.getData()) for curve in self.protocol.outputFSC}
        self.assertEqual(set(curves), {"corrected", "without mask", "with mask", "phases randomised", "modified half maps"})
        frequency, values = readCurve(self.protocol._getExtraPath("fsc.star"), "gmmFscModified")
        np.testing.assert_allclose(curves["modified half maps"], [frequency, values], atol=1e-6)
        self.assertGreater(np.mean(values), np.mean(curves["corrected"][1]))

    def test_the_audit_ran_in_the_frame_of_scipion(self):
        """The headers of the half maps place them elsewhere than Scipion, which has the box centre at 0."""
        results = readRun(self.protocol._getExtraPath("audit"))["results"]
        self.assertGreater(results["maps"]["unmodified"]["mean_q"], 0.6)
        self.assertEqual(results["maps"]["modified"]["atoms_without_q"], 0)
        table = readTable(self.protocol._getExtraPath("audit", "audit.star"))
        self.assertEqual((table["gmmResidueName"], table["gmmStatus"]), (["ATP"], ["kept"]))

    def test_atoms_of_the_output_model_carry_their_scores(self):
        content = AtomicStructHandler().readLowLevel(self.protocol.outputAtomStruct.getFileName())
        names, values = np.array(content[NAME]), np.array(content[VALUE], float)
        table = readTable(self.protocol._getExtraPath("audit", "atoms.star"))
        before, after = (np.array(table[f"gmmQScoreMap{number}"], float) for number in (1, 2))
        for name, expected in (("Q_change", after - before), ("Q_score", after), ("Q_reference", before)):
            np.testing.assert_allclose(values[names == name], expected, atol=6e-4)
        self.assertEqual(self.protocol.outputAtomStruct.getVolume().getFileName(), self.protocol.outputVolume.getFileName())
        viewer = self.viewer(ChimeraAttributeViewer, self.protocol)
        self.assertEqual(set(viewer._getStructureAttributes()), {"Q_change", "Q_score", "Q_reference"})

    def test_summary_and_methods(self):
        summary, results = self.protocol.summary(), self.protocol._results()
        self.assertIn(f"{results['resolution']:.2f} Å", summary[0])
        self.assertIn("the one to quote", summary[0])
        self.assertEqual(summary[2], "Audit against the unmodified map: 1 kept")
        self.assertIn("Smearing by pose errors: none undone", summary[3])
        self.assertIn("Standard error of a voxel inside the mask", " ".join(summary))
        self.assertIn("[Terwilliger2020]", self.protocol.methods()[0])
        self.assertIn("[Berkeley2024]", self.protocol.methods()[0])
        self.assertIn("10.1038/s41592-020-0914-9", " ".join(self.protocol.citations()))

    def test_viewer(self):
        viewer = self.viewer(viewers.GmmRefineModifyViewer, self.protocol)
        for name in MODIFY_ROWS + AUDIT_ROWS:
            self.assertGreater(np.ptp(self.axes(viewer, name)[0].images[0].get_array()), 0.5, name)
        labels = [line.get_label() for line in self.axes(viewer, "showFscKinds")[0].get_lines()]
        self.assertIn("modified half maps", labels)
        cells = self.axes(viewer, "showTable")[0].tables[0].get_celld()
        self.assertEqual([cells[1, column].get_text().get_text() for column in range(3)], ["kept", "A/ATP 1503", "ligand"])
        table, cells = (
            readTable(self.protocol._getExtraPath("audit", "changes.star")),
            self.axes(viewer, "showClassTable")[0].tables[0].get_celld(),
        )
        self.assertEqual(
            [cells[row, 4].get_text().get_text() for row in range(1, len(table["gmmClass"]) + 1)],
            [f"{float(value):.3f}" for value in table["gmmQChange"]],
        )
        self.assertIn("change_map_2.cxc", self.chimera(viewer, "showColoured"))
        self.assertEqual(len(self.axes(viewer, "showSlices")), 6)
        self.assertIn("modified.mrc", self.chimera(viewer, "showChimera"))


class TestModifyWithoutModel(MapsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        volume = writeNoisyMap(cls.folder, cls.full)
        volume.setOrigin(Transform())
        volume.getOrigin().setShifts(3, 4, 5)
        ball = np.linalg.norm(np.indices((SIDE,) * 3) - SIDE // 2, axis=0) < 0.4 * SIDE
        same = writeMap(cls.folder / "same.mrc", cls.full)
        same.setHalfMaps(2 * volume.getHalfMaps(asList=True)[:1])
        cls.sources = asOutputs(
            cls.proj, volume=volume, same=same, mask=writeMap(cls.folder / "mask.mrc", ball.astype(float), kind=VolumeMask)
        )

    def test_nothing_is_audited_unasked(self):
        protocol = self.execute(GmmRefineProtModify, {"inputVolume": "volume", "mask": "mask"}, localWindow=1.5)
        self.assertFalse(os.path.exists(protocol._getExtraPath("audit")))
        self.assertFalse(hasattr(protocol, "outputAtomStruct"))
        self.assertIn("NOT AUDITED", protocol.summary()[2])
        self.assertNotIn("Berkeley", " ".join([*protocol.methods(), *protocol.citations()]))
        self.assertEqual(protocol.outputVolume.getOrigin().getShifts(), (3, 4, 5))
        np.testing.assert_array_equal(
            mrcfile.read(protocol.outputMask.getFileName()), mrcfile.read(str(self.folder / "mask.mrc"))
        )
        record = readRun(protocol._getExtraPath())
        self.assertEqual(record["settings"]["local_window"], 1.5)
        viewer = self.viewer(viewers.GmmRefineModifyViewer, protocol)
        self.assertIsNone(viewer.getParam("showTable"))
        self.assertIsNotNone(viewer.getParam("showComparison"))

    def test_what_the_engine_refuses_is_the_error_of_the_protocol(self):
        with self.assertRaisesRegex(AssertionError, "hold the same map; expected two half maps"):
            self.execute(GmmRefineProtModify, {"inputVolume": "same"})

    def test_viewer_of_a_run_that_has_not_finished(self):
        protocol = self.proj.newProtocol(GmmRefineProtModify)
        self.proj.saveProtocol(protocol)
        viewer = self.viewer(viewers.GmmRefineModifyViewer, protocol)
        self.assertIn("slices.png is not there yet", self.show(viewer, "showComparison").getMessage())
        self.assertEqual(protocol.summary(), ["Not modified yet."])
