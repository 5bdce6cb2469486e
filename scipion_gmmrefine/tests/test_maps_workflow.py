"""Q-score, audit, sharpening and local resolution with the real engine, through Scipion's launcher."""

import os

import mrcfile
import numpy as np
from pwem.convert.atom_struct import NAME, RECIP, SPEC, VALUE, AtomicStructHandler
from pwem.objects import Transform, VolumeMask
from pwem.viewers import ChimeraAttributeViewer
from pwem.viewers.viewer_localres import getResidueAverage, replaceOcuppancyWithAttribute

from gmmrefine import settings
from scipion_gmmrefine import viewers
from scipion_gmmrefine.convert.star import readTable, writeTables
from scipion_gmmrefine.convert.tables import readRun
from scipion_gmmrefine.protocols import (
    GmmRefineProtAudit,
    GmmRefineProtComposite,
    GmmRefineProtImposeSymmetry,
    GmmRefineProtLocalResolution,
    GmmRefineProtQScore,
    GmmRefineProtSharpen,
)
from scipion_gmmrefine.protocols.protocol_composite import MAPS
from scipion_gmmrefine.protocols.protocol_maps import GIVEN, HEADER
from scipion_gmmrefine.protocols.protocol_sharpen import LOCAL_MODEL
from scipion_gmmrefine.protocols.protocol_sharpen import LOCAL_RESOLUTION as BY_LOCAL_RESOLUTION
from scipion_gmmrefine.tests.maps import SIDE, VOXEL, MapsTest, asOutputs, density, writeMap, writeMoved, writeNoisyMap

MOVE = np.array([0.6, 0, 0])  # Å; less than what the audit refuses


class TestQScore(MapsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.volume = writeMap(cls.folder / "full.mrc", cls.full)
        moved = writeMap(cls.folder / "moved.mrc", cls.full, origin=[-SIDE / 2 * VOXEL] * 3)
        moved.setOrigin(Transform())
        moved.getOrigin().setShifts(-17, -17, -17)  # 2.2 Å away, along each axis
        cls.sources = asOutputs(cls.proj, volume=cls.volume, moved=moved, structure=cls.structure)
        cls.protocol = cls.execute(
            GmmRefineProtQScore, {"inputVolume": "volume", "inputStructure": "structure"}, mapResolution=3.0
        )

    def scores(self, protocol):
        return [float(value) for value in readTable(protocol._getExtraPath("qscore.star"))["gmmQScore"]]

    def test_every_atom_of_the_output_carries_its_score_for_scipion(self):
        fileName = self.protocol.outputAtomStruct.getFileName()
        content = AtomicStructHandler().readLowLevel(fileName)
        self.assertEqual(len(content[VALUE]), len(self.positions))
        np.testing.assert_allclose(np.array(content[VALUE], float), self.scores(self.protocol), atol=6e-4)
        self.assertGreater(np.mean(self.scores(self.protocol)), 0.85)
        self.assertEqual(set(content[RECIP]), {"atoms"})
        first = (content[f"_atom_site.{key}"][0] for key in ("auth_asym_id", "auth_seq_id", "label_atom_id"))
        self.assertEqual(content[SPEC][0], "{}:{}@{}".format(*first))
        handler = AtomicStructHandler()
        handler.read(fileName)
        self.assertEqual(sum(1 for _ in handler.getStructure().get_atoms()), len(self.positions))
        self.assertEqual(self.protocol.outputAtomStruct.getVolume().getFileName(), self.volume.getFileName())

    def test_scipions_own_viewer_of_attributes_reads_it(self):
        viewer = self.viewer(ChimeraAttributeViewer, self.protocol)
        self.assertEqual(viewer._getStructureAttributes(), ["Q_score"])
        fileName, coloured = self.protocol.outputAtomStruct.getFileName(), str(self.folder / "coloured.cif")
        content = AtomicStructHandler().readLowLevel(replaceOcuppancyWithAttribute(fileName, "Q_score", coloured))
        np.testing.assert_allclose(np.array(content["_atom_site.occupancy"], float), self.scores(self.protocol), atol=6e-4)
        means, names = getResidueAverage(content[VALUE], content[SPEC])
        table = readTable(self.protocol._getExtraPath("residues.star"))
        self.assertEqual(names, [":".join(pair) for pair in zip(table["gmmChain"], table["gmmResidueNumber"])])
        np.testing.assert_allclose(means, np.array(table["gmmQMean"], float), atol=1e-3)

    def test_the_place_of_the_map_is_that_in_which_the_model_fits_or_the_one_chosen(self):
        """Scipion has the map 2.2 Å away from where its header has it, which is right."""
        for place in ({}, {"placeFrom": HEADER}):
            protocol = self.execute(GmmRefineProtQScore, {"inputVolume": "moved", "inputStructure": "structure"}, **place)
            self.assertEqual(self.scores(protocol), self.scores(self.protocol))
            self.assertFalse(os.path.exists(protocol._getExtraPath("maps")))
            self.assertEqual(protocol._results()["place"]["from"], "header")
            volume = protocol.outputAtomStruct.getVolume()  # for Scipion's viewers
            np.testing.assert_allclose(volume.getOrigin().getShifts(), [-SIDE / 2 * VOXEL] * 3, atol=1e-4)
        protocol = self.execute(GmmRefineProtQScore, {"inputVolume": "moved", "inputStructure": "structure"}, placeFrom=GIVEN)
        self.assertEqual(protocol._results()["place"]["first_voxel"], [-17, -17, -17])
        self.assertLess(np.mean(self.scores(protocol)), 0.3)

    def test_a_model_off_the_map_fails(self):
        for output, name in (
            (writeMoved(self.structure, self.folder / "far.cif", [SIDE / 2 * VOXEL, 0, 0]), "far"),
            (writeMoved(self.structure, self.folder / "corner.cif", [200, 0, 0]), "corner"),
        ):
            self.sources._defineOutputs(**{name: output})
            with self.assertRaisesRegex(AssertionError, f"{name}.cif: only .* atoms lie inside the map and in its density"):
                self.execute(GmmRefineProtQScore, {"inputVolume": "volume", "inputStructure": name})

    def test_summary_and_methods(self):
        mean = np.mean(self.scores(self.protocol))
        self.assertEqual(self.protocol.summary()[0], f"Mean Q {mean:.3f} of {len(self.positions)} atoms (σ 0.6 Å)")
        self.assertIn("Expected of protein at this resolution: 0.587", self.protocol.summary())
        self.assertIn("[Pintilie2020]", self.protocol.methods()[0])

    def test_viewer(self):
        viewer = self.viewer(viewers.GmmRefineQScoreViewer, self.protocol)
        self.assertEqual(viewer.getParam("chain").choices, ["A"])
        for name in ("showResidues", "showClasses"):
            picture = self.axes(viewer, name)[0].images[0].get_array()
            self.assertGreater(np.ptp(picture), 0.5)
        cells = self.axes(viewer, "showClassTable")[0].tables[0].get_celld()
        self.assertEqual(cells[3, 0].get_text().get_text(), "ligand")
        self.assertEqual(cells[3, 1].get_text().get_text(), str(self.ofLigand.sum()))
        self.assertEqual(self.axes(viewer, "showChainTable")[0].tables[0].get_celld()[1, 0].get_text().get_text(), "A")
        self.assertIn("qscore.cxc", self.chimera(viewer, "showColoured"))

    def test_viewer_of_a_run_that_has_not_finished(self):
        protocol = self.proj.newProtocol(GmmRefineProtQScore)
        self.proj.saveProtocol(protocol)
        viewer = self.viewer(viewers.GmmRefineQScoreViewer, protocol)
        self.assertIn("classes.png is not there yet", self.show(viewer, "showResidues").getMessage())
        self.assertEqual(protocol.summary(), ["Not scored yet."])


class TestAudit(MapsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        deposited, kept, erased = (
            writeMap(cls.folder / f"{name}.mrc", data)
            for name, data in (
                ("deposited", cls.full),
                ("kept", 2 * cls.full),
                ("erased", density(cls.positions[~cls.ofLigand])),
            )
        )
        moved = writeMap(cls.folder / "moved.mrc", density(cls.positions + MOVE))
        cls.sources = asOutputs(
            cls.proj,
            outputVolume=deposited,
            outputKept=kept,
            some_network=erased,
            moved=moved,
            structure=cls.structure,
            refitted=writeMoved(cls.structure, cls.folder / "refitted.cif", MOVE),
        )
        cls.protocol = cls.audit(["outputKept", "some_network"])

    @classmethod
    def audit(cls, modified, **more):
        return cls.execute(
            GmmRefineProtAudit,
            {"inputVolume": "outputVolume", "inputStructure": "structure", "modifiedVolumes": modified, **more},
        )

    def attributes(self, structure):
        """Attribute of Scipion → its values (A,); positions (A, 3) in Å."""
        content = AtomicStructHandler().readLowLevel(structure.getFileName())
        names, values = np.array(content[NAME]), np.array(content[VALUE], float)
        places = [content[f"_atom_site.Cartn_{axis}"] for axis in "xyz"]
        return {name: values[names == name] for name in content[NAME]}, np.array(places, float).T

    def test_the_erased_ligand_is_lost_and_nothing_else(self):
        summary = self.protocol.summary()
        self.assertEqual(
            summary[:2],
            [
                "Compared with import_volumes (σ 0.6 Å)",
                "Ligands, ions, lipids, waters, sugars and modified residues in the model: 1",
            ],
        )
        first = summary.index("import_volumes_Kept: 1 kept")
        self.assertEqual(summary[first + 1 : first + 3], ["import_volumes_some_network: 1 lost", "lost: A/ATP 1503"])
        self.assertTrue(summary[first + 3].startswith("import_volumes: map against model: "), summary[first + 3])
        self.assertIn("above at least 99 % of all 10188 entries", " ".join(summary))
        table = readTable(self.protocol._getExtraPath("audit.star"))
        self.assertEqual(table["gmmStatus"], ["kept", "lost"])
        self.assertIn("2 modified maps", self.protocol.methods()[0])
        self.assertIn("one model that was not refitted", self.protocol.methods()[0])

    def test_outputs_carry_the_scores_of_every_atom_and_their_change(self):
        table = readTable(self.protocol._getExtraPath("atoms.star"))
        before, *after = (np.array(table[f"gmmQScoreMap{number}"], float) for number in (1, 2, 3))
        for structure, scores in zip((self.protocol.outputAtomStruct1, self.protocol.outputAtomStruct2), after):
            found, _ = self.attributes(structure)
            for name, expected in (("Q_reference", before), ("Q_score", scores), ("Q_change", scores - before)):
                np.testing.assert_allclose(found[name], expected, atol=6e-4)
        self.assertLess(found["Q_change"][self.ofLigand].mean(), -0.5)
        self.assertLess(np.abs(found["Q_change"][~self.ofLigand]).mean(), 0.1)
        self.assertTrue(structure.getFileName().endswith("pocket_import_volumes_some_network.cif"))
        self.assertEqual(structure.getObjLabel(), "model with Q in import_volumes_some_network")
        self.assertTrue(structure.getVolume().getFileName().endswith("erased.mrc"))
        self.assertFalse(hasattr(self.protocol, "outputAtomStruct3"))

    def test_scipions_own_viewer_of_attributes_reads_the_output(self):
        viewer = self.viewer(ChimeraAttributeViewer, self.protocol)
        self.assertEqual(set(viewer._getStructureAttributes()), {"Q_change", "Q_score", "Q_reference"})
        self.assertEqual(viewer.getParam("attrName").choices[viewer.attrName.get()], "Q_change")

    def test_every_map_is_scored_with_the_model_refitted_to_it(self):
        alone = self.audit(["moved"])
        self.assertLess(self.attributes(alone.outputAtomStruct1)[0]["Q_change"].mean(), -0.05)
        protocol = self.audit(["outputKept", "moved"], refittedStructures=["structure", "refitted"])
        for number, move in ((1, 0), (2, MOVE)):
            found, places = self.attributes(getattr(protocol, f"outputAtomStruct{number}"))
            np.testing.assert_allclose(places, self.positions + move, atol=2e-3)
            self.assertLess(np.abs(found["Q_change"]).max(), 0.03)
        self.assertIn("Every map was scored with the model refitted to it", protocol.summary())
        self.assertIn("every map with the model refitted to it", protocol.methods()[0])
        self.assertTrue(protocol.outputAtomStruct2.getFileName().endswith("refitted_import_volumes_moved.cif"))

    def test_viewer(self):
        viewer = self.viewer(viewers.GmmRefineAuditViewer, self.protocol)
        self.assertEqual(viewer.getParam("modified").choices, ["import_volumes_Kept", "import_volumes_some_network"])
        for name in ("showCopies", "showClasses", "showChanges", "showModelFsc"):
            self.assertGreater(np.ptp(self.axes(viewer, name)[0].images[0].get_array()), 0.5)
        viewer.modified.set(1)
        cells = self.axes(viewer, "showTable")[0].tables[0].get_celld()
        self.assertEqual([cells[1, column].get_text().get_text() for column in range(3)], ["lost", "A/ATP 1503", "ligand"])
        cells = self.axes(viewer, "showClassTable")[0].tables[0].get_celld()
        (row,) = [row for row, column in cells if column == 0 and cells[row, 0].get_text().get_text() == "ligand"]
        changes = readTable(self.protocol._getExtraPath("changes.star"))
        (wanted,) = [number for number, name in enumerate(changes["gmmClass"]) if name == "ligand" and number > row - 1]
        self.assertEqual(cells[row, 4].get_text().get_text(), f"{float(changes['gmmQChange'][wanted]):.3f}")
        self.assertLess(float(changes["gmmQChange"][wanted]), -0.5)
        self.assertIn("change_map_3.cxc", self.chimera(viewer, "showColoured"))

    def test_table_of_molecules_begins_with_the_worst(self):
        protocol = self.proj.newProtocol(GmmRefineProtAudit)
        self.proj.saveProtocol(protocol)
        protocol.makeWorkingDir()
        writeTables(protocol._getExtraPath("maps.star"), {"maps": {"gmmMap": ["deposited", "a", "b"]}})
        writeTables(
            protocol._getExtraPath("audit.star"),
            {
                "audit": {
                    "gmmMap": ["a", "a", "a", "b"],
                    "gmmChain": 4 * ["A"],
                    "gmmResidueName": ["MG", "HOH", "ATP", "MG"],
                    "gmmResidueNumber": [1, 2, 3, 1],
                    "gmmInsertionCode": ["<NA>", "<NA>", "B", "<NA>"],
                    "gmmClass": ["ion", "water", "ligand", "ion"],
                    "gmmStatus": ["kept", "unjudged", "lost", "kept"],
                    "gmmQReference": ["0.7", "<NA>", "0.6", "0.7"],
                    "gmmQScore": [0.8, 0.1, -0.2, 0.8],
                    "gmmDensityReference": [1, 0, 1, 1],
                    "gmmDensity": [1, 0, 0.05, 1],
                }
            },
        )
        cells = self.axes(self.viewer(viewers.GmmRefineAuditViewer, protocol), "showTable")[0].tables[0].get_celld()
        rows = [[cells[row, column].get_text().get_text() for column in range(7)] for row in (1, 2, 3)]
        self.assertEqual(
            rows,
            [
                ["lost", "A/ATP 3B", "ligand", "0.60", "-0.20", "1.00", "0.05"],
                ["unjudged", "A/HOH 2", "water", "–", "0.10", "0.00", "0.00"],
                ["kept", "A/MG 1", "ion", "0.70", "0.80", "1.00", "1.00"],
            ],
        )
        self.assertNotIn((4, 0), cells)

    def test_table_of_lost_parts(self):
        protocol = self.proj.newProtocol(GmmRefineProtAudit)
        self.proj.saveProtocol(protocol)
        protocol.makeWorkingDir()
        writeTables(protocol._getExtraPath("maps.star"), {"maps": {"gmmMap": ["deposited", "a", "b"]}})
        writeTables(
            protocol._getExtraPath("parts.star"),
            {
                "parts": {
                    "gmmMap": ["a", "a"],
                    "gmmChain": ["D", "A"],
                    "gmmResidueName": ["HEM", "SEP"],
                    "gmmResidueNumber": [201, 31],
                    "gmmInsertionCode": ["<NA>", "B"],
                    "gmmClass": ["ligand", "protein_side_chain"],
                    "gmmPart": ["FE", "phosphate (P O1P)"],
                    "gmmAtomNames": ["FE", "P,O1P"],
                    "gmmAtoms": [1, 2],
                    "gmmAtomsOfResidue": [43, 10],
                    "gmmQReference": [0.7, 0.8],
                    "gmmQScore": [0.1, -0.2],
                    "gmmDensityReference": [3, 1],
                    "gmmDensity": [0.2, 0.05],
                }
            },
        )
        viewer = self.viewer(viewers.GmmRefineAuditViewer, protocol)
        cells = self.axes(viewer, "showParts")[0].tables[0].get_celld()
        rows = [[cells[row, column].get_text().get_text() for column in range(8)] for row in (1, 2)]
        self.assertEqual(
            rows,
            [
                ["D/HEM 201", "FE", "1", "43", "0.70", "0.10", "3.00", "0.20"],
                ["A/SEP 31B", "phosphate (P O1P)", "2", "10", "0.80", "-0.20", "1.00", "0.05"],
            ],
        )
        viewer.modified.set(1)
        self.assertIn("No part of a residue was lost", self.show(viewer, "showParts").getMessage())


class TestLocalResolutionAndSharpening(MapsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.volume = writeNoisyMap(cls.folder, cls.full)
        cls.volume.setOrigin()
        cls.sources = asOutputs(cls.proj, volume=cls.volume, structure=cls.structure)
        cls.measuring = cls.execute(GmmRefineProtLocalResolution, {"inputVolume": "volume"}, filterVolume=True)

    def amplitudes(self, data):
        """Root mean square amplitude by shell, and the shells' frequency in 1/Å."""
        radius = np.rint(np.linalg.norm(np.meshgrid(*[np.fft.fftfreq(SIDE) * SIDE] * 3, indexing="ij"), axis=0)).astype(int)
        power = np.bincount(radius.ravel(), (np.abs(np.fft.fftn(data)) ** 2).ravel()) / np.bincount(radius.ravel())
        return np.sqrt(power), np.arange(len(power)) / (SIDE * VOXEL)

    def test_local_resolution_is_finer_at_the_atoms(self):
        protocol = self.measuring
        resolution = mrcfile.read(protocol.outputResolution.getFileName())
        self.assertLess(np.median(resolution[self.full > 0.5]), np.median(resolution[(self.full < 0.01) & (resolution > 0)]))
        self.assertTrue((resolution[mrcfile.read(protocol.outputMask.getFileName()) == 0] == 0).all())
        self.assertTrue(protocol.outputResolution.hasOrigin())
        self.assertAlmostEqual(protocol.outputResolution.getSamplingRate(), VOXEL)
        self.assertRegex(protocol.summary()[0], r"Local resolution: median \d\.\d\d Å, half of the voxels between")
        self.assertIn("quartiles", protocol.methods()[0])

    def test_filtered_volume_keeps_the_half_maps_and_loses_what_is_beyond_the_resolution(self):
        filtered = self.measuring.outputVolume
        self.assertEqual(filtered.getHalfMaps(), self.volume.getHalfMaps())
        (after, _), (before, frequency) = (self.amplitudes(mrcfile.read(one.getFileName())) for one in (filtered, self.volume))
        left = after / before
        self.assertLess(left[frequency > 0.6].max(), 0.15)
        np.testing.assert_allclose(left[frequency < 0.2], 1, atol=0.02)

    def test_viewer_of_the_local_resolution(self):
        viewer = self.viewer(viewers.GmmRefineLocalResolutionViewer, self.measuring)
        for name, count in (("showDistribution", 1), ("showComparison", 1), ("showLocalResolution", 4), ("showSlices", 6)):
            self.assertEqual(len(self.axes(viewer, name)), count, name)
        self.assertIn("colours.cxc", self.chimera(viewer, "showLocalChimera"))

    def test_given_b_factor_is_taken_out_and_the_unmodified_map_stands_beside(self):
        protocol = self.execute(GmmRefineProtSharpen, {"inputVolume": "volume"}, lowPass=2.4, bFactor=40.0)
        unmodified = mrcfile.read(protocol.outputUnmodified.getFileName())
        np.testing.assert_array_equal(unmodified, mrcfile.read(self.volume.getFileName()))
        (after, _), (before, frequency) = (
            self.amplitudes(data) for data in (mrcfile.read(protocol.outputVolume.getFileName()), unmodified)
        )
        inside = (frequency > 0.05) & (frequency < 0.85 / 2.4)
        np.testing.assert_allclose((after / before)[inside], np.exp(40 * frequency[inside] ** 2 / 4), rtol=0.05)
        self.assertLess((after / before)[frequency > 1.4 / 2.4].max(), 0.1)
        for volume in (protocol.outputVolume, protocol.outputUnmodified):
            self.assertEqual(volume.getHalfMaps(), self.volume.getHalfMaps())
            self.assertTrue(volume.hasOrigin())
        self.assertEqual(protocol.summary()[:2], ["Sharpened (b-factor) to 2.40 Å", "B factor 40.0 Å², as given"])
        self.assertIn("[Rosenthal2003]", protocol.methods()[0])
        self.checkViewer(protocol)

    def checkViewer(self, protocol):
        viewer = self.viewer(viewers.GmmRefineSharpenViewer, protocol)
        for name in ("showGuinier", "showComparison"):
            self.assertGreater(np.ptp(self.axes(viewer, name)[0].images[0].get_array()), 0.5)
        self.assertEqual(len(self.axes(viewer, "showSlices")), 6)

    def test_at_its_defaults_the_half_maps_say_the_resolution(self):
        protocol = self.execute(GmmRefineProtSharpen, {"inputVolume": "volume"})
        self.assertTrue(2 * VOXEL <= protocol._results()["resolution"] < 4, protocol._results()["resolution"])
        measured = readRun(protocol._getExtraPath("resolution"))
        self.assertTrue(measured["settings"]["make_mask"])
        self.assertAlmostEqual(protocol._results()["resolution"], measured["results"]["resolution"], delta=0.01)

    def test_local_resolution_volume_and_mask_steer_the_sharpening(self):
        protocol = self.proj.newProtocol(GmmRefineProtSharpen, sharpening=BY_LOCAL_RESOLUTION, bFactor=20.0)
        for name, source, output in (
            ("inputVolume", self.sources, "volume"),
            ("mask", self.measuring, "outputMask"),
            ("localResolution", self.measuring, "outputResolution"),
        ):
            getattr(protocol, name).set(source)
            getattr(protocol, name).setExtended(output)
        self.proj.launchProtocol(protocol, wait=True)
        self.assertTrue(protocol.isFinished(), protocol.getErrorMessage())
        self.assertAlmostEqual(protocol._results()["resolution"], self.measuring._results()["median"], delta=0.3)

    def test_amplitudes_of_a_model_placed_by_scipion(self):
        protocol = self.execute(
            GmmRefineProtSharpen, {"inputVolume": "volume", "referenceModel": "structure"}, sharpening=LOCAL_MODEL, lowPass=2.4
        )
        self.assertEqual(protocol._results()["atoms_outside"], 0)
        sharpened = mrcfile.read(protocol.outputVolume.getFileName())
        self.assertGreater(np.corrcoef(sharpened.ravel(), self.full.ravel())[0, 1], 0.8)
        self.assertIn("Jakobi", " ".join(protocol.citations()))
        self.assertEqual(settings.SHARPENING.choices[LOCAL_MODEL], "local-model")


class TestHeadersOfOtherPrograms(MapsTest):
    """Scipion knows the sampling rate; the headers say 1 Å, as those of many masks do."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        volume = writeNoisyMap(cls.folder, cls.full)
        places = np.indices(cls.full.shape) - SIDE // 2
        ball = np.clip((10 - np.linalg.norm(places - [[[[0]]], [[[7]]], [[[5]]]], axis=0)) / 4, 0, 1)
        mask = writeMap(cls.folder / "mask.mrc", ball, kind=VolumeMask)
        for fileName in (*volume.getHalfMaps(asList=True), mask.getFileName()):
            with mrcfile.open(fileName, mode="r+") as handle:
                handle.voxel_size = 1.0
        cls.sources = asOutputs(cls.proj, volume=volume, mask=mask)

    def assertHasSamplingRate(self, protocol):
        for fileName in protocol.outputVolume.getHalfMaps(asList=True):
            with mrcfile.open(fileName) as handle:
                self.assertAlmostEqual(float(handle.voxel_size.x), VOXEL, places=4)

    def test_composite(self):
        protocol = self.execute(
            GmmRefineProtComposite,
            {"inputVolumes": ["volume"], "inputMasks": ["mask"], "mask": "mask"},
            partsFrom=MAPS,
            useGpu=False,
        )
        self.assertHasSamplingRate(protocol)

    def test_imposed_symmetry(self):
        protocol = self.execute(GmmRefineProtImposeSymmetry, {"inputVolume": "volume", "inputMask": "mask"}, symmetry="C2")
        self.assertHasSamplingRate(protocol)
