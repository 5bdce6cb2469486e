# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Join focused refinements into one map per half set."""

import os
import shutil

from pwem.objects import SetOfFSCs, Volume, VolumeMask
from pwem.protocols import ProtOperateVolumes
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    COMPOSITE_FILE,
    COMPOSITE_HALF_FILES,
    FOCUS_MASK_FILE,
    FSC_FILE,
    HALF_MAP_FILES,
    MASK_FILE,
)
from scipion_gmmrefine.convert.images import halfMapFiles, stackFileName
from scipion_gmmrefine.convert.maps import mrcMap
from scipion_gmmrefine.protocols.form import (
    COMPUTING,
    addComputing,
    addSettings,
    engineOptions,
    rows,
    without,
)
from scipion_gmmrefine.protocols.form_checks import withoutHalfMaps, wrongGrid
from scipion_gmmrefine.protocols.protocol_base import EngineProtocol, sentence

REFINEMENTS, MAPS = range(2)
SETTINGS = without(rows(settings.CompositeSettings), (settings.BACKGROUND,))
BACKGROUND_FOLDER = "background"


class GmmRefineProtComposite(EngineProtocol, ProtOperateVolumes):
    """Join focused maps of one molecule into one map per half set, and show the seams.

    *Input*: focused refinements and patches of this plugin, or any volumes with half maps and as many masks in the same
    order. All must lie in one frame and come from the same half sets: parts of this plugin that do not are refused.

    *Output*: the composite with its half maps, its FSC and the mask of the FSC.

    A composite is not one reconstruction, and its FSC says nothing about how the parts lie to each other: deposit it with the
    maps and masks it was made from, and look at the seams in *Analyze results*.
    """

    _label = "GMM composite map"
    _possibleOutputs = {"outputVolume": Volume, "outputFSC": SetOfFSCs, "outputMask": VolumeMask}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "partsFrom",
            params.EnumParam,
            choices=["focused refinements", "volumes and masks"],
            default=REFINEMENTS,
            display=params.EnumParam.DISPLAY_HLIST,
            label="Parts from",
            help="Protocols of this plugin bring map and mask along; volumes of others need a mask each.",
        )
        form.addParam(
            "inputRefinements",
            params.MultiPointerParam,
            important=True,
            allowsNull=True,
            pointerClass="GmmRefineProtFocus,GmmRefineProtConformationToPose,GmmRefineProtImposeSymmetry,GmmRefineProtPatches",
            condition=f"partsFrom=={REFINEMENTS}",
            label="Focused refinements",
            help="*GMM focused refine*, *GMM conformation to pose* or *GMM impose symmetry*, finished; of *GMM patch "
            "refine* every patch becomes a part.",
        )
        form.addParam(
            "inputVolumes",
            params.MultiPointerParam,
            important=True,
            allowsNull=True,
            pointerClass="Volume",
            condition=f"partsFrom=={MAPS}",
            label="Volumes",
            help="With half maps.",
        )
        form.addParam(
            "inputMasks",
            params.MultiPointerParam,
            important=True,
            allowsNull=True,
            pointerClass="VolumeMask",
            condition=f"partsFrom=={MAPS}",
            label="Masks",
            help="Where each volume counts, values 0 to 1: one per volume, in the same order.",
        )
        form.addParam(
            settings.BACKGROUND.form_name,
            params.PointerParam,
            pointerClass="Volume",
            allowsNull=True,
            label=settings.BACKGROUND.form_label,
            help="Volume with half maps that is shown outside all masks, such as that of the global refinement. "
            "Empty shows the mean of the parts there.",
        )
        addSettings(form, SETTINGS)
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        parts = [(*halfMapFiles(volume), stackFileName(mask)) for volume, mask in self._parts()]
        background = self.background.get()
        behind = halfMapFiles(background) if background is not None else []
        options = [*engineOptions(self, SETTINGS, COMPUTING), *self._extra()]
        self._insertFunctionStep(self.linkStep, parts, behind, needsGPU=False)
        self._insertFunctionStep(self.joinStep, len(parts), bool(behind), options)
        self._insertFunctionStep(self.createOutputStep, parts, options, needsGPU=False)

    def _parts(self):
        """Volume and mask of every part."""
        if self.partsFrom.get() == REFINEMENTS:
            return [part for pointer in self.inputRefinements for part in _partsOf(pointer.get())]
        return list(zip(*([pointer.get() for pointer in pointers] for pointers in (self.inputVolumes, self.inputMasks))))

    # --------------------------- STEPS functions ------------------------------
    def linkStep(self, parts, background):
        """Put maps where the engine looks for them, a folder for each part: links, which lead to the record of half sets."""
        for number, files in enumerate(parts, 1):
            self._link(_partFolder(number), (*HALF_MAP_FILES, FOCUS_MASK_FILE), files)
        if background:
            self._link(BACKGROUND_FOLDER, HALF_MAP_FILES, background)

    def _link(self, folder, names, files):
        place = self._getExtraPath(folder)
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        samplingRate = self._parts()[0][0].getSamplingRate()
        for name, path in zip(names, files):
            link = os.path.abspath(os.path.join(place, name))
            found = mrcMap(path, link, samplingRate)
            if found != link:
                os.symlink(found, link)

    def joinStep(self, count, hasBackground, options):
        folders = [self._getExtraPath(_partFolder(number)) for number in range(1, count + 1)]
        background = [settings.BACKGROUND.option, self._getExtraPath(BACKGROUND_FOLDER)] if hasBackground else []
        self._runEngine(
            "composite", [*folders, *background, *options], [COMPOSITE_FILE, *COMPOSITE_HALF_FILES, MASK_FILE, FSC_FILE]
        )

    def createOutputStep(self, _parts, _options):
        samplingRate = self._parts()[0][0].getSamplingRate()
        outputs = {
            "outputVolume": self._volume(samplingRate, COMPOSITE_FILE, COMPOSITE_HALF_FILES),
            "outputFSC": self._fscs(),
            "outputMask": self._mask(samplingRate, MASK_FILE),
        }
        self._defineOutputs(**outputs)
        for output in outputs.values():
            for source in self._sources():
                self._defineSourceRelation(source, output)

    def _sources(self):
        """What the parts come from: volumes, or the set of those of a protocol's patches."""
        if self.partsFrom.get() == MAPS:
            return [pointer.get() for pointer in self.inputVolumes]
        refinements = [pointer.get() for pointer in self.inputRefinements]
        return [getattr(one, "outputVolumes", one.outputVolume) for one in refinements]

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        errors = self._validateChoice()
        if errors:
            return errors
        grid = self._parts()[0][0].getXDim(), self._parts()[0][0].getSamplingRate()
        for number, (volume, mask) in enumerate(self._parts(), 1):
            errors += withoutHalfMaps(volume, f"volume of part {number}")
            errors += wrongGrid(volume, *grid, f"volume of part {number}") + wrongGrid(mask, *grid, f"mask of part {number}")
        if self.background.get() is not None:
            errors += withoutHalfMaps(self.background.get(), "background") + wrongGrid(
                self.background.get(), *grid, "background"
            )
        if self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), *grid, "mask")
        return errors

    def _validateChoice(self):
        """Errors of parts that are missing or do not belong together."""
        if self.partsFrom.get() == MAPS:
            counts = len(self.inputVolumes), len(self.inputMasks)
            if counts[0] != counts[1]:
                return [f"There are {counts[0]} volumes and {counts[1]} masks.\nGive one mask per volume, in the same order."]
        elif any(not hasattr(pointer.get(), "outputVolume") for pointer in self.inputRefinements):
            return ["A focused refinement has no map yet.\nWait until all have finished."]
        chosen = self.inputRefinements if self.partsFrom.get() == REFINEMENTS else self.inputVolumes
        return [] if len(chosen) else ["No parts are chosen.\nGive the focused refinements, or volumes with their masks."]

    def _summary(self):
        if not hasattr(self, "outputVolume"):
            return [self._progress()] if self.isActive() else ["Not joined yet."]
        results = self._results()
        return [
            f"Composite of {len(results['parts'])} parts, resolution {self._resolution()}",
            *sentence(results["seam_text"]),
            *results["grey_scale_notes"],
            *sentence(results["caution"]),
        ]

    def _methods(self):
        return (
            [
                f"{len(self._results()['parts'])} focused maps were averaged by their masks into a composite map [Chen2023], "
                f"which is not one reconstruction; its gold-standard resolution is {self._resolution()} [Rosenthal2003]."
            ]
            if hasattr(self, "outputVolume")
            else []
        )

    def _citations(self):
        return ["Chen2023", "Rosenthal2003"]


def _partsOf(refinement):
    """Volume and mask of a focused refinement, or of every patch."""
    if hasattr(refinement, "outputMasks"):
        return list(zip(*([item.clone() for item in items] for items in (refinement.outputVolumes, refinement.outputMasks))))
    return [(refinement.outputVolume, refinement.outputMask)]


def _partFolder(number):
    """Folder of a part."""
    return os.path.join("parts", f"{number:02d}")
