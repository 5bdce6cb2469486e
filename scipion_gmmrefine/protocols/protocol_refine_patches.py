# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Refine a molecule patch by patch and join the patches."""

import os
import shutil

from pwem.objects import SetOfFSCs, SetOfParticles, SetOfVolumes, Volume, VolumeMask
from pwem.protocols import ProtRefine3D
from pyworkflow.protocol import STEPS_PARALLEL

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    COMPOSITE_FILE,
    COMPOSITE_HALF_FILES,
    FOCUS_MASK_FILE,
    FSC_FILE,
    GMM_FILE,
    HALF_MAP_FILES,
    INPUT_FILE,
    MASK_FILE,
    PARTICLES_FILE,
    PATCH_TABLE_FILE,
    PATCHES_FILE,
)
from scipion_gmmrefine.convert.progress import EVENTS_FILE
from scipion_gmmrefine.convert.tables import readGaussians, readPatches, readRows
from scipion_gmmrefine.objects import GmmModel
from scipion_gmmrefine.protocols.form import (
    COMPUTING,
    addComputing,
    addSettings,
    engineOptions,
    placeConditions,
    rows,
    without,
)
from scipion_gmmrefine.protocols.form_checks import (
    beyondNyquist,
    expandedParticles,
    wrongCombinations,
    wrongGaussians,
    wrongGrid,
    wrongPatches,
)
from scipion_gmmrefine.protocols.protocol_base import describeResolution, sentence
from scipion_gmmrefine.protocols.protocol_particles import ParticlesProtocol, countParticles

GLOBAL_FOLDER, MODEL_FOLDER = "global", "model"
_APART = f"patchMode=={settings.PATCH_MODE.choices.index('apart')}"
CONDITIONS = {
    **dict.fromkeys(("focus_rest", "optimizer", "loss", "adam_steps", "learning_rate"), _APART),
    "focus_level": f"{_APART} and focusRest=={settings.FOCUS_REST.choices.index('moves')}",
}


def patchFolder(number):
    """Folder of a patch in the folder of the run."""
    return os.path.join("patches", f"{number:02d}")


class GmmRefineProtPatches(ParticlesProtocol, ProtRefine3D):
    """Refine a flexible molecule patch by patch and join the patches (Chen, Schmid and Chiu 2023).

    *Input*: particles of a global refinement with its half sets. The Gaussians of the molecule are cut into patches, the same
    for both halves; each patch is refined as a focus of its own, and the half maps are averaged by the patches' masks.

    *Output*: the composite with its half maps, FSC and the mask of the molecule, a Gaussian model of it, the map and the mask
    of every patch, and for every patch a set of particles with the poses of that patch (outputParticles1,
    outputParticles2, ...).

    Patches *together* go through the images once per iteration, which is faster. Patches *apart* are steps of their own: they
    run side by side on the GPUs listed (give one Scipion thread more than GPUs), and *Continue* refines only those that are
    not finished. The number of patches must then be a number: with *auto* they go one after the other in one step.

    A composite is not one reconstruction, and its FSC says nothing about how the patches lie to each other: deposit it with the
    maps and masks of its patches, and look at the seams in *Analyze results*.
    """

    _label = "GMM patch refine"
    _possibleOutputs = {
        "outputVolume": Volume,
        "outputFSC": SetOfFSCs,
        "outputMask": VolumeMask,
        "outputVolumes": SetOfVolumes,
        "outputMasks": SetOfVolumes,
        "outputGmm": GmmModel,
        "outputParticles1": SetOfParticles,
    }
    stepsExecutionMode = STEPS_PARALLEL
    ITERATIONS_ROW = "patchIterations"
    SETTINGS = without(rows(settings.PatchesSettings), (settings.ONLY,))

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        patches = tuple(one for one in rows(settings.Patched, settings.Joined) + rows(settings.Focused) if one in self.SETTINGS)
        self._defineParticles(form)
        addSettings(form, (settings.MASK, settings.PATCHES, settings.PATCH_ITERATIONS))
        self._defineImages(form)
        form.addSection(label="Gaussians and mask")
        addSettings(form, rows(settings.Fitted, settings.Compared), placeConditions(self.WITH_MODEL))
        form.addSection(label="Patches")
        addSettings(form, patches + self.SETTINGS, CONDITIONS)
        form.addSection(label="Computing")
        addComputing(form, parallelSteps=2)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, without(self.SETTINGS, (settings.COMPOSITE_WEIGHTS,)), COMPUTING), *self._extra()]
        joining = [*options, *engineOptions(self, (settings.COMPOSITE_WEIGHTS,))]
        if self._areSteps():
            # pyworkflow loses the GPU of slot n when step n gives one back while slot n is free: so this is step 1
            geometry = self._insertEngineStep(self.geometryStep, *self._inputIdentity(), options, after=[])
            patches = [
                self._insertEngineStep(self.patchStep, number, options, after=[geometry])
                for number in range(1, int(self.patches.get()) + 1)
            ]
            composite = self._insertEngineStep(self.compositeStep, joining, after=patches)
        else:
            composite = self._insertEngineStep(self.refineStep, joining, after=[self._insertConversion()])
        described = self._insertEngineStep(self.describeStep, joining, after=[composite])
        self._insertFunctionStep(self.createOutputStep, options, prerequisites=[described], needsGPU=False)

    def _insertEngineStep(self, step, *arguments, after):
        # a step that needs a GPU waits for one of the list, also where the form says not to use it
        return self._insertFunctionStep(step, *arguments, prerequisites=after, needsGPU=self.usesGpu())

    def _areSteps(self):
        """Whether every patch is a step of its own: their number must be known beforehand."""
        return self.getEnumText("patchMode") == "apart" and self.patches.get() != "auto"

    # --------------------------- STEPS functions ------------------------------
    def geometryStep(self, particlesId, size, options):
        self.convertInputStep(particlesId, size)
        self._runPatches([*options, "--only", "geometry"], [PATCHES_FILE, MASK_FILE])

    def patchStep(self, number, options):
        folder = patchFolder(number)
        self._runPatches(
            [*options, "--only", str(number)],
            [os.path.join(folder, name) for name in (PARTICLES_FILE, FSC_FILE, *HALF_MAP_FILES)],
            part=f".patch_{number:02d}",
        )

    def compositeStep(self, options):
        self._runPatches([*options, "--only", "composite"], [COMPOSITE_FILE, *COMPOSITE_HALF_FILES, PATCH_TABLE_FILE])

    def refineStep(self, options):
        self._runPatches(options, [COMPOSITE_FILE, *COMPOSITE_HALF_FILES, PATCH_TABLE_FILE])

    def _runPatches(self, options, outputs, part=""):
        self._runEngine("refine-patches", [self._getExtraPath(INPUT_FILE), *options], outputs, part=part)

    def describeStep(self, _options):
        """What the patches are compared with: the global FSC under the same mask, and a model of the composite."""
        for folder in (GLOBAL_FOLDER, MODEL_FOLDER):  # of a composite that was joined otherwise
            shutil.rmtree(self._getExtraPath(folder), ignore_errors=True)
        halves = [self._getExtraPath("iterations", "00", name) for name in HALF_MAP_FILES]
        mask = ["--mask", self._getExtraPath(MASK_FILE)]
        options = engineOptions(self, (settings.FSC_THRESHOLD, settings.SEED, settings.THREADS))
        self._runEngine("fsc", [*halves, *mask, *options], [FSC_FILE], folder=GLOBAL_FOLDER)
        particles, reached = self.inputParticles.get(), self._results().get("resolution") or 0
        coarsest = settings.coarsest_resolution(particles.getXDim(), particles.getSamplingRate())
        resolution = ["--resolution", str(min(reached, coarsest))]
        self._runEngine(
            "build",
            [self._getExtraPath(COMPOSITE_FILE), *mask, *resolution, *engineOptions(self, rows(settings.Fitted), COMPUTING)],
            [GMM_FILE],
            folder=MODEL_FOLDER,
        )

    def createOutputStep(self, _options):
        samplingRate = self._mapGrid()[1]
        folders = {number: patchFolder(number) for number in range(1, self.getNumberOfPatches() + 1)}
        outputs = {
            "outputVolume": self._volume(samplingRate, COMPOSITE_FILE, COMPOSITE_HALF_FILES),
            "outputFSC": self._fscs(
                **{"global": os.path.join(GLOBAL_FOLDER, FSC_FILE)},
                **{f"patch {number}": os.path.join(folder, FSC_FILE) for number, folder in folders.items()},
            ),
            "outputMask": self._mask(samplingRate, MASK_FILE),
            "outputVolumes": self._patchVolumes(
                "maps", [self._volume(samplingRate, folder=folder) for folder in folders.values()]
            ),
            "outputMasks": self._patchVolumes(
                "masks", [self._mask(samplingRate, os.path.join(folder, FOCUS_MASK_FILE)) for folder in folders.values()]
            ),
            "outputGmm": self._model(samplingRate),
        }
        particles = {}
        for number, folder in folders.items():
            particles[f"outputParticles{number}"] = patch = self._refinedParticles(folder, f"_patch_{number:02d}")
            patch.setObjComment(f"At the poses of patch {number}")
        self._defineOutputs(**outputs, **particles)
        for output in outputs.values():
            self._defineSourceRelation(self.inputParticles, output)
        for patch in particles.values():
            self._defineTransformRelation(self.inputParticles, patch)

    def _patchVolumes(self, name, volumes):
        """A set of one volume for each patch."""
        found = self._createSetOfVolumes(name)
        found.setSamplingRate(volumes[0].getSamplingRate())
        for number, volume in enumerate(volumes, 1):
            volume.setObjLabel(f"patch {number}")
            found.append(volume)
        return found

    def _model(self, samplingRate):
        gmmFile = self._getExtraPath(MODEL_FOLDER, GMM_FILE)
        return GmmModel(
            gmmFile,
            numberOfGaussians=len(readGaussians(gmmFile)["widths"]),
            mapFileName=self._getExtraPath(COMPOSITE_FILE),
            samplingRate=samplingRate,
        )

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        particles = self.inputParticles.get()
        if particles is None:
            return []  # Scipion itself reports an empty input
        errors = self._validatePoses(particles) or self._validateHalves(particles)
        if self.patches.get() == "1":
            errors += expandedParticles(particles, "One patch is the whole molecule: ask for more.")
        errors += wrongPatches(self.patches.get()) + wrongGaussians(self.gaussians.get()) + wrongCombinations(self)
        errors += beyondNyquist(settings.MAX_RESOLUTION, self.maxResolution.get(), self._mapGrid()[1])
        errors += self._missingFile("pinExchanges", settings.PIN_EXCHANGES.form_label)
        if self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), *self._mapGrid(), "mask")
        return errors

    def _summary(self):
        if not hasattr(self, "outputVolume"):
            return self._whatRuns() or ["Not started yet."]
        results = self._results()
        lines = [
            f"Composite of {self.getNumberOfPatches()} patches: {self._resolution()} "
            f"(before: {describeResolution(results.get('resolution_before'))})"
        ]
        seams = sentence(results.get("seam_text", ""))
        return [*lines, *(_patchLine(row) for row in readRows(self._getExtraPath(PATCH_TABLE_FILE))), *seams, *self._notes()]

    def _whatRuns(self):
        """A line for the run, and one for each patch that is a step of its own."""
        lines = [self._progress()] if os.path.exists(self._getExtraPath(EVENTS_FILE)) else []
        for number in range(1, self.getNumberOfPatches() + 1 if self._areSteps() else 1):
            folder = patchFolder(number)
            if os.path.exists(self._getExtraPath(folder, PARTICLES_FILE)):
                lines.append(f"Patch {number}: done.")
            elif os.path.exists(self._getExtraPath(folder, EVENTS_FILE)):
                lines.append(f"Patch {number}: {self._progress(folder)}")
        return lines

    def _methods(self):
        if not hasattr(self, "outputVolume"):
            return []
        return [
            f"The poses of {countParticles(self.inputParticles.get())} were refined against Gaussian mixture models, "
            f"one per half set, separately for each of {self.getNumberOfPatches()} patches of the molecule [Chen2023]. The "
            "half maps of the patches were averaged by their masks into a composite map, which is not one "
            f"reconstruction; its gold-standard resolution at FSC {self.fscThreshold.get():g} is "
            f"{self._resolution()} [Rosenthal2003]."
        ]

    def _citations(self):
        return ["Chen2023", "Chen2021", "Rosenthal2003"]

    # --------------------------- UTILS functions ------------------------------
    def getNumberOfPatches(self):
        """How many patches there are; 0 before the geometry is found."""
        path = self._getExtraPath(PATCHES_FILE)
        return len(readPatches(path)) if os.path.exists(path) else 0


def _patchLine(row):
    """A patch in the summary."""
    before, after = (describeResolution(row[f"gmmResolution{when}"]) for when in ("Before", "After"))
    return (
        f"Patch {row['gmmPatch']:.0f}: {before} → {after}; particles turned {row['gmmRotationChange']:.2f}° and moved "
        f"{row['gmmShiftChange']:.2f} Å on average"
    )
