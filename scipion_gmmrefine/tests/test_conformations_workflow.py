"""Maps of conformations, their particles reconstructed and exported, with the real engine through Scipion's launcher."""

import importlib.util
import os
import sys
from pathlib import Path

import mrcfile
import numpy as np

from gmmrefine import settings
from scipion_gmmrefine.constants import HALF_SET
from scipion_gmmrefine.convert.latents import readLatents
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.demo import launch
from scipion_gmmrefine.flexhub.annotation import SERVER_FUNCTIONS
from scipion_gmmrefine.protocols import (
    GmmRefineProtConformations,
    GmmRefineProtExport,
    GmmRefineProtHeterogeneity,
    GmmRefineProtReconstruct,
)
from scipion_gmmrefine.tests.projects import CHEAP, PARTICLES, PIXEL_SIZE, SmallProject
from scipion_gmmrefine.viewers import GmmRefineConformationsViewer, GmmRefineReconstructViewer
from scipion_gmmrefine.viewers.views import PageView

FEW = {"gaussians": CHEAP["gaussians"], "useGpu": False, "numberOfThreads": 2}


class TestConformationsWorkflow(SmallProject):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.learning = launch(
            cls.proj,
            GmmRefineProtHeterogeneity,
            cls.particles,
            latentSize=1,
            anchors="8",
            epochs=1,
            targetResolution=15.0,
            **FEW,
        )
        cls.showing = launch(
            cls.proj,
            GmmRefineProtConformations,
            {"inputHeterogeneity": (cls.learning, "")},
            frames=2,
            subsets=2,
            useGpu=False,
            numberOfThreads=2,
        )

    def test_frames_of_each_half_are_volumes_that_know_their_place(self):
        for half in (1, 2):
            volumes = getattr(self.showing, f"outputVolumesHalf{half}")
            self.assertEqual(volumes.getSize(), 2)
            self.assertAlmostEqual(volumes.getSamplingRate(), PIXEL_SIZE)
            for volume in volumes.iterItems():
                self.assertTrue(os.path.exists(volume.getFileName()))
                self.assertEqual(getattr(volume, HALF_SET).get(), half)
            places = [volume._gmmLatent1.get() for volume in volumes.iterItems()]
            self.assertLess(places[0], places[1])

    def test_classes_are_particle_sets_and_maps_with_half_maps(self):
        first, second = (self.halves(getattr(self.showing, f"outputParticles{number}")) for number in (1, 2))
        self.assertFalse(set(first) & set(second))
        self.assertEqual(len(first) + len(second), PARTICLES)
        given = self.halves(self.importing.outputParticles)
        self.assertEqual({**first, **second}, given)
        particle = self.showing.outputParticles1.getFirstItem()
        self.assertTrue(particle.hasTransform() and particle.hasCTF())
        self.assertFalse(hasattr(particle, "_zFlex"))
        self.assertEqual(len([volume for volume in self.showing.outputClasses.iterItems() if volume.hasHalfMaps()]), 2)

    def test_a_class_is_reconstructed(self):
        run = launch(
            self.proj,
            GmmRefineProtReconstruct,
            {"inputParticles": (self.showing, "outputParticles1")},
            useGpu=False,
            numberOfThreads=2,
        )
        self.assertTrue(run.outputVolume.hasHalfMaps())
        self.assertEqual(run.outputFSC.getSize(), 4)
        self.assertRegex(run.summary()[0], "^Resolution: ")
        self.assertAlmostEqual(run.outputMask.getSamplingRate(), PIXEL_SIZE)
        viewer = GmmRefineReconstructViewer(project=self.proj, protocol=run)
        viewer.setProtocol(run)
        (report,) = viewer._getVisualizeDict()["showReport"]("showReport")
        self.assertIsInstance(report, PageView)
        self.assertIn("<html", Path(report.path).read_text().lower())

    def test_particles_models_and_reports_are_exported(self):
        folder = str(self.folder("elsewhere"))
        run = launch(
            self.proj,
            GmmRefineProtExport,
            {"inputParticles": (self.showing, "outputParticles2")},
            particleForm=1,
            copyTo=folder,
        )
        self.assertEqual(len(np.load(os.path.join(folder, "particles.cs"))), self.showing.outputParticles2.getSize())
        self.assertTrue(os.path.exists(os.path.join(folder, "particles.csg")))
        self.assertIn(folder, "\n".join(run.summary()))
        launch(self.proj, GmmRefineProtExport, {"inputParticles": (self.showing, "outputParticles2")}, copyTo=folder)
        table = readTable(os.path.join(folder, "particles.star"), "particles")
        self.assertEqual(len(table["rlnImageName"]), self.showing.outputParticles2.getSize())
        launch(self.proj, GmmRefineProtExport, {"inputRun": (self.learning, "")}, what=2, copyTo=folder)
        self.assertIn("<html", Path(folder, "report.html").read_text().lower())

    def test_annotate_space_decodes_latents_into_our_maps(self):
        """Loaded by its path, with the viewer's options as a dict, as hax 1.0.4 and its server do."""
        loader = importlib.util.spec_from_file_location("loaded_module", SERVER_FUNCTIONS)
        module = importlib.util.module_from_spec(loader)
        loader.loader.exec_module(module)
        folder = self.folder("decoded")
        folder.mkdir()
        metadata = {
            "outdir": str(folder),
            "mode": "gmmrefine",
            "gmm_run": self.learning._getExtraPath(),
            "gmm_half": 2.0,
            "gmm_python": sys.executable,
            "env_name": "hax",
        }
        program = module.HeterogeneityProgramInterface(
            _path_template=str(folder / "decoded_map_class_{:02d}.mrc"), _program_loading_params=metadata
        )
        own = readLatents(self.learning._getExtraPath()).ofHalf(2).latent[:, 0]
        latent = np.linspace(own.min(), own.max(), 10)  # NumPy reads a file of one column as one row
        program.decode_state_from_latent(latent=latent[None])
        through = ";".join(f"{value:.6f}" for value in latent)
        run = launch(
            self.proj,
            GmmRefineProtConformations,
            {"inputHeterogeneity": (self.learning, "")},
            through=through,
            atPoints=True,
            half=settings.HALF.choices.index("2"),
            useGpu=False,
            numberOfThreads=2,
        )
        self.assertFalse(hasattr(run, "outputVolumesHalf1"))
        self.assertEqual(run.outputVolumesHalf2.getSize(), 10)
        for number, volume in enumerate(run.outputVolumesHalf2.iterItems(), 1):
            self.assertAlmostEqual(volume._gmmLatent1.get(), latent[number - 1], places=5)
            ours, theirs = mrcfile.read(volume.getFileName()), mrcfile.read(folder / f"decoded_map_class_{number:02d}.mrc")
            np.testing.assert_allclose(theirs, ours, atol=1e-5 * ours.std())

    def test_the_film_plays_to_and_fro(self):
        viewer = GmmRefineConformationsViewer(project=self.proj, protocol=self.showing)
        viewer.setProtocol(self.showing)
        film = viewer._getVisualizeDict()["showFilm"]("showFilm")[0].getFigure().film
        numbers = []
        for _ in range(4):
            numbers.append(film.number)
            film.advance()
        self.assertEqual(numbers, [1, 2, 1, 2])
