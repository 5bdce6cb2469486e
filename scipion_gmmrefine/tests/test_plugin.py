from pathlib import Path
from unittest import mock

import pwem
from pwem.viewers import FscViewer
from pyworkflow import Config
from pyworkflow.gui.project.viewprotocols_extra import ProtocolTreeConfig
from pyworkflow.tests import BaseTest, setupTestProject
from pyworkflow.viewer import DESKTOP_TKINTER

import scipion_gmmrefine
from scipion_gmmrefine import protocols, viewers, wizards
from scipion_gmmrefine.objects import GmmFSC, GmmModel

PACKAGE = Path(scipion_gmmrefine.__file__).parent
PROTOCOLS = (
    "GmmRefineProtAudit",
    "GmmRefineProtBuild",
    "GmmRefineProtComposite",
    "GmmRefineProtConformationToPose",
    "GmmRefineProtControls",
    "GmmRefineProtConformations",
    "GmmRefineProtExport",
    "GmmRefineProtReconstruct",
    "GmmRefineProtExpandSymmetry",
    "GmmRefineProtFocus",
    "GmmRefineProtHeterogeneity",
    "GmmRefineProtImportParticles",
    "GmmRefineProtImposeSymmetry",
    "GmmRefineProtLocalResolution",
    "GmmRefineProtModify",
    "GmmRefineProtPatches",
    "GmmRefineProtQScore",
    "GmmRefineProtRefine",
    "GmmRefineProtSharpen",
)
VIEWERS = {
    protocols.GmmRefineProtAudit: viewers.GmmRefineAuditViewer,
    protocols.GmmRefineProtLocalResolution: viewers.GmmRefineLocalResolutionViewer,
    protocols.GmmRefineProtModify: viewers.GmmRefineModifyViewer,
    protocols.GmmRefineProtQScore: viewers.GmmRefineQScoreViewer,
    protocols.GmmRefineProtSharpen: viewers.GmmRefineSharpenViewer,
    protocols.GmmRefineProtBuild: viewers.GmmRefineBuildViewer,
    protocols.GmmRefineProtComposite: viewers.GmmRefineCompositeViewer,
    protocols.GmmRefineProtConformationToPose: viewers.GmmRefineConformationToPoseViewer,
    protocols.GmmRefineProtConformations: viewers.GmmRefineConformationsViewer,
    protocols.GmmRefineProtReconstruct: viewers.GmmRefineReconstructViewer,
    protocols.GmmRefineProtFocus: viewers.GmmRefineFocusViewer,
    protocols.GmmRefineProtHeterogeneity: viewers.GmmRefineHeterogeneityViewer,
    protocols.GmmRefineProtImposeSymmetry: viewers.GmmRefineImposeSymmetryViewer,
    protocols.GmmRefineProtPatches: viewers.GmmRefinePatchesViewer,
    protocols.GmmRefineProtRefine: viewers.GmmRefineRefineViewer,
}


class TestRegistration(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)
        cls.domain = Config.getDomain()

    def test_scipion_finds_what_the_plugin_offers(self):
        self.assertIn("scipion_gmmrefine", self.domain.getPlugins())
        for name in PROTOCOLS:
            self.assertIs(self.domain.getProtocols()[name], getattr(protocols, name))
        self.assertIs(self.domain.getObjects()["GmmModel"], GmmModel)
        self.assertIs(self.domain.getObjects()["GmmFSC"], GmmFSC)

    def test_viewers_are_registered(self):
        for protocolClass, viewer in VIEWERS.items():
            self.assertIs(self.domain.findViewers(self.proj.newProtocol(protocolClass), DESKTOP_TKINTER)[0], viewer)
        self.assertIs(self.domain.findViewers(GmmModel(), DESKTOP_TKINTER)[0], viewers.GmmRefineModelViewer)
        found = [viewer.__name__ for viewer in self.domain.findViewers(GmmFSC(), DESKTOP_TKINTER)]
        self.assertIn("FscViewer", found)

    def test_scipions_fsc_viewer_draws_a_curve_that_never_falls(self):
        curve = GmmFSC()
        curve.setData([0.1, 0.25], [1.0, 1.0])
        viewer = FscViewer(project=self.proj, protocol=self.proj.newProtocol(protocols.GmmRefineProtRefine), figure=None)
        viewer.plotFsc(curve, label="flat")
        self.assertTrue(viewer.label.startswith("flat (4.00"))

    def test_wizards_are_registered(self):
        refine = self.domain.findWizards(self.proj.newProtocol(protocols.GmmRefineProtRefine), DESKTOP_TKINTER)
        self.assertEqual(
            refine, {"gaussians": wizards.GmmRefineGaussiansWizard, "maxResolution": wizards.GmmRefineResolutionWizard}
        )
        focus = self.domain.findWizards(self.proj.newProtocol(protocols.GmmRefineProtFocus), DESKTOP_TKINTER)
        self.assertEqual(focus, {**refine, "focusSphere": wizards.GmmRefineSphereWizard})
        converting = self.proj.newProtocol(protocols.GmmRefineProtConformationToPose)
        self.assertEqual(self.domain.findWizards(converting, DESKTOP_TKINTER), focus)
        learning = self.domain.findWizards(self.proj.newProtocol(protocols.GmmRefineProtHeterogeneity), DESKTOP_TKINTER)
        self.assertEqual(
            learning,
            {
                "gaussians": wizards.GmmRefineGaussiansWizard,
                "focusSphere": wizards.GmmRefineSphereWizard,
                "targetResolution": wizards.GmmRefineResolutionWizard,
            },
        )
        patches = self.domain.findWizards(self.proj.newProtocol(protocols.GmmRefineProtPatches), DESKTOP_TKINTER)
        self.assertEqual(patches, {**refine, "patches": wizards.GmmRefinePatchesWizard})
        for name, row in (("GmmRefineProtQScore", "mapResolution"), ("GmmRefineProtSharpen", "lowPass")):
            found = self.domain.findWizards(self.proj.newProtocol(getattr(protocols, name)), DESKTOP_TKINTER)
            self.assertEqual(found, {row: wizards.GmmRefineMapResolutionWizard})
        build = self.domain.findWizards(self.proj.newProtocol(protocols.GmmRefineProtBuild), DESKTOP_TKINTER)
        self.assertEqual(set(build), {"gaussians", "resolution"})

    def test_protocols_stand_in_the_tree(self):
        trees = ProtocolTreeConfig.load(self.domain, str(Path(pwem.__file__).parent / "protocols.conf"))
        places = {path for name in ("Protocols SPA", "Flexibility Hub") for path in _leaves(trees[name], (name,))}
        for expected in (
            ("Protocols SPA", "Imports", "more", "GmmRefineProtImportParticles"),
            ("Protocols SPA", "3D", "Refine", "GmmRefineProtRefine"),
            ("Protocols SPA", "3D", "Analysis", "Heterogeneity", "GmmRefineProtBuild"),
            ("Protocols SPA", "3D", "Refine", "GmmRefineProtFocus"),
            ("Protocols SPA", "3D", "Refine", "GmmRefineProtPatches"),
            ("Protocols SPA", "3D", "Refine", "GmmRefineProtExpandSymmetry"),
            ("Protocols SPA", "3D", "Postprocess", "GmmRefineProtComposite"),
            ("Protocols SPA", "3D", "Postprocess", "GmmRefineProtImposeSymmetry"),
            ("Protocols SPA", "3D", "Postprocess", "GmmRefineProtSharpen"),
            ("Protocols SPA", "3D", "Postprocess", "GmmRefineProtModify"),
            ("Protocols SPA", "3D", "Analysis", "Validation", "GmmRefineProtQScore"),
            ("Protocols SPA", "3D", "Analysis", "Validation", "GmmRefineProtAudit"),
            ("Protocols SPA", "3D", "Analysis", "Validation", "GmmRefineProtControls"),
            ("Protocols SPA", "3D", "Analysis", "Resolution", "GmmRefineProtLocalResolution"),
            ("Protocols SPA", "3D", "Analysis", "Heterogeneity", "GmmRefineProtHeterogeneity"),
            ("Protocols SPA", "3D", "Analysis", "Heterogeneity", "GmmRefineProtConformationToPose"),
            ("Flexibility Hub", "Landscape estimation", "Heterogeneous reconstruction", "GmmRefineProtHeterogeneity"),
            ("Flexibility Hub", "Map reconstruction", "GmmRefineProtConformationToPose"),
            ("Protocols SPA", "3D", "Reconstruct", "GmmRefineProtReconstruct"),
            ("Protocols SPA", "3D", "Analysis", "Heterogeneity", "GmmRefineProtConformations"),
            ("Protocols SPA", "Exports", "GmmRefineProtExport"),
            ("Flexibility Hub", "Data analysis", "GmmRefineProtConformations"),
            ("Flexibility Hub", "Map reconstruction", "GmmRefineProtReconstruct"),
            ("Flexibility Hub", "Map reconstruction", "GmmRefineProtRefine"),
        ):
            self.assertIn(expected, places)

    def test_citations_and_help_exist(self):
        for name in PROTOCOLS:
            protocol = self.proj.newProtocol(getattr(protocols, name))
            self.assertNotIn("not found", " ".join(protocol.citations()))
            self.assertIn("10.1038/s41592-023-02082-9", " ".join(protocol.citations()))
            self.assertGreater(len(protocol.getHelpText()), 200)

    def test_the_engines_environment_is_made_under_a_name_that_scipion_finds(self):
        """Scipion takes what follows a "-" for a version; the engine is required with its extra, from the folder beside."""
        environment = mock.Mock()
        scipion_gmmrefine.Plugin.defineBinaries(environment)
        (name,) = environment.addPackage.call_args[0]
        self.assertEqual(name, "gmmrefine")
        options = environment.addPackage.call_args[1]
        self.assertFalse(options["default"])  # this Python has TensorFlow
        ((command, target),) = options["commands"]
        self.assertIn("install_engine.py", command)
        self.assertRegex(command, r"-e \S*engine\{\}|gmmrefine\{\}==")
        self.assertEqual(target, "READY")

    def test_missing_engine_is_explained(self):
        with mock.patch.object(scipion_gmmrefine.Plugin, "getPython", return_value="/nowhere/python"):
            errors = scipion_gmmrefine.Plugin.validateInstallation()
        self.assertIn("/nowhere/python, which does not exist", errors[0])
        self.assertEqual(scipion_gmmrefine.Plugin.validateInstallation(), [])

    def test_logo_is_there(self):
        self.assertTrue((PACKAGE / scipion_gmmrefine._logo).exists())


def _leaves(node, path):
    """Paths of the protocols in a protocol tree."""
    for child in node.childs:
        if child.childs:
            yield from _leaves(child, (*path, child.text))
        elif child.value:
            yield (*path, child.value)
