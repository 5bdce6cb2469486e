import tempfile
from pathlib import Path

import numpy as np
from pwem.objects import AtomStruct
from pyworkflow.tests import BaseTest, setupTestProject

from gmmrefine import settings
from scipion_gmmrefine.protocols import (
    GmmRefineProtAudit,
    GmmRefineProtBuild,
    GmmRefineProtComposite,
    GmmRefineProtExpandSymmetry,
    GmmRefineProtFocus,
    GmmRefineProtImportParticles,
    GmmRefineProtImposeSymmetry,
    GmmRefineProtLocalResolution,
    GmmRefineProtModify,
    GmmRefineProtPatches,
    GmmRefineProtQScore,
    GmmRefineProtRefine,
    GmmRefineProtSharpen,
)
from scipion_gmmrefine.protocols.form_checks import beyondNyquist
from scipion_gmmrefine.tests.sets import makeParticles, writeMask, writeVolume


class ValidateTest(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def assertOneError(self, protocol, *words):
        errors = protocol.validate()
        self.assertEqual(len(errors), 1, errors)
        for word in words:
            self.assertIn(word, errors[0])
        self.assertGreater(len(errors[0].split()), 2)


class TestValidateRefine(ValidateTest):
    def refine(self, **options):
        inputs = {name: options.pop(name) for name in ("mask", "model", "particles") if name in options}
        protocol = self.proj.newProtocol(GmmRefineProtRefine, **options)
        protocol.inputParticles.set(inputs["particles"] if "particles" in inputs else makeParticles(self.folder))
        if "mask" in inputs:
            protocol.mask.set(inputs["mask"])
        return protocol

    def test_good_input_has_no_error_and_no_warning(self):
        protocol = self.refine()
        self.assertEqual((protocol.validate(), protocol.warnings()), ([], []))

    def test_no_particles(self):
        self.assertOneError(self.refine(particles=None), "*Input particles* cannot be EMPTY.")

    def test_no_poses(self):
        self.assertOneError(self.refine(particles=makeParticles(self.folder, aligned=False)), "no 3D poses")

    def test_no_ctf(self):
        self.assertOneError(self.refine(particles=makeParticles(self.folder, ctf=False)), "no CTF")

    def test_no_half_sets(self):
        self.assertOneError(
            self.refine(particles=makeParticles(self.folder, halves=())),
            "no half sets (_rlnRandomSubset)",
            settings.SPLIT_HALVES.form_label,
        )

    def test_half_sets_can_be_drawn_with_a_warning(self):
        protocol = self.refine(particles=makeParticles(self.folder, halves=()), splitHalves=7)
        self.assertEqual(protocol.validate(), [])
        self.assertEqual(len(protocol.warnings()), 1)

    def test_one_half_empty(self):
        self.assertOneError(
            self.refine(particles=makeParticles(self.folder, halves=(2,))), "Half set 1 is empty: all particles are in half 2."
        )

    def test_foreign_half_sets(self):
        self.assertOneError(
            self.refine(particles=makeParticles(self.folder, halves=(1, 2, 3, 1))),
            "2 of 8 particles have a half set other than 1 or 2.",
        )

    def test_mask_of_another_size(self):
        self.assertOneError(
            self.refine(mask=writeMask(self.folder / "mask.mrc", box=20)), "The mask has 20×20×20 voxels; 16×16×16 are needed."
        )

    def test_mask_of_another_pixel_size(self):
        self.assertOneError(
            self.refine(mask=writeMask(self.folder / "mask.mrc", pixelSize=2.0)), "The mask has 2 Å/px; 2.5 Å/px are needed."
        )

    def test_number_of_gaussians(self):
        for text in ("", "many", "0", "-3", "1.5"):
            self.assertOneError(self.refine(gaussians=text), f"'{text}'", "auto")
        self.assertEqual(self.refine(gaussians="500").validate(), [])

    def test_march(self):
        for text in ("", "0.5 b", "0 1", "0.5 1.2", "0.4 0.8"):
            self.assertOneError(self.refine(march=text), f"'{text}'", settings.MARCH.default)

    def test_optimizer_and_loss(self):
        self.assertOneError(self.refine(optimizer=settings.OPTIMIZER.choices.index("adam")), "adam", "likelihood")

    def test_priors(self):
        self.assertOneError(self.refine(priorShift=2.0), "Only one of the two priors")

    def test_resolution_beyond_nyquist(self):
        self.assertOneError(self.refine(maxResolution=4.0), "is 4; the sampling of 2.5 Å/px ends at 5.00 Å")

    def test_nyquist_of_a_sampling_rate_in_single_precision(self):
        for samplingRate in np.round(np.arange(50, 391) / 100, 2):
            for held in (samplingRate, float(np.float32(samplingRate))):
                for resolution in (2 * samplingRate, float(np.float32(2 * samplingRate)), 0):
                    self.assertEqual(beyondNyquist(settings.MAX_RESOLUTION, resolution, held), [])
                self.assertEqual(len(beyondNyquist(settings.MAX_RESOLUTION, 1.999 * samplingRate, held)), 1)

    def test_missing_exchange_file(self):
        self.assertOneError(self.refine(pinExchanges="/nowhere/run.json"), "/nowhere/run.json does not exist.")

    def test_device_and_gpu_row_disagree(self):
        self.assertOneError(self.refine(device=settings.DEVICE.choices.index("gpu"), useGpu=False), "Use GPU is No")

    def test_unreadable_image_format(self):
        particles = makeParticles(self.folder)
        first = particles.getFirstItem()
        first.setFileName("particles.hdf")
        particles.update(first)
        particles.write()
        self.assertOneError(self.refine(particles=particles), "particles.hdf; .hdf cannot be read")

    def test_amplitude_correction_is_warned_of(self):
        particles = makeParticles(self.folder)
        particles.setIsAmplitudeCorrected(True)
        self.assertIn("amplitudes", self.refine(particles=particles).warnings()[0])

    def test_odd_box_is_warned_of(self):
        protocol = self.refine(particles=makeParticles(self.folder, box=15), mask=writeMask(self.folder / "mask.mrc"))
        self.assertEqual(protocol.validate(), [])
        self.assertIn("odd box of 15 px. Poses are taken to be about pixel 8", protocol.warnings()[0])

    def test_another_grid(self):
        protocol = self.refine(targetPixelSize=5.0, maxResolution=8.0, mask=writeMask(self.folder / "mask.mrc", box=8))
        errors = "\n".join(protocol.validate())
        self.assertIn("is 8; the sampling of 5 Å/px ends at 10.00 Å", errors)
        self.assertIn("The mask has 2.5 Å/px; 5 Å/px are needed", errors)
        coarse = self.refine(targetPixelSize=5.0, mask=writeMask(self.folder / "coarse.mrc", box=8, pixelSize=5.0))
        self.assertEqual(coarse.validate(), [])
        self.assertOneError(self.refine(targetBox=20, mask=writeMask(self.folder / "small.mrc")), "20×20×20 are needed")

    def test_point_group(self):
        for text in ("", "C0", "C3v", "X", "D", "I5", "I1H", "Cy3"):
            self.assertOneError(self.refine(symmetry=text), f"'{text}'", "such as C3")
        for text in ("C1", "d2", "T", "O", "I", "C12", "I1", "i3", "Dy7", "I222r"):
            self.assertEqual(self.refine(symmetry=text).validate(), [])

    def test_symmetry_copies(self):
        copies = makeParticles(self.folder, copies=2)
        self.assertOneError(self.refine(particles=copies), "symmetry copies", "GMM focused refine")


def withHalves(volume):
    """A volume that says it has half maps."""
    volume.setHalfMaps([volume.getFileName(), volume.getFileName()])
    return volume


class TestValidateFocus(ValidateTest):
    def focus(self, mask=None, particles=None, **options):
        protocol = self.proj.newProtocol(GmmRefineProtFocus, **options)
        protocol.inputParticles.set(particles or makeParticles(self.folder))
        protocol.focusMask.set(mask)
        return protocol

    def test_every_kind_of_region_is_needed(self):
        for region, words in enumerate(("Focus mask", "Focus sphere", "Focus on part of an atomic model")):
            self.assertOneError(self.focus(region=region), words, "no region to focus on")

    def test_mask_of_another_size(self):
        self.assertOneError(self.focus(writeMask(self.folder / "mask.mrc", box=20)), "The focus mask has 20×20×20 voxels")

    def test_sphere(self):
        for text in ("1 2 3", "1 2 3 x", "1 2 3 0"):
            self.assertOneError(self.focus(region=1, focusSphere=text), f"'{text}'", "such as 120 95 140 35")
        self.assertEqual(self.focus(region=1, focusSphere="20, 20, 20, 9").validate(), [])
        self.assertOneError(self.focus(region=1, focusSphere="20 20 800 30"), "lies outside the box, which runs from 0 to 40 Å")

    def test_adam_cannot_leave_a_rest(self):
        adam = {
            "optimizer": settings.OPTIMIZER.choices.index("adam"),
            "loss": settings.LOSS.choices.index("frc"),
            "region": 1,
            "focusSphere": "20 20 20 9",
        }
        self.assertOneError(self.focus(**adam), "adam moves the molecule as a whole")
        moves = settings.FOCUS_REST.choices.index("moves")
        self.assertEqual(self.focus(focusRest=moves, **adam).validate(), [])

    def test_edge_of_a_mask_that_is_given(self):
        focus = self.focus(region=1, focusSphere="20 20 20 9", maskEdge=9.0)
        self.assertEqual(focus.validate(), [])
        focus.mask.set(writeMask(self.folder / "mask.mrc"))
        self.assertOneError(focus, "would have no effect, as a mask is given")

    def test_methods_count_particles_not_copies(self):
        protocol = self.focus(writeMask(self.folder / "mask.mrc"), makeParticles(self.folder, copies=2))
        self.assertEqual(
            protocol._whatWasRefined(),
            "4 particles (8 images with their symmetry copies) in one region of the molecule (inside a mask)",
        )

    def test_symmetry_copies_are_welcome(self):
        self.assertEqual(self.focus(writeMask(self.folder / "mask.mrc"), makeParticles(self.folder, copies=2)).validate(), [])


class TestValidatePatches(ValidateTest):
    def patches(self, particles=None, **options):
        protocol = self.proj.newProtocol(GmmRefineProtPatches, **options)
        protocol.inputParticles.set(particles or makeParticles(self.folder))
        return protocol

    def test_number_of_patches(self):
        for text in ("", "0", "some", "2.5", "²"):
            self.assertOneError(self.patches(patches=text), f"'{text}'", "auto")
        for text in ("auto", "4"):
            self.assertEqual(self.patches(patches=text).validate(), [])

    def test_no_half_sets(self):
        self.assertOneError(self.patches(makeParticles(self.folder, halves=())), "no half sets")

    def test_one_patch_of_symmetry_copies(self):
        copies = makeParticles(self.folder, copies=2)
        self.assertOneError(self.patches(copies, patches="1"), "symmetry copies", "One patch is the whole molecule")
        self.assertEqual(self.patches(copies, patches="2").validate(), [])

    def test_steps(self):
        def names(**options):
            protocol = self.patches(patches="3", **options)
            protocol._insertAllSteps()
            return [step.funcName for step in protocol._steps]

        self.assertEqual(names(), ["convertInputStep", "refineStep", "describeStep", "createOutputStep"])
        apart = settings.PATCH_MODE.choices.index("apart")
        self.assertEqual(
            names(patchMode=apart), ["geometryStep", *3 * ["patchStep"], "compositeStep", "describeStep", "createOutputStep"]
        )


class TestValidateSymmetryAndComposite(ValidateTest):
    def test_expansion(self):
        protocol = self.proj.newProtocol(GmmRefineProtExpandSymmetry, symmetry="C3")
        protocol.inputParticles.set(makeParticles(self.folder))
        self.assertEqual(protocol.validate(), [])
        protocol.symmetry.set("C1")
        self.assertOneError(protocol, "C1 has no copies")

    def test_imposing(self):
        protocol = self.proj.newProtocol(GmmRefineProtImposeSymmetry, symmetry="C3")
        protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        protocol.inputMask.set(writeMask(self.folder / "mask.mrc"))
        self.assertOneError(protocol, "The volume has no half maps")
        withHalves(protocol.inputVolume.get())
        self.assertEqual(protocol.validate(), [])
        protocol.backgroundVolume.set(withHalves(writeVolume(self.folder / "background.mrc", box=20)))
        self.assertOneError(protocol, "The background has 20×20×20 voxels")

    def test_composite(self):
        protocol = self.proj.newProtocol(GmmRefineProtComposite, partsFrom=1)
        self.assertOneError(protocol, "No parts are chosen")
        volume, mask = withHalves(writeVolume(self.folder / "map.mrc")), writeMask(self.folder / "mask.mrc")
        protocol.inputVolumes.append(volume)
        self.assertOneError(protocol, "1 volumes and 0 masks")
        protocol.inputMasks.append(mask)
        self.assertEqual(protocol.validate(), [])
        protocol.inputVolumes.append(writeVolume(self.folder / "other.mrc"))
        protocol.inputMasks.append(mask)
        self.assertOneError(protocol, "The volume of part 2 has no half maps")


class TestValidateBuild(ValidateTest):
    def build(self, volume, mask=None, **options):
        protocol = self.proj.newProtocol(GmmRefineProtBuild, **options)
        protocol.inputVolume.set(volume)
        protocol.mask.set(mask)
        return protocol

    def test_good_input(self):
        self.assertEqual(self.build(writeVolume(self.folder / "map.mrc")).validate(), [])

    def test_no_volume(self):
        self.assertOneError(self.build(None), "*Input volume* cannot be EMPTY.")

    def test_mask_of_another_size(self):
        self.assertOneError(
            self.build(writeVolume(self.folder / "map.mrc"), writeMask(self.folder / "m.mrc", box=12)),
            "12×12×12 voxels; 16×16×16",
        )

    def test_number_of_gaussians(self):
        self.assertOneError(self.build(writeVolume(self.folder / "map.mrc"), gaussians="few"), "'few'")


class TestValidateImport(ValidateTest):
    def test_files(self):
        for name, words in (
            (None, "Particles file is empty."),
            ("a.txt", "neither .star nor .cs"),
            ("/nowhere/a.star", "/nowhere/a.star does not exist."),
        ):
            protocol = self.proj.newProtocol(GmmRefineProtImportParticles, particlesFile=name)
            self.assertOneError(protocol, words)

    def test_rows_for_other_files(self):
        for suffix in (".star", ".cs"):
            (self.folder / f"a{suffix}").touch()
        for label, row in (
            (settings.ALIGNMENT_CLASS.form_label, {"alignmentClass": 1}),
            (settings.FLIP_COORDINATE_Y.form_label, {"flipCoordinateY": True}),
            ("Passthrough file", {"passthroughFile": str(self.folder / "a.cs")}),
        ):
            star, cs = (
                self.proj.newProtocol(GmmRefineProtImportParticles, particlesFile=str(self.folder / name), **row)
                for name in ("a.star", "a.cs")
            )
            self.assertOneError(star, label, "is for cryoSPARC's files; a.star is none")
            self.assertEqual(cs.validate(), [])


class TestValidateMaps(ValidateTest):
    """Protocols that judge and modify maps of any protocol."""

    def sharpen(self, sharpening="b-factor", local=None, mask=None, **options):
        protocol = self.proj.newProtocol(
            GmmRefineProtSharpen, sharpening=settings.SHARPENING.choices.index(sharpening), **options
        )
        protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        protocol.localResolution.set(local)
        protocol.mask.set(mask)
        return protocol

    def test_sharpening_needs_a_resolution(self):
        self.assertOneError(self.sharpen(), settings.LOW_PASS.form_label, "no half maps that would tell it")
        self.assertEqual(self.sharpen(lowPass=6.0).validate(), [])
        self.assertOneError(self.sharpen(lowPass=4.0), "is 4; the sampling of 2.5 Å/px ends at 5.00 Å")
        self.assertEqual(self.sharpen(local=writeVolume(self.folder / "local.mrc")).validate(), [])

    def test_sharpening_needs_what_it_follows(self):
        self.assertOneError(self.sharpen("local-resolution", lowPass=6.0), settings.RESOLUTION_MAP.form_label, "is empty")
        for way in ("model-profile", "local-model"):
            self.assertOneError(self.sharpen(way, lowPass=6.0), settings.REFERENCE_MODEL.form_label, f"{way} takes its")
        protocol = self.sharpen("local-model", lowPass=6.0)
        protocol.referenceModel.set(AtomStruct(filename="/nowhere/a.cif"))
        self.assertOneError(protocol, "/nowhere/a.cif does not exist")

    def test_sharpening_refuses_other_grids(self):
        self.assertOneError(
            self.sharpen(local=writeVolume(self.folder / "local.mrc", box=20)),
            "The local resolution volume has 20×20×20 voxels",
        )
        mask = writeMask(self.folder / "mask.mrc", box=20)
        self.assertOneError(self.sharpen(lowPass=6.0, mask=mask), "The mask has 20×20×20")

    def test_local_resolution_needs_half_maps(self):
        protocol = self.proj.newProtocol(GmmRefineProtLocalResolution)
        protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        self.assertOneError(protocol, "The volume has no half maps")
        withHalves(protocol.inputVolume.get())
        self.assertEqual(protocol.validate(), [])
        protocol.mask.set(writeMask(self.folder / "mask.mrc", box=20))
        self.assertOneError(protocol, "The mask has 20×20×20")

    def test_density_modification_needs_half_maps_on_one_grid(self):
        protocol = self.proj.newProtocol(GmmRefineProtModify)
        self.assertOneError(protocol, "*Input volume* cannot be EMPTY.")
        protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        self.assertOneError(protocol, "The volume has no half maps")
        withHalves(protocol.inputVolume.get())
        self.assertEqual(protocol.validate(), [])
        protocol.inputStructure.set(AtomStruct(filename="/nowhere/a.cif"))
        self.assertOneError(protocol, "/nowhere/a.cif does not exist")
        protocol.inputStructure.set(None)
        protocol.mask.set(writeMask(self.folder / "mask.mrc", box=20))
        self.assertOneError(protocol, "The mask has 20×20×20")
        protocol.mask.set(None)
        protocol.localWindow.set(9.0)
        self.assertOneError(protocol, "9: expected from 0.5 to 5")

    def test_qscore(self):
        protocol = self.proj.newProtocol(GmmRefineProtQScore, mapResolution=17.0)
        protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        protocol.inputStructure.set(AtomStruct(filename="/nowhere/a.cif"))
        limit, missing = protocol.validate()
        self.assertEqual(limit, f"*{settings.MAP_RESOLUTION.form_label}* 17: expected from 0 to 15 Å.")
        self.assertIn("/nowhere/a.cif does not exist", missing)

    def test_audit_of_a_map_with_itself(self):
        protocol, model = self.proj.newProtocol(GmmRefineProtAudit), self.folder / "a.cif"
        model.write_text("data_a")
        protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        protocol.inputStructure.set(AtomStruct(filename=str(model)))
        self.assertOneError(protocol, "*Modified volumes* cannot be EMPTY.")
        protocol.modifiedVolumes.append(writeVolume(self.folder / "other.mrc"))
        self.assertEqual(protocol.validate(), [])
        protocol.modifiedVolumes.append(writeVolume(self.folder / "map.mrc"))
        self.assertOneError(protocol, "map.mrc is given twice")

    def test_refitted_models_of_an_audit_are_as_many_as_the_modified_volumes(self):
        protocol, model = self.proj.newProtocol(GmmRefineProtAudit), self.folder / "a.cif"
        model.write_text("data_a")
        protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        protocol.inputStructure.set(AtomStruct(filename=str(model)))
        for name in ("one", "two"):
            protocol.modifiedVolumes.append(writeVolume(self.folder / f"{name}.mrc"))
        protocol.refittedStructures.append(AtomStruct(filename=str(model)))
        self.assertOneError(protocol, "There are 1 refitted models and 2 modified volumes", "same order, or none")
        protocol.refittedStructures.append(AtomStruct(filename=str(model)))
        self.assertEqual(protocol.validate(), [])
        protocol.refittedStructures[1].set(AtomStruct(filename="/nowhere/b.cif"))
        self.assertOneError(protocol, "/nowhere/b.cif does not exist")
