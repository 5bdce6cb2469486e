# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Modify the density of two half maps, without a learned prior."""

import os

from pwem.objects import AtomStruct, SetOfFSCs, Volume, VolumeMask
from pwem.protocols import ProtOperateVolumes
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    AUDIT_FILE,
    AUDIT_FOLDER,
    CHANGED_MODEL_FILE,
    COMPARISON_FIGURE,
    ERROR_MODEL_FIGURE,
    FSC_FILE,
    MASK_FILE,
    MODIFIED_FILE,
    MODIFIED_HALF_FILES,
    Q_COLUMNS_OF_AUDIT,
    UNMODIFIED_FILE,
)
from scipion_gmmrefine.protocols.form import addSettings, addThreads, engineOptions, rows, without
from scipion_gmmrefine.protocols.protocol_audit import describeCopies
from scipion_gmmrefine.protocols.protocol_base import FSC_CURVES, describeResolution, sentence
from scipion_gmmrefine.protocols.protocol_maps import HANDED_OVER, MapProtocol, unfitHalves

FSC_CURVES_OF_BOTH = {**FSC_CURVES, "gmmFscModified": "modified half maps"}
MODEL_OPTION = "--model"
AUDITING = "inputStructure is not None"
OF_AUDIT = (settings.PLACE_FROM, settings.SIGMA)
CONDITIONS = {
    "mask_resolution": "mask is None",
    "mask_edge": "mask is None",
    "known_rotation_error": "smearing==0",
    "known_shift_error": "smearing==0",
    **dict.fromkeys(("sigma", "place_from"), AUDITING),
}


class GmmRefineProtModify(MapProtocol, ProtOperateVolumes):
    """Modify the density of a map by its half maps, without a learned prior, and audit the result.

    Every band of the mean of the half maps is weighted around every voxel by the signal and noise that the half maps show
    there; in the solvent, flat but for noise, no signal is expected. Nothing is known of proteins, and what stands clear of the
    noise outside the mask is kept.

    *Input*: a volume with half maps, unfiltered and unmasked, of any protocol. With an atomic model fitted to it the result
    is audited: what became of every ligand, ion, lipid, water and sugar. Give one wherever there is one.

    *Output*: the modified volume, and beside it the unmodified one, the mean of the half maps up to their resolution. Both
    carry the half maps of the input as they were: quote their FSC. That of the modified half maps, also in the output of FSCs,
    is too high where a part is much weaker than another. After an audit also the model with the attributes *Q_change* (also in
    the B-factor column), *Q_score* and *Q_reference* of every atom.
    """

    _label = "GMM density modification"
    _ATTRNAME = Q_COLUMNS_OF_AUDIT[0]  # pwem's viewer of attributes finds the output and its attribute by these names
    _OUTNAME = "outputAtomStruct"
    _possibleOutputs = {
        "outputVolume": Volume,
        "outputUnmodified": Volume,
        "outputMask": VolumeMask,
        "outputFSC": SetOfFSCs,
        _OUTNAME: AtomStruct,
    }

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputVolume",
            params.PointerParam,
            pointerClass="Volume",
            important=True,
            label="Input volume",
            help="With unfiltered half maps; of any protocol. Only its half maps are used.",
        )
        addSettings(form, (settings.MASK,))
        group = form.addGroup("Audit")
        group.addParam(
            "inputStructure",
            params.PointerParam,
            pointerClass="AtomStruct",
            allowsNull=True,
            label="Atomic model",
            help="Fitted to the map, with its ligands, ions and waters. Empty: nothing says whether they were kept.",
        )
        addSettings(group, OF_AUDIT, CONDITIONS)
        form.addSection(label="Modification")
        addSettings(form, without(rows(settings.ModifySettings), HANDED_OVER), CONDITIONS)
        addThreads(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        named = engineOptions(self, without(rows(settings.ModifySettings), HANDED_OVER))
        options = [*named, *self._originOptions(self.inputVolume.get()), *self._extra()]
        files, model = self._filesOf("inputVolume", "mask"), "".join(self._filesOf("inputStructure"))
        self._insertFunctionStep(self.modifyStep, files, model, options, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, files, model, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def modifyStep(self, _files, model, options):
        halves = self._engineHalfMaps(self.inputVolume.get())
        audit = [MODEL_OPTION, os.path.abspath(model)] if model else []
        outputs = [
            MODIFIED_FILE,
            UNMODIFIED_FILE,
            *MODIFIED_HALF_FILES,
            MASK_FILE,
            FSC_FILE,
            COMPARISON_FIGURE,
            ERROR_MODEL_FIGURE,
            *([os.path.join(AUDIT_FOLDER, AUDIT_FILE)] if model else []),
        ]
        self._runEngine("modify", [*halves, *options, *audit], outputs)

    def createOutputStep(self, _files, model, _options):
        volume = self.inputVolume.get()
        outputs = {
            "outputVolume": self._mapLike(volume, MODIFIED_FILE),
            "outputUnmodified": self._mapLike(volume, UNMODIFIED_FILE),
        }
        for output in outputs.values():
            output.setHalfMaps(volume.getHalfMaps())
        outputs["outputMask"] = self._mask(volume.getSamplingRate(), MASK_FILE)
        outputs["outputFSC"] = self._fscs(FSC_CURVES_OF_BOTH)
        if model:
            outputs[self._OUTNAME] = self._scoredStructure(
                os.path.join(AUDIT_FOLDER, CHANGED_MODEL_FILE.format(2)),
                "modified",
                Q_COLUMNS_OF_AUDIT,
                model,
                outputs["outputVolume"],
                self._results()["place"],
            )
        self._defineOutputs(**outputs)
        for output in outputs.values():
            self._defineSourceRelation(self.inputVolume, output)
        if model:
            self._defineSourceRelation(self.inputStructure, outputs[self._OUTNAME])

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        volume = self.inputVolume.get()
        if volume is None:
            return []  # Scipion itself reports an empty input
        return unfitHalves(volume, self.mask.get()) + self._missingModel(self.inputStructure.get())

    def _summary(self):
        if not hasattr(self, "outputVolume"):
            return [self._progress()] if self.isActive() else ["Not modified yet."]
        results = self._results()
        lines = [
            f"Resolution of the half maps: {self._resolution()}; this is the one to quote",
            f"Modified half maps agree to {describeResolution(results['modified_halves_agree_to'])}",
            *self._notes(),
        ]
        sureness = [
            *sentence(results["smearing_text"]),
            f"Standard error of a voxel inside the mask: {100 * results['error_inside_mask']:.0f} % of the density's deviation "
            "(modified_error.mrc)",
        ]
        if not results["audited"]:
            return [
                *lines,
                "NOT AUDITED: without a model nothing says whether ligands, ions, lipids and waters were kept",
                *sureness,
            ]
        audit = results["audit"]
        lines += [f"Modified map: {line}" for line in audit["lines"]]
        return [
            *lines,
            *describeCopies(
                "Audit against the unmodified map", audit["counts"], audit["lost"], audit["parts_lost"], audit["is_judged"]
            ),
            *sureness,
        ]

    def _methods(self):
        if not hasattr(self, "outputVolume"):
            return []
        text = (
            f"The density of the half maps, whose resolution is {self._resolution()}, was modified by their local signal "
            "and noise and a flat solvent, without a learned prior, after the idea of resolve_cryo_em [Terwilliger2020]."
        )
        audited = (
            " What became of ligands, ions, lipids and waters was judged against the unmodified map by Q-scores "
            "[Pintilie2020] and density [Berkeley2024]."
        )
        return [text + (audited if self._results()["audited"] else "")]

    def _citations(self):
        return [
            "Terwilliger2020",
            *(["Berkeley2024", "Pintilie2020"] if self.inputStructure.get() is not None else []),
            "Chen2023",
        ]
