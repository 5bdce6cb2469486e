import gc
import json
import os
import sys
from pathlib import Path
from unittest import mock

import mrcfile
import numpy as np
from matplotlib.backend_bases import MouseEvent
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from pwem.viewers.viewer_chimera import Chimera, ChimeraView
from pyworkflow.viewer import MessageView

from scipion_gmmrefine import Plugin
from scipion_gmmrefine.convert.latents import readLatents
from scipion_gmmrefine.convert.star import readTable, writeTables
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols import GmmRefineProtConformationToPose, GmmRefineProtHeterogeneity
from scipion_gmmrefine.tests.results import fscCurve, writeFsc, writeHeterogeneity, writeRefinement
from scipion_gmmrefine.tests.sets import makeParticles, writeVolume
from scipion_gmmrefine.tests.test_viewers import ROTATIONS, SHIFTS, ViewerTest, crossing
from scipion_gmmrefine.viewers import GmmRefineConformationToPoseViewer, GmmRefineHeterogeneityViewer
from scipion_gmmrefine.viewers.latent_space import alongAxes, alongComponents, byUmap
from scipion_gmmrefine.viewers.plots_latents import plotFrames
from scipion_gmmrefine.viewers.viewer_heterogeneity import AXIS, COLOURINGS, POINT, SELECT, UMAP

IDS = tuple(range(5, 45))
LATENT = np.random.default_rng(2).normal(size=(len(IDS), 2)).round(4)
HALVES = {half: np.array(IDS)[half - 1 :: 2] for half in (1, 2)}  # dealt out in turn


def latentsOf(half):
    """Latents of the particles of a half set."""
    return LATENT[half - 1 :: 2]


class FakeEngine:
    """Remembers what it was asked for, and writes the maps of as many frames as the command would."""

    def __init__(self, frames):
        self.frames, self.asked = frames, []

    def __call__(self, command, arguments, folder, goesOn=None):
        self.asked.append((command, arguments))
        half = arguments[arguments.index("--half") + 1]
        place = Path(folder) / f"half_{half}"
        place.mkdir(parents=True, exist_ok=True)
        for number in range(1, self.frames + 1):
            writeVolume(place / f"frame_{number:02d}.mrc")
        (Path(folder) / "movie.cxc").write_text("view\n")


class HeterogeneityViewerTest(ViewerTest):
    def finished(self, latent=LATENT, **choices):
        protocol, extra, viewer = self.prepare(GmmRefineProtHeterogeneity, GmmRefineHeterogeneityViewer)
        protocol.inputParticles.set(makeParticles(extra, ids=IDS))
        writeHeterogeneity(extra, protocol.inputParticles.get(), latent)
        for name, value in choices.items():
            getattr(viewer, name).set(value)
        return viewer

    def click(self, axes, place, name="button_press_event"):
        """A click of the left button at a place in the coordinates of some axes."""
        canvas = axes.figure.canvas
        event = MouseEvent(name, canvas, *axes.transData.transform(place), button=1)
        canvas.callbacks.process(name, event)


class TestHeterogeneityViewer(HeterogeneityViewerTest):
    def test_all_figures_appear(self):
        viewer = self.finished()
        for name, axes in (("showMotions", 1), ("showTraining", 1), ("showHistogram", 1), ("showLatents", 3)):
            self.assertEqual(len(self.axes(viewer, name)), axes, name)

    def test_nothing_is_there_yet(self):
        _, _, viewer = self.prepare(GmmRefineProtHeterogeneity, GmmRefineHeterogeneityViewer)
        for name in viewer._getVisualizeDict():
            self.assertIsInstance(self.show(viewer, name), MessageView, name)

    def test_table_of_motions_and_the_verdict(self):
        (axes,) = self.axes(self.finished(), "showMotions")
        cells = axes.tables[0].get_celld()
        self.assertEqual(
            [[cells[row, column].get_text().get_text() for column in range(4)] for row in (1, 2)],
            [["1", "4.50", "4.25", "0.98"], ["2", "1.25", "0.00", "0.50"]],
        )
        self.assertIn("both halves move alike", axes.get_title())

    def test_loss_of_both_halves(self):
        (axes,) = self.axes(self.finished(), "showTraining")
        curves = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
        self.assertEqual(
            curves,
            {
                "half 1, training": [-4, 0, 2],
                "half 1, held out": [-5, -1, 1],
                "half 2, training": [-3, 1, 3],
                "half 2, held out": [-6, -2, 0],
            },
        )

    def test_histogram_counts_every_particle_in_its_half(self):
        (axes,) = self.axes(self.finished(), "showHistogram")
        medians = [f"half {half}: median {np.median(10 * np.linalg.norm(latentsOf(half), axis=1)):.2f} Å" for half in (1, 2)]
        self.assertEqual(sorted(text.get_text() for text in axes.get_legend().get_texts()), medians)

    def test_every_particle_is_drawn_in_the_panel_of_its_half(self):
        panels = self.axes(self.finished(), "showLatents")[:2]
        for half, axes in enumerate(panels, 1):
            np.testing.assert_allclose(axes.collections[0].get_offsets(), latentsOf(half))
            self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("latent 1", "latent 2"))

    def test_colours(self):
        defocus = 14500.0 + np.array(IDS)
        expected = {"motion": 10 * np.linalg.norm(LATENT, axis=1), "defocus": defocus}
        for name, values in expected.items():
            first, second, bar = self.axes(self.finished(colouring=list(COLOURINGS).index(name)), "showLatents")
            for half, axes in ((1, first), (2, second)):
                np.testing.assert_allclose(axes.collections[0].get_array(), values[half - 1 :: 2], rtol=1e-5)
            self.assertEqual(bar.get_ylabel(), COLOURINGS[name][0])
        first, second, _ = self.axes(self.finished(colouring=list(COLOURINGS).index("half set")), "showLatents")
        colours = [to_hex(axes.collections[0].to_rgba(half)) for half, axes in ((1, first), (2, second))]
        self.assertNotEqual(*colours)

    def test_an_axis_that_does_not_exist(self):
        for choices in ({"vertical": 3}, {"horizontal": 0}):
            self.assertIn("There are 2 latent dimensions", self.show(self.finished(**choices), "showLatents").getMessage())

    def test_one_dimension_is_spread_for_the_eye(self):
        axes = self.axes(self.finished(LATENT[:, :1]), "showLatents")[1]
        np.testing.assert_allclose(axes.collections[0].get_offsets()[:, 0], latentsOf(2)[:, 0])
        self.assertIn("spread", axes.get_ylabel())

    def test_umap_that_is_not_installed_is_explained(self):
        with mock.patch.dict(sys.modules, {"umap": None}):
            self.assertIn("umap-learn", self.show(self.finished(projection=UMAP), "showLatents").getMessage())

    def test_motion_of_both_halves_in_chimerax(self):
        viewer = self.finished()
        self.assertIn("movie.cxc is not there yet", self.show(viewer, "showMovie").getMessage())
        FakeEngine(2)("", ["--half", "1"], viewer.protocol._getExtraPath("conformations"))
        with mock.patch.object(Chimera, "getProgram", return_value="/bin/true"), mock.patch.object(
            Chimera, "getHome", return_value="/"
        ):
            self.assertIsInstance(self.show(viewer, "showMovie"), ChimeraView)


class TestAnnotation(HeterogeneityViewerTest):
    def test_the_command_is_told_where_hax_is_not_installed(self):
        viewer = self.finished(annotated=1)
        message = self.show(viewer, "showAnnotation").getMessage()
        table = Path(viewer.protocol._getExtraPath("annotation", "half_2", "z_space.txt")).absolute()
        self.assertIn(f"--z_space {table}", message)
        for words in ("--gmm_half 2", "--server_functions_path", "--env_name hax"):
            self.assertIn(words, message)
        own = readLatents(viewer.protocol._getExtraPath()).ofHalf(2).latent
        np.testing.assert_allclose(np.loadtxt(table), own)

    def test_hax_is_started_where_it_is(self):
        with mock.patch(
            "scipion_gmmrefine.viewers.viewer_heterogeneity.haxProgram", return_value="activate && annotate_space "
        ):
            view = self.show(self.finished(), "showAnnotation")
        self.assertTrue(view._cmd.startswith("activate && annotate_space  --z_space"), view._cmd)


class TestPicking(HeterogeneityViewerTest):
    """Clicks in the scatter become commands of the engine."""

    def pick(self, viewer, half, *places, frames=1, chimera=""):
        """Click, and give what the engine was asked for and the views that were shown."""
        self.drawn, engine, shown = self.show(viewer, "showLatents").getFigure(), FakeEngine(frames), []
        gc.collect()  # Scipion drops the view once it is shown; the figure is pyplot's
        with mock.patch.object(Plugin, "runEngineNow", side_effect=engine), mock.patch.object(
            Chimera, "getProgram", return_value=chimera
        ), mock.patch.object(Chimera, "getHome", return_value="/"), mock.patch(
            "pwem.viewers.EmPlotter.show", autospec=True, side_effect=shown.append
        ), mock.patch.object(ChimeraView, "show", autospec=True, side_effect=shown.append):
            for place in places:
                self.click(self.drawn.axes[half - 1], place)
        return engine.asked, shown

    def test_a_point_is_made_a_map_by_the_network_of_its_half(self):
        for half in (1, 2):
            viewer = self.finished(tool=POINT)
            asked, shown = self.pick(viewer, half, (-0.5, 0.25))
            ((command, arguments),) = asked
            self.assertEqual(command, "conformations")
            self.assertEqual(arguments[0], viewer.protocol._getExtraPath())
            self.assertEqual(arguments[arguments.index("--half") + 1], str(half))
            (through,) = (word.split("=")[1] for word in arguments if word.startswith("--through="))
            np.testing.assert_allclose([float(value) for value in through.split()], [-0.5, 0.25], atol=1e-3)
            self.assertEqual(len(shown[0].getFigure().axes), 6)
            self.assertIn("Click in a panel", self.drawn._suptitle.get_text())

    def test_two_points_are_made_a_morph_once_both_are_there(self):
        viewer = self.finished(tool=AXIS)
        self.assertEqual(self.pick(viewer, 2, (0.5, 0)), ([], []))
        asked, shown = self.pick(viewer, 2, (0.5, 0), (-1, 1), frames=9)
        ((_, arguments),) = asked
        (through,) = (word.split("=")[1] for word in arguments if word.startswith("--through="))
        points = [[float(value) for value in point.split()] for point in through.split(";")]
        np.testing.assert_allclose(points, [[0.5, 0], [-1, 1]], atol=1e-3)
        self.assertEqual(len(shown[0].getFigure().axes), 9)

    def test_ends_in_two_panels_are_no_axis(self):
        window = self.show(self.finished(tool=AXIS), "showLatents")
        with mock.patch.object(Plugin, "runEngineNow") as engine:
            for half in (1, 2, 1):
                self.click(window.getFigure().axes[half - 1], (0.1, 0.1))
        engine.assert_not_called()

    def test_a_click_of_the_toolbar_picks_nothing(self):
        window = self.show(self.finished(tool=POINT), "showLatents")
        canvas = window.getFigure().canvas
        canvas.widgetlock(window)
        with mock.patch.object(Plugin, "runEngineNow") as engine:
            self.click(window.getFigure().axes[0], (0.1, 0.1))
        engine.assert_not_called()

    def test_chimerax_plays_the_movie_with_the_model(self):
        viewer = self.finished(tool=AXIS, morphModel="model.cif")
        asked, shown = self.pick(viewer, 1, (0, 0), (1, 1), frames=9, chimera="/bin/true")
        self.assertEqual(asked[0][1][-2:], ["--model", os.path.abspath("model.cif")])
        self.assertIsInstance(shown[0], ChimeraView)
        self.assertIn("movie.cxc", str(vars(shown[0])))

    def test_an_engine_that_refuses_is_a_message(self):
        window = self.show(self.finished(tool=POINT), "showLatents")
        with mock.patch.object(Plugin, "runEngineNow", side_effect=EngineFailure("has no command conformations")):
            self.click(window.getFigure().axes[0], (0.1, 0.1))
        self.assertEqual(window.getFigure()._suptitle.get_text(), "has no command conformations")

    def test_frames_are_seen_along_the_axis_that_shows_the_motion(self):
        first = np.zeros((6, 6, 6))
        first[1, 2, 3] = 1
        for axis, name in enumerate("zyx"):
            figure = Figure()
            volumes = [np.roll(first, shift, axis=axis) for shift in (0, 1)]
            plotFrames(figure, volumes, [2.0, 2.0], "A")
            self.assertNotEqual(figure._suptitle.get_text(), f"A, seen along {name}")
            shadows = [axes.images[0].get_array() for axes in figure.axes]
            self.assertGreater(abs(shadows[0] - shadows[1]).max(), 0.5)


class TestLasso(HeterogeneityViewerTest):
    """Loops in the scatter become sets of particles."""

    def window(self):
        viewer = self.finished(tool=SELECT)
        return viewer, self.show(viewer, "showLatents")

    def test_a_loop_drawn_by_mouse_selects_the_particles_inside(self):
        for half in (1, 2):
            _, window = self.window()
            axes = window.getFigure().axes[half - 1]
            axes.set_xlim(-4, 4)
            axes.set_ylim(-4, 4)
            corners = [(0, -3.5), (9, -9), (9, 9), (0, 9), (0, -3.5)]  # the mouse leaves the panel, even the window
            self.click(axes, corners[0])
            for corner in corners[1:]:
                self.click(axes, corner, "motion_notify_event")
            self.click(axes, corners[-1], "button_release_event")
            self.assertEqual(window.getFigure().tool.selected(), HALVES[half][latentsOf(half)[:, 0] > 0].tolist())

    def test_panels_add_up_and_a_new_loop_replaces_the_old_one(self):
        _, window = self.window()
        right, left = ([(side, -9), (9 * np.sign(side), -9), (9 * np.sign(side), 9), (side, 9)] for side in (1e-6, -1e-6))
        window.getFigure().tool.select(1, left)
        window.getFigure().tool.select(2, right)
        window.getFigure().tool.select(1, right)
        expected = sorted([*HALVES[1][latentsOf(1)[:, 0] > 0], *HALVES[2][latentsOf(2)[:, 0] > 0]])
        self.assertEqual(window.getFigure().tool.selected(), expected)
        count = sum(objId in HALVES[1] for objId in expected)
        self.assertIn(
            f"Selected: {count} of half 1, {len(expected) - count} of half 2",
            [text.get_text() for text in window.getFigure().texts],
        )
        window.getFigure().tool.select(1, [(0, 0), (1, 1)])
        self.assertEqual(window.getFigure().tool.selected(), HALVES[2][latentsOf(2)[:, 0] > 0].tolist())

    def test_the_button_makes_a_set_and_a_star_file(self):
        viewer, window = self.window()
        protocol = viewer.protocol
        protocol._defineOutputs(outputParticles=protocol._flexibleParticles(readLatents(protocol._getExtraPath())))
        window.getFigure().tool.select(2, [(0, -9), (9, -9), (9, 9), (0, 9)])
        button = window.getFigure().axes[3]
        self.click(button, (0.5, 0.5))
        self.click(button, (0.5, 0.5), "button_release_event")
        text = window.getFigure()._suptitle.get_text()
        expected = HALVES[2][latentsOf(2)[:, 0] > 0].tolist()
        self.assertIn(f"{len(expected)} particles are now the set of the protocol", text)
        table = readTable(text.splitlines()[-1], "particles")
        self.assertEqual(list(map(int, table["scipionObjId"])), expected)
        self.assertEqual(set(table["rlnRandomSubset"]), {"2"})

    def test_a_set_that_scipion_cannot_make_is_a_message(self):
        viewer, window = self.window()
        viewer.protocol._defineOutputs(
            outputParticles=viewer.protocol._flexibleParticles(readLatents(viewer.protocol._getExtraPath()))
        )
        window.getFigure().tool.select(1, [(0, -9), (9, -9), (9, 9), (0, 9)])
        with mock.patch.object(self.proj, "launchProtocol"):
            viewer._atOnce(window.getFigure(), viewer._subset)(window.getFigure().tool.selected())
        self.assertIn("The set was not made: its protocol did not start.", window.getFigure()._suptitle.get_text())

    def test_nothing_selected_is_a_message(self):
        viewer, _ = self.window()
        (view,) = viewer._subset([])
        self.assertIn("No particles are selected", view.getMessage())


class TestFlatViews(ViewerTest):
    LATENT = np.random.default_rng(0).normal(size=(60, 3)) * [0.5, 3, 1]

    def test_a_place_stands_for_the_latent_that_is_drawn_there(self):
        for seen in (alongAxes(self.LATENT, 3, 1), alongComponents(self.LATENT, 1, 3)):
            place = np.array([0.4, -0.2])
            again = seen.latentAt(place)
            redrawn = np.linalg.lstsq(np.column_stack([self.LATENT, np.ones(60)]), seen.points, rcond=None)[
                0
            ]  # both views are linear
            np.testing.assert_allclose(np.append(again, 1) @ redrawn, place, atol=1e-9)
        np.testing.assert_allclose(alongAxes(self.LATENT, 3, 1).latentAt(place), [-0.2, 0, 0.4])

    def test_one_dimension_has_one_coordinate(self):
        seen = alongAxes(self.LATENT[:, :1], 1, 2)
        self.assertEqual(seen.latentAt(np.array([0.7, 9])).tolist(), [0.7])

    def test_the_first_component_is_that_of_the_largest_spread(self):
        seen = alongComponents(self.LATENT, 1, 2)
        self.assertGreater(np.corrcoef(seen.points[:, 0], self.LATENT[:, 1])[0, 1], 0.99)
        np.testing.assert_allclose(seen.latentAt(np.zeros(2)), self.LATENT.mean(axis=0))

    def test_umap_stands_for_the_nearest_particle(self):
        umap = mock.Mock()
        umap.UMAP.return_value.fit_transform.side_effect = lambda latent: 2 * latent[:, :2]
        with mock.patch.dict(sys.modules, {"umap": umap}):
            seen = byUmap(self.LATENT)
        np.testing.assert_array_equal(seen.latentAt(2 * self.LATENT[7, :2] + 1e-6), self.LATENT[7])


class TestConformationToPoseViewer(ViewerTest):
    TURNS = np.linspace(0, 10, 50)

    def finished(self, iteration=1):
        _, extra, viewer = self.prepare(GmmRefineProtConformationToPose, GmmRefineConformationToPoseViewer)
        writeRefinement(extra, (ROTATIONS, SHIFTS))
        mrcfile.write(extra / "focus_mask.mrc", np.ones((16,) * 3, "f4"))
        zeros, used = np.zeros(50), (self.TURNS > 6).astype(int)
        writeTables(
            extra / "motions.star",
            {
                "motions": {
                    "gmmTurnX": 0.6 * self.TURNS,
                    "gmmTurnY": zeros,
                    "gmmTurnZ": 0.8 * self.TURNS,
                    "gmmMoveX": zeros,
                    "gmmMoveY": zeros + 3,
                    "gmmMoveZ": zeros - 4,
                    "gmmMotionUsed": used,
                }
            },
        )
        writeFsc(extra / "fsc.star", 0.125)
        results = json.loads((extra / "run.json").read_text())
        results["results"].update(iteration=iteration, verdict="40 % of the particles converted", resolution_before=11.0)
        (extra / "run.json").write_text(json.dumps(results))
        return viewer

    def test_fsc_before_and_after(self):
        labels = self.axes(self.finished(), "showBeforeAfter")[0].get_legend_handles_labels()[1]
        self.assertEqual(labels, [f"before: {crossing(0.08):.2f} Å", f"after: {crossing(0.125):.2f} Å"])
        self.assertLess(fscCurve(0.08)[5], fscCurve(0.125)[5])

    def test_who_was_converted(self):
        turns, moves = self.axes(self.finished(), "showRigidMotions")
        labels = [text.get_text() for text in moves.get_legend().get_texts()]
        self.assertEqual(labels, ["converted: 20", "kept their pose: 30"])
        self.assertIn("40 % of 50 particles", turns.figure._suptitle.get_text())
        self.assertAlmostEqual(turns.patches[-1].get_x() + turns.patches[-1].get_width(), 10, places=5)
        self.assertAlmostEqual(moves.patches[-1].get_x() + moves.patches[-1].get_width(), 5, places=5)

    def test_nobody_is_converted_where_it_was_no_gain(self):
        turns, _ = self.axes(self.finished(iteration=0), "showRigidMotions")
        self.assertTrue(turns.figure._suptitle.get_text().startswith("0 % of 50 particles"))

    def test_all_that_a_focused_refinement_shows(self):
        viewer = self.finished()
        for name, axes in (("showFsc", 1), ("showRegion", 3), ("showChanges", 2), ("showSlices", 6)):
            self.assertEqual(len(self.axes(viewer, name)), axes, name)

    def test_summary(self):
        protocol = self.finished().protocol
        protocol.outputVolume = writeVolume(protocol._getExtraPath("map.mrc"))
        protocol.inputHeterogeneity.set(self.proj.newProtocol(GmmRefineProtHeterogeneity, region=1, focusSphere="9 9 9 5"))
        self.assertEqual(
            protocol.summary(),
            [
                "40 % of the particles converted",
                "Resolution: 7.25 Å",
                "Start poses: 11.00 Å",
                "Iteration 1: 8.50 Å",
                "Focus: sphere 9 9 9 5 (x y z radius in Å)",
                "Before: 11.00 Å, at the poses of the whole molecule",
            ],
        )

    def test_methods_claim_a_conversion_only_where_there_was_one(self):
        for iteration, words in ((1, "where held-out signal agreed, were refined"), (0, "improved no poses of the region")):
            protocol = self.finished(iteration).protocol
            protocol.outputVolume = writeVolume(protocol._getExtraPath("map.mrc"))
            heterogeneity = self.proj.newProtocol(GmmRefineProtHeterogeneity, region=1, focusSphere="9 9 9 5")
            heterogeneity.inputParticles.set(makeParticles(Path(protocol._getExtraPath())))
            protocol.inputHeterogeneity.set(heterogeneity)
            self.assertIn(words, protocol._methods()[0])
