import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure
from pwem.viewers.viewer_chimera import Chimera, ChimeraView
from pyworkflow.tests import BaseTest, setupTestProject
from pyworkflow.viewer import MessageView

from scipion_gmmrefine.objects import GmmModel
from scipion_gmmrefine.protocols import GmmRefineProtBuild, GmmRefineProtRefine
from scipion_gmmrefine.tests.results import (
    CUTOFFS,
    FREQUENCY,
    GAUSSIANS,
    fscCurve,
    writeEvents,
    writeFsc,
    writeGmm,
    writeIteration,
    writeRefinement,
)
from scipion_gmmrefine.tests.sets import PIXEL_SIZE, writeVolume
from scipion_gmmrefine.viewers import GmmRefineBuildViewer, GmmRefineModelViewer, GmmRefineRefineViewer
from scipion_gmmrefine.viewers.plots import plotChanges, plotFsc

ROTATIONS, SHIFTS = np.linspace(0, 4, 50), np.linspace(0, 2, 50)


def crossing(cutoff):
    """Resolution in Å of a curve of ``writeFsc``."""
    return 1 / np.interp(-0.143, -fscCurve(cutoff), FREQUENCY)


class ViewerTest(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    def tearDown(self):
        pyplot.close("all")

    def prepare(self, protocolClass, viewerClass):
        protocol = self.proj.newProtocol(protocolClass)
        self.proj.saveProtocol(protocol)
        protocol.makeWorkingDir()
        extra = Path(protocol._getExtraPath())
        viewer = viewerClass(project=self.proj, protocol=protocol)
        viewer.setProtocol(protocol)
        return protocol, extra, viewer

    def show(self, viewer, name):
        views = viewer._getVisualizeDict()[name](name)
        self.assertEqual(len(views), 1)
        return views[0]

    def axes(self, viewer, name):
        figure = self.show(viewer, name).getFigure()
        figure.canvas.draw()
        return figure.axes


class TestRefineViewer(ViewerTest):
    def test_resolution_by_direction(self):
        _, extra, viewer = self.prepare(GmmRefineProtRefine, GmmRefineRefineViewer)
        self.assertIn("when the run has ended", str(self.show(viewer, "showDirections").getMessage()))
        (extra / "directions.star").write_text(
            "data_directions\n\nloop_\n_rlnAngleRot #1\n_rlnAngleTilt #2\n_gmmResolution #3\n_gmmSummedFsc #4\n"
            "0 90 4.0 9\n90 90 4.2 9\n0 2 7.5 3\n"
        )
        points = self.axes(viewer, "showDirections")[0].collections[0]
        np.testing.assert_allclose(points.get_array(), [4.0, 4.2, 7.5])
        np.testing.assert_allclose(points.get_offsets(), [[0, 90], [np.pi / 2, 90], [0, 2]])

    def finished(self):
        _, extra, viewer = self.prepare(GmmRefineProtRefine, GmmRefineRefineViewer)
        writeRefinement(extra, (ROTATIONS, SHIFTS))
        return viewer

    def test_fsc_of_every_iteration(self):
        (axes,) = self.axes(self.finished(), "showFsc")
        labels = axes.get_legend_handles_labels()[1]
        self.assertEqual(
            labels,
            [
                f"{name}: {crossing(cutoff):.2f} Å"
                for name, cutoff in zip(("start poses", "iteration 1", "iteration 2"), CUTOFFS)
            ],
        )
        self.assertEqual(axes.get_xlabel(), "Resolution (Å)")
        ticks = {label.get_text(): position for position, label in zip(axes.get_xticks(), axes.get_xticklabels())}
        self.assertEqual(ticks["10"], 0.1)

    def test_fsc_of_selected_iterations(self):
        viewer = self.finished()
        viewer.iterations.set(1)
        viewer.selection.set("0,2")
        labels = self.axes(viewer, "showFsc")[0].get_legend_handles_labels()[1]
        self.assertEqual([label.split(":")[0] for label in labels], ["start poses", "iteration 2"])
        viewer.selection.set("7")
        self.assertIsInstance(self.show(viewer, "showFsc"), MessageView)

    def test_all_figures_appear(self):
        viewer = self.finished()
        for name, axes in (("showFscKinds", 1), ("showGaussians", 2), ("showGmmFsc", 1), ("showSlices", 6), ("showChanges", 2)):
            self.assertEqual(len(self.axes(viewer, name)), axes, name)

    def test_windows_say_which_run_and_what_of_it_they_show(self):
        viewer = self.finished()
        viewer.protocol.setObjLabel("second try")
        for row, label in (("showSlices", "Slices"), ("showChanges", "Change of rotation and shift")):
            with mock.patch("matplotlib.backend_bases.FigureManagerBase.set_window_title") as titled:
                self.show(viewer, row)
            titled.assert_called_with(f"second try: {label}")

    def test_the_report_is_made_by_the_engine_and_opened(self):
        viewer = self.finished()
        with mock.patch("scipion_gmmrefine.engine._waitFor", return_value=("", 0)) as engine, mock.patch(
            "webbrowser.open_new_tab"
        ) as browser:
            self.show(viewer, "showReport").show()
        self.assertEqual(engine.call_args[0][0][-2:], ["report", viewer.protocol._getExtraPath()])
        browser.assert_called_once_with(f"file://{Path(viewer.protocol._getExtraPath('report.html')).absolute()}")

    def test_scatter_shows_every_gaussian(self):
        axes = self.axes(self.finished(), "showGaussians")[0]
        self.assertIn(f"{GAUSSIANS} Gaussians", axes.figure._suptitle.get_text())
        self.assertIn(GAUSSIANS, [len(points.get_offsets()) for points in axes.collections])

    def test_running_protocol_shows_its_newest_iteration(self):
        _, extra, viewer = self.prepare(GmmRefineProtRefine, GmmRefineRefineViewer)
        writeIteration(extra / "iterations" / "00", 0.08)
        self.assertEqual(len(self.axes(viewer, "showGaussians")), 2)
        message = self.show(viewer, "showChanges")
        self.assertIn("particles.star is not there yet", message.getMessage())

    def test_chimerax(self):
        viewer = self.finished()
        with mock.patch.object(Chimera, "getProgram", return_value="/nowhere/ChimeraX"):
            self.assertIn("ChimeraX was not found", self.show(viewer, "showChimera").getMessage())
        with mock.patch.object(Chimera, "getProgram", return_value="/bin/true"), mock.patch.object(
            Chimera, "getHome", return_value="/"
        ):
            self.assertIsInstance(self.show(viewer, "showChimera"), ChimeraView)

    def test_summary_of_a_running_and_of_a_finished_protocol(self):
        protocol, extra, _ = self.prepare(GmmRefineProtRefine, GmmRefineRefineViewer)
        self.assertEqual(protocol.summary(), ["Not started yet."])
        writeEvents(extra)
        self.assertEqual(
            protocol.summary(), ["Iteration 2 of 5, refine poses, half 2, 8.25 Å, 120 particles/s, 10 min left of this step."]
        )
        writeRefinement(extra, (ROTATIONS, SHIFTS))
        protocol.outputVolume = writeVolume(extra / "map.mrc")
        self.assertEqual(protocol.summary(), ["Resolution: 7.25 Å", "Start poses: 11.00 Å", "Iteration 1: 8.50 Å"])


class TestBuildViewer(ViewerTest):
    def test_figures_and_messages(self):
        protocol, extra, viewer = self.prepare(GmmRefineProtBuild, GmmRefineBuildViewer)
        self.assertIn("no model yet", self.show(viewer, "showGaussians").getMessage())
        protocol.inputVolume.set(writeVolume(extra / "map.mrc"))
        writeGmm(extra / "gmm.star")
        writeFsc(extra / "gmm_fsc.star", 0.15)
        protocol.outputGmm = GmmModel(
            str(extra / "gmm.star"), numberOfGaussians=GAUSSIANS, mapFileName=str(extra / "map.mrc"), samplingRate=PIXEL_SIZE
        )
        for name, axes in (("showGaussians", 2), ("showGmmFsc", 1), ("showSlices", 6)):
            self.assertEqual(len(self.axes(viewer, name)), axes, name)
        (view,) = GmmRefineModelViewer(project=self.proj)._visualize(protocol.outputGmm)
        self.assertEqual(len(view.getFigure().axes), 2)


class TestPlots(unittest.TestCase):
    def test_histogram_titles_give_mean_and_deviation(self):
        figure = Figure()
        plotChanges(figure, np.array([1.0, 3.0]), np.array([0.5, 1.5]))
        self.assertEqual(
            [axes.get_title() for axes in figure.axes], ["Rotation: mean 2.00°, std 1.00°", "Shift: mean 1.00 Å, std 0.50 Å"]
        )

    def test_threshold_and_resolution_are_marked(self):
        figure = Figure()
        plotFsc(figure, {"a": (np.array([0.1, 0.2]), np.array([1.0, 0.0]))}, 0.143, resolution=8.0)
        curve, threshold, resolution = figure.axes[0].lines
        self.assertEqual(list(threshold.get_ydata()), [0.143, 0.143])
        self.assertEqual(list(resolution.get_xdata()), [0.125, 0.125])
        self.assertEqual(list(curve.get_ydata()), [1.0, 0.0])
