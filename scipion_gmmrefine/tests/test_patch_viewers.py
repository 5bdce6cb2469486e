import json
import os
import tempfile
from pathlib import Path
from unittest import mock

import mrcfile
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.patches import Circle
from pwem.objects import Volume
from pwem.viewers.viewer_chimera import Chimera, ChimeraView
from pyworkflow.protocol import STATUS_FINISHED
from pyworkflow.viewer import MessageView

from scipion_gmmrefine import Plugin
from scipion_gmmrefine.constants import LOCAL_RESOLUTION_FILE
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols import GmmRefineProtFocus, GmmRefineProtPatches
from scipion_gmmrefine.tests.results import GAUSSIANS, writePatches, writeRefinement
from scipion_gmmrefine.tests.sets import BOX, PIXEL_SIZE, makeParticles, writeVolume
from scipion_gmmrefine.tests.test_viewers import ROTATIONS, SHIFTS, ViewerTest
from scipion_gmmrefine.viewers import GmmRefineFocusViewer, GmmRefinePatchesViewer
from scipion_gmmrefine.viewers.plots_patches import nearestPatch, patchColours


def writeLocalResolution(_command, _arguments, folder, _goesOn=None):
    """What the engine would make: 5 Å in one half of the box, 9 Å in the other, 0 in a slab outside the mask."""
    os.makedirs(folder)
    resolution = np.full((BOX,) * 3, 5, "f4")
    resolution[:, :, BOX // 2 :] = 9
    resolution[:4] = 0
    mrcfile.write(os.path.join(folder, LOCAL_RESOLUTION_FILE), resolution)


class TestPatchesViewer(ViewerTest):
    def finished(self, **options):
        protocol, extra, viewer = self.prepare(GmmRefineProtPatches, GmmRefinePatchesViewer)
        writePatches(extra, (ROTATIONS, SHIFTS))
        for name, value in options.items():
            getattr(protocol, name).set(value)
        return viewer

    def test_all_figures_appear(self):
        viewer = self.finished(patches="auto")
        for name, axes in (
            ("showPatches", 3),
            ("showTable", 1),
            ("showOverlaps", 1),
            ("showEvidence", 1),
            ("showFsc", 1),
            ("showFscKinds", 1),
            ("showSlices", 6),
            ("showChanges", 2),
        ):
            self.assertEqual(len(self.axes(viewer, name)), axes, name)

    def test_nothing_is_there_yet(self):
        _, _, viewer = self.prepare(GmmRefineProtPatches, GmmRefinePatchesViewer)
        for name in viewer._getVisualizeDict():
            self.assertIsInstance(self.show(viewer, name), MessageView, name)

    def test_a_patch_that_a_finished_run_has_not(self):
        viewer = self.finished()
        viewer.changedPatch.set(9)
        viewer.protocol.setStatus(STATUS_FINISHED)
        self.assertEqual(
            self.show(viewer, "showChanges").getMessage(),
            os.path.join("patches", "09", "particles.star") + " is not among the results of this run.",
        )

    def test_gaussians_and_spheres_have_the_colour_of_their_patch(self):
        scatter, *projections = self.axes(self.finished(), "showPatches")
        self.assertEqual(len({to_hex(colour) for colour in patchColours(30)}), 30)
        colours = [to_hex(colour) for colour in patchColours(2)]
        self.assertEqual([to_hex(points.get_facecolor()[0]) for points in scatter.collections], colours)
        self.assertEqual(sum(len(points.get_offsets()) for points in scatter.collections), GAUSSIANS)
        for axes in projections:
            circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
            self.assertEqual([to_hex(one.get_edgecolor()) for one in circles], [colours[0], colours[1], colours[1]])
            self.assertEqual([one.get_radius() for one in circles], [9, 7, 7])
        xz = [one.center for one in projections[1].patches]
        self.assertEqual(xz, [(-8, 0), (8, -4), (8, 4)])

    def test_points_belong_to_the_nearest_sphere(self):
        patches = [np.array([[0.0, 0, 0, 5]]), np.array([[10.0, 0, 0, 5], [0, 20, 0, 5]])]
        points = np.array([[1.0, 0, 0], [9, 0, 0], [0, 15, 0], [4, 4, 0]])
        self.assertEqual(nearestPatch(points, patches).tolist(), [0, 1, 1, 0])

    def test_fsc_of_global_map_patches_and_composite(self):
        (axes,) = self.axes(self.finished(), "showFsc")
        labels = [label.split(":")[0] for label in axes.get_legend_handles_labels()[1]]
        self.assertEqual(labels, ["global", "composite", "patch 1", "patch 2"])
        self.assertEqual([to_hex(line.get_color()) for line in axes.lines[2:4]], [to_hex(colour) for colour in patchColours(2)])

    def test_tables(self):
        viewer = self.finished()
        cells = self.axes(viewer, "showTable")[0].tables[0].get_celld()
        self.assertEqual(
            [cells[2, column].get_text().get_text() for column in range(8)],
            ["2", "8.0", "9.50 Å", "none", "0.400", "0.500", "1.00°", "0.50 Å"],
        )
        cells = self.axes(viewer, "showOverlaps")[0].tables[0].get_celld()
        self.assertEqual([cells[1, column].get_text().get_text() for column in range(4)], ["1", "2", "2.5", "0.125"])

    def test_evidence_only_where_it_was_asked_for(self):
        (axes,) = self.axes(self.finished(patches="auto"), "showEvidence")
        self.assertEqual(axes.lines[0].get_ydata().tolist(), [0.1, 0.8, 0.7])
        self.assertIn("2 taken", [text.get_text() for text in axes.texts])
        self.assertIn("only with auto", self.show(self.finished(), "showEvidence").getMessage())

    def test_particles_and_map_of_one_patch(self):
        viewer = self.finished()
        viewer.changedPatch.set(2)
        self.assertIn(f"mean {ROTATIONS.mean() / 2:.2f}°", self.axes(viewer, "showChanges")[0].get_title())
        viewer.volume.set(list(viewer.MAPS).index("mask of a patch"))
        viewer.patch.set(2)
        self.assertIn("mask of patch 2", self.axes(viewer, "showSlices")[0].figure._suptitle.get_text())
        viewer.patch.set(3)
        self.assertIsInstance(self.show(viewer, "showSlices"), MessageView)

    def test_chimerax_shows_every_mask_in_its_colour(self):
        viewer = self.finished()
        with mock.patch.object(Chimera, "getProgram", return_value="/bin/true"), mock.patch.object(
            Chimera, "getHome", return_value="/"
        ):
            self.assertIsInstance(self.show(viewer, "showPatchesChimera"), ChimeraView)
        with open(viewer.protocol._getExtraPath("chimerax", "patches.cxc")) as handle:
            script = handle.read()
        for model, colour in zip((2, 3), patchColours(2)):
            self.assertIn(f"volume #{model} style surface level 0.5 color {to_hex(colour)}", script)
        self.assertEqual(script.count("open "), 3)

    def test_summary(self):
        viewer = self.finished()
        protocol = viewer.protocol
        protocol.outputVolume = writeVolume(protocol._getExtraPath("composite.mrc"))
        self.assertEqual(
            protocol.summary(),
            [
                "Composite of 2 patches: 7.00 Å (before: 8.00 Å)",
                "Patch 1: 8.50 Å → 7.25 Å; particles turned 2.00° and moved 1.00 Å on average",
                "Patch 2: 9.50 Å → none; particles turned 1.00° and moved 0.50 Å on average",
            ],
        )

    def test_summary_has_the_notes_of_the_engine(self):
        viewer = self.finished()
        record = Path(viewer.protocol._getExtraPath("run.json"))
        content = json.loads(record.read_text())
        content["results"]["notes"] = ["900 were asked for, " + "but " * 30 + "there is room for 250"]
        record.write_text(json.dumps(content))
        viewer.protocol.outputVolume = Volume()
        self.assertEqual(viewer.protocol.summary()[-1], f"Note: {content['results']['notes'][0]}.")

    def test_the_last_step_asks_for_a_model_at_a_resolution_that_there_can_be(self):
        """Also for half maps that agree to Nyquist, whose pixel size the header rounds, or hardly at all."""
        protocol, side = self.finished().protocol, BOX * PIXEL_SIZE
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        protocol.inputParticles.set(makeParticles(Path(folder.name)))
        for found, asked in ((5.0, 5.0), (None, 0), (side / 2, side / 4)):
            Path(protocol._getExtraPath("run.json")).write_text(json.dumps({"results": {"resolution": found}}))
            with mock.patch.object(Plugin, "runEngine") as engine:
                protocol.describeStep([])
            (_, command, words, *_), _ = engine.call_args
            self.assertEqual((command, float(words[words.index("--resolution") + 1])), ("build", asked))
            self.assertIn("--take-over", words)

    def test_summary_of_a_running_protocol(self):
        protocol, extra, _ = self.prepare(GmmRefineProtPatches, GmmRefinePatchesViewer)
        self.assertEqual(protocol.summary(), ["Not started yet."])
        (extra / "events.jsonl").write_text('{"step": "iteration", "iteration": 1, "resolution": [8.25, null]}\n')
        self.assertEqual(protocol.summary(), ["Iteration 1 of 3, iteration, 8.25 Å, none."])


class TestFocusViewer(ViewerTest):
    def finished(self):
        _, extra, viewer = self.prepare(GmmRefineProtFocus, GmmRefineFocusViewer)
        writeRefinement(extra, (ROTATIONS, SHIFTS))
        mask = np.zeros((BOX,) * 3, "f4")
        mask[10:14, 2:6, 4:8] = 1
        mrcfile.write(extra / "focus_mask.mrc", mask)
        return viewer

    def test_region_is_outlined_on_slices_through_it(self):
        axes = self.axes(self.finished(), "showRegion")
        self.assertEqual(len(axes), 3)
        for one in axes:
            self.assertEqual(sum(len(paths.get_paths()[0].vertices) > 3 for paths in one.collections), 1)
        self.assertEqual(len(self.axes(self.finished(), "showFsc")), 1)

    def test_local_resolution_is_measured_once_and_coloured_inside_the_mask(self):
        viewer = self.finished()
        with mock.patch.object(Plugin, "runEngineNow", side_effect=writeLocalResolution) as measured:
            axes = self.axes(viewer, "showLocalResolution")
            self.axes(viewer, "showLocalResolution")
        self.assertEqual(measured.call_count, 1)
        self.assertEqual(len(axes), 4)
        colours = axes[1].images[1].get_array()
        self.assertTrue((colours[:4, :, 3] == 0).all())
        self.assertGreater(colours[8, 4, 2], colours[8, 4, 0])
        self.assertGreater(colours[8, 12, 0], colours[8, 12, 2])
        self.assertEqual(axes[3].get_ylabel(), "Local resolution (Å)")

    def test_local_resolution_that_the_engine_refuses_is_a_message(self):
        with mock.patch.object(Plugin, "runEngineNow", side_effect=EngineFailure("no such command")):
            self.assertIn("no such command", self.show(self.finished(), "showLocalResolution").getMessage())

    def test_colour_bars_stay_where_they_were_when_scipion_shows_the_window(self):
        viewer = self.finished()
        with mock.patch.object(Plugin, "runEngineNow", side_effect=writeLocalResolution):
            for row in ("showLocalResolution", "showGaussians"):
                window = self.show(viewer, row)
                *panels, bar = window.getFigure().axes
                before = bar.get_position()
                window.show()
                self.assertEqual(bar.get_position().bounds, before.bounds)
                for panel in panels:
                    self.assertLessEqual(panel.get_position().x1, before.x0, row)

    def test_chimerax_colours_by_local_resolution(self):
        viewer = self.finished()
        with mock.patch.object(Plugin, "runEngineNow", side_effect=writeLocalResolution), mock.patch.object(
            Chimera, "getProgram", return_value="/bin/true"
        ), mock.patch.object(Chimera, "getHome", return_value="/"):
            self.assertIsInstance(self.show(viewer, "showLocalChimera"), ChimeraView)
            self.assertIsInstance(self.show(viewer, "showRegionChimera"), ChimeraView)
        with open(viewer.protocol._getExtraPath("local_resolution", "colours.cxc")) as handle:
            script = handle.read()
        self.assertIn("color sample #1 map #2 palette 5.00,blue:6.00,cyan:7.00,green:8.00,yellow:9.00,red\n", script)
        self.assertIn("key blue:5.00 cyan:6.00 green:7.00 yellow:8.00 red:9.00\n", script)
