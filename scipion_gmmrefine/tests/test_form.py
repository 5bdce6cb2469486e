from pwem.objects import AtomStruct
from pyworkflow.protocol import LEVEL_ADVANCED, LEVEL_NORMAL, Protocol
from pyworkflow.tests import BaseTest, setupTestProject

from gmmrefine import settings
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols import (
    GmmRefineProtAudit,
    GmmRefineProtBuild,
    GmmRefineProtComposite,
    GmmRefineProtConformations,
    GmmRefineProtConformationToPose,
    GmmRefineProtControls,
    GmmRefineProtExpandSymmetry,
    GmmRefineProtExport,
    GmmRefineProtFocus,
    GmmRefineProtHeterogeneity,
    GmmRefineProtImportParticles,
    GmmRefineProtImposeSymmetry,
    GmmRefineProtLocalResolution,
    GmmRefineProtModify,
    GmmRefineProtPatches,
    GmmRefineProtQScore,
    GmmRefineProtReconstruct,
    GmmRefineProtRefine,
    GmmRefineProtSharpen,
)
from scipion_gmmrefine.protocols.form import (
    COMPUTING,
    engineOptions,
    isShown,
    rows,
    without,
)
from scipion_gmmrefine.protocols.protocol_maps import AUTO, CENTER, GIVEN, HANDED_OVER
from scipion_gmmrefine.tests.sets import writeMask

GROUPS = {
    GmmRefineProtImportParticles: (settings.ALIGNMENT_CLASS, settings.FLIP_COORDINATE_Y),
    GmmRefineProtBuild: without(rows(settings.BuildSettings), HANDED_OVER) + COMPUTING,
    GmmRefineProtRefine: without(rows(settings.RefineSettings), rows(settings.Focused)) + COMPUTING,
    GmmRefineProtFocus: without(rows(settings.RefineSettings), (settings.SYMMETRY,)) + COMPUTING,
    GmmRefineProtHeterogeneity: rows(settings.HeterogeneitySettings) + COMPUTING,
    GmmRefineProtConformationToPose: without(
        rows(settings.ConversionSettings),
        rows(settings.ParticlesRead),
        (settings.MOTION_TABLE, settings.MASK_RESOLUTION, settings.MASK_EDGE),
    )
    + COMPUTING,
    GmmRefineProtConformations: without(rows(settings.ConformationsSettings), HANDED_OVER) + COMPUTING,
    GmmRefineProtExport: (settings.FLIP_COORDINATE_Y,),
    GmmRefineProtReconstruct: rows(settings.ReconstructSettings) + COMPUTING,
    GmmRefineProtPatches: without(rows(settings.PatchesSettings), (settings.ONLY,)) + COMPUTING,
    GmmRefineProtControls: rows(settings.ControlsSettings) + COMPUTING,
    GmmRefineProtComposite: rows(settings.CompositeSettings) + COMPUTING,
    GmmRefineProtExpandSymmetry: (settings.SYMMETRY,) + COMPUTING,
    GmmRefineProtImposeSymmetry: (settings.SYMMETRY, settings.FSC_THRESHOLD, settings.SEED, settings.THREADS),
    GmmRefineProtQScore: without(rows(settings.QscoreSettings), HANDED_OVER),
    GmmRefineProtAudit: without(rows(settings.AuditSettings), HANDED_OVER),
    GmmRefineProtSharpen: without(rows(settings.SharpenSettings), HANDED_OVER),
    GmmRefineProtModify: without(rows(settings.ModifySettings), HANDED_OVER),
    GmmRefineProtLocalResolution: rows(settings.LocalResolutionSettings),
}
OTHER_ROWS = {
    "hostName",
    "numberOfThreads",
    "binThreads",
    "numberOfMpi",
    "useGpu",
    "gpuList",
    "runName",
    "runMode",
    "inputVolume",
    "inputParticles",
    "region",
    "partsFrom",
    "inputRefinement",
    "inputRefinements",
    "inputVolumes",
    "inputMasks",
    "inputMask",
    "backgroundVolume",
    "inputHeterogeneity",
    "inputStructure",
    "modifiedVolumes",
    "refittedStructures",
    "filterVolume",
    "particlesFile",
    "passthroughFile",
    "extraArguments",
    "morphModel",
    "what",
    "particleForm",
    "template",
    "inputModel",
    "modelForm",
    "inputRun",
    "copyTo",
}
GLOBAL = GROUPS[GmmRefineProtRefine]


def rowOf(setting):
    return "numberOfThreads" if setting.name == "threads" else setting.form_name


class TestForm(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    def test_every_setting_is_in_the_form_and_vice_versa(self):
        for protocolClass, group in GROUPS.items():
            rows = {name for name, _ in self.proj.newProtocol(protocolClass).getDefinition().iterParams()}
            expected = {rowOf(setting) for setting in group}
            self.assertEqual(expected - rows, set(), protocolClass.__name__)
            self.assertEqual(rows - expected - OTHER_ROWS, set(), protocolClass.__name__)

    def test_rows_hide_no_attribute_of_a_protocol(self):
        for group in GROUPS.values():
            for setting in group:
                if setting.name != "threads":
                    self.assertFalse(hasattr(Protocol, setting.form_name), setting.form_name)

    def test_rows_carry_label_help_level_and_default(self):
        protocol = self.proj.newProtocol(GmmRefineProtRefine)
        for setting in without(GLOBAL, (settings.THREADS,)):
            row = protocol.getParam(setting.form_name)
            self.assertEqual(row.label.get(), setting.form_label)
            none = " Leave the row empty for none." if setting.is_optional else ""
            self.assertEqual(row.help.get(), setting.help + none)
            self.assertEqual(row.expertLevel.get() == LEVEL_ADVANCED, setting.advanced, setting.name)
        self.assertEqual(protocol.iterations.get(), settings.ITERATIONS.default)
        self.assertEqual(protocol.getEnumText("optimizer"), settings.OPTIMIZER.default)

    def test_options_of_the_defaults(self):
        options = engineOptions(self.proj.newProtocol(GmmRefineProtRefine), GLOBAL)
        self.assertEqual(options[options.index("--iterations") + 1], str(settings.ITERATIONS.default))
        self.assertEqual(options[options.index("--optimizer") + 1], settings.OPTIMIZER.default)
        self.assertEqual(options[options.index("--march") + 1], settings.MARCH.default)
        self.assertEqual(options[options.index("--threads") + 1], "4")
        for absent in ("--invert-contrast", "--mask", "--model", "--pin-exchanges"):
            self.assertNotIn(absent, options)

    def test_options_of_changed_rows(self):
        protocol = self.proj.newProtocol(
            GmmRefineProtRefine,
            iterations=2,
            invertContrast=True,
            numberOfThreads=3,
            optimizer=settings.OPTIMIZER.choices.index("adam"),
        )
        mask = writeMask(self.proj.getTmpPath("mask.mrc"))
        protocol.mask.set(mask)
        options = engineOptions(protocol, GLOBAL)
        self.assertEqual(options[options.index("--iterations") + 1], "2")
        self.assertEqual(options[options.index("--optimizer") + 1], "adam")
        self.assertEqual(options[options.index("--threads") + 1], "3")
        self.assertIn("--invert-contrast", options)
        self.assertTrue(options[options.index("--mask") + 1].startswith("/"))

    def test_rows_that_are_not_shown_are_not_passed_on(self):
        protocol = self.proj.newProtocol(
            GmmRefineProtFocus, region=1, focusSphere="50 50 50 20", focusSelection="chain A", focusLevel=0.5
        )
        protocol.focusMask.set(writeMask(self.proj.getTmpPath("mask.mrc")))
        options = engineOptions(protocol, GROUPS[GmmRefineProtFocus])
        self.assertEqual(options[options.index("--focus-sphere") + 1], "50 50 50 20")
        for absent in ("--focus-mask", "--focus-model", "--focus-selection", "--focus-level", "--symmetry"):
            self.assertNotIn(absent, options)
        protocol.region.set(0)
        protocol.focusRest.set(settings.FOCUS_REST.choices.index("moves"))
        options = engineOptions(protocol, GROUPS[GmmRefineProtFocus])
        self.assertTrue(options[options.index("--focus-mask") + 1].endswith("mask.mrc"))
        self.assertEqual(options[options.index("--focus-level") + 1], "0.5")
        for absent in ("--focus-sphere", "--focus-edge"):
            self.assertNotIn(absent, options)

    def test_rows_of_sharpening_follow_the_way_chosen(self):
        expected = {
            "b-factor": {"low_pass", "b_factor", "guinier_from"},
            "model-profile": {"low_pass", "reference_model", "model_resolution", "place_from"},
            "local-resolution": {"low_pass", "b_factor", "guinier_from"},
            "local-model": {
                "low_pass",
                "guinier_from",
                "reference_model",
                "model_resolution",
                "place_from",
                "amplitude_window",
            },
            "local": {"low_pass", "b_factor", "guinier_from", "amplitude_window"},
        }
        always = {"sharpening", "local_resolution", "mask", "mask_resolution", "mask_edge", "threads"}
        for number, way in enumerate(settings.SHARPENING.choices):
            protocol = self.proj.newProtocol(GmmRefineProtSharpen, sharpening=number)
            shown = {setting.name for setting in GROUPS[GmmRefineProtSharpen] if isShown(protocol, setting)}
            self.assertEqual(shown, always | expected[way], way)
        protocol = self.proj.newProtocol(GmmRefineProtSharpen, bFactor=50.0)
        protocol.localResolution.set(writeMask(self.proj.getTmpPath("local.mrc")))
        protocol.mask.set(protocol.localResolution.get())
        self.assertEqual(
            {setting.name for setting in GROUPS[GmmRefineProtSharpen] if isShown(protocol, setting)},
            {"sharpening", "local_resolution", "b_factor", "mask", "threads"},
        )

    def test_rows_of_the_audit_of_density_modification_follow_the_model(self):
        protocol = self.proj.newProtocol(GmmRefineProtModify)
        self.assertEqual(
            {setting.name for setting in GROUPS[GmmRefineProtModify] if isShown(protocol, setting)},
            {
                "local_window",
                "smearing",
                "known_rotation_error",
                "known_shift_error",
                "fsc_threshold",
                "mask",
                "mask_resolution",
                "mask_edge",
                "seed",
                "threads",
            },
        )
        protocol.smearing.set(1)  # none
        protocol.inputStructure.set(AtomStruct(filename="model.cif"))
        protocol.mask.set(writeMask(self.proj.getTmpPath("mask.mrc")))
        self.assertEqual(
            {setting.name for setting in GROUPS[GmmRefineProtModify] if isShown(protocol, setting)},
            {"local_window", "smearing", "fsc_threshold", "mask", "place_from", "sigma", "seed", "threads"},
        )

    def test_rows_of_the_place_of_the_maps_follow_the_models(self):
        """Whatever the protocol; the parameter's numbers of earlier projects, 0 and 1, choose auto and the header."""
        self.assertEqual(settings.PLACE_FROM.choices[:2], ("auto", "header"))
        for protocolClass in (
            GmmRefineProtBuild,
            GmmRefineProtRefine,
            GmmRefineProtPatches,
            GmmRefineProtFocus,
            GmmRefineProtHeterogeneity,
            GmmRefineProtConformationToPose,
        ):
            protocol = self.proj.newProtocol(protocolClass, region=1)
            self.assertFalse(protocol.evalParamCondition("placeFrom"), protocolClass.__name__)
            protocol.model.set(AtomStruct(filename="model.cif"))
            self.assertTrue(protocol.evalParamCondition("placeFrom"), protocolClass.__name__)
            if protocolClass is not GmmRefineProtBuild:
                for place, isAsked in ((AUTO, True), (GIVEN, True), (CENTER, False)):
                    protocol.placeFrom.set(place)
                    self.assertEqual(protocol.evalParamCondition("firstVoxel"), isAsked)
            if hasattr(protocol, "region"):
                protocol.model.set(None)
                protocol.region.set(2)
                self.assertTrue(protocol.evalParamCondition("placeFrom"), protocolClass.__name__)

    def test_what_matters_most_stands_beside_the_input(self):
        expected = {
            GmmRefineProtRefine: ["inputParticles", "mask", "symmetry", "iterations"],
            GmmRefineProtPatches: ["inputParticles", "mask", "patches", "patchIterations"],
            GmmRefineProtBuild: ["inputVolume", "resolution", "gaussians", "mask"],
            GmmRefineProtSharpen: ["inputVolume", "sharpening", "localResolution", "lowPass", "mask"],
        }
        for protocolClass, first in expected.items():
            sections = list(self.proj.newProtocol(protocolClass).getDefinition().iterSections())
            self.assertEqual([name for name, _ in sections[1].iterParams()][: len(first)], first, protocolClass.__name__)

    def test_no_section_has_a_single_row(self):
        for protocolClass in GROUPS:
            for section in self.proj.newProtocol(protocolClass).getDefinition().iterSections():
                rows = [row for _, row in section.iterParams() if row.label.get() and row.expertLevel.get() == LEVEL_NORMAL]
                self.assertGreater(len(rows), 1, f"{protocolClass.__name__}: {section.label.get()}")

    def test_labels_begin_alike_and_help_breaks_no_lines(self):
        for protocolClass in GROUPS:
            self.assertRegex(protocolClass.getClassLabel(), "^GMM ")
            self.assertLess(len(protocolClass.getClassLabel()), 27)
            for paragraph in protocolClass.getHelpText().split("\n\n"):
                self.assertNotIn("\n", paragraph)
                self.assertNotIn("  ", paragraph)

    def test_extra_arguments_are_passed_on_last(self):
        protocol = self.proj.newProtocol(GmmRefineProtRefine, extraArguments="--new-option 'a b'")
        self.assertEqual(protocol.validate(), self.proj.newProtocol(GmmRefineProtRefine).validate())
        self.assertEqual(protocol._extra(), ["--new-option", "a b"])

    def test_extra_arguments_that_have_a_row_are_refused(self):
        for text, said in (
            ("--iterations 3", f"--iterations has a row of its own.\nFill in '{settings.ITERATIONS.form_label}' instead."),
            ("--iter=3", "--iter has a row of its own"),
            ("--threads 2", "Fill in 'Threads' instead"),
            ("-o elsewhere", "-o is for Scipion to say"),
            ("--take-over", "--take-over is for Scipion to say"),
            ("word", "begin with 'word'"),
            ("--name 'open", "No closing quotation"),
        ):
            errors = self.proj.newProtocol(GmmRefineProtRefine, extraArguments=text).validate()
            self.assertIn(said, "\n".join(errors), text)

    def test_extra_arguments_that_the_protocol_gives_itself_are_refused(self):
        protocol = self.proj.newProtocol(GmmRefineProtSharpen, extraArguments="--first-voxel '0 0 0'")
        with self.assertRaisesRegex(EngineFailure, "--first-voxel is given to 'gmmrefine sharpen' by this protocol itself"):
            protocol._runEngine("sharpen", ["map.mrc", "--first-voxel=1 1 1", *protocol._extra()], [])

    def test_values_that_begin_with_a_minus_are_not_taken_for_options(self):
        protocol = self.proj.newProtocol(GmmRefineProtConformations, through="-1 0; 1 0")
        self.assertIn("--through=-1 0; 1 0", engineOptions(protocol, GROUPS[GmmRefineProtConformations]))

    def test_threads_of_the_engine_where_steps_run_side_by_side(self):
        protocol = self.proj.newProtocol(GmmRefineProtPatches, numberOfThreads=5, binThreads=2)
        options = engineOptions(protocol, GROUPS[GmmRefineProtPatches])
        self.assertEqual(options[options.index("--threads") + 1], "2")
        self.assertNotIn("--loss", options)

    def test_limits_become_messages(self):
        protocol = self.proj.newProtocol(GmmRefineProtRefine, iterations=0, fscThreshold=0.95)
        errors = "\n".join(protocol.validate())
        self.assertIn(f"*{settings.ITERATIONS.form_label}* 0: expected at least 1.", errors)
        self.assertIn(f"*{settings.FSC_THRESHOLD.form_label}* 0.95: expected from 0.01 to 0.9.", errors)
