# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Compare modified maps with an unmodified one."""

import itertools
import os
import re

from pwem.objects import AtomStruct
from pwem.protocols import ProtAnalysis3D
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    AUDIT_FILE,
    AUDITED_MAPS_FILE,
    CHANGED_MODEL_FILE,
    CHANGES_FIGURE,
    CHANGES_FILE,
    Q_CLASSES_FIGURE,
    Q_COLUMNS_OF_AUDIT,
)
from scipion_gmmrefine.protocols.form import addSettings, addThreads, engineOptions, rows, without
from scipion_gmmrefine.protocols.protocol_base import shortened
from scipion_gmmrefine.protocols.protocol_maps import HANDED_OVER, MAPS_FOLDER, MapProtocol

REFITTED = "--refitted"
OUTPUT_PREFIX = re.compile("^output(Volume$)?")
UNFIT_FOR_NAMES = re.compile(r"[^A-Za-z0-9-]+")


class GmmRefineProtAudit(MapProtocol, ProtAnalysis3D):
    """Compare modified maps with an unmodified one: what became of ligands, ions, lipids, waters and sugars?

    Sharpening, density modification and networks that were trained on proteins can improve protein and erase everything else
    (Berkeley, Cook and Herzik 2024).

    *Input*: the unmodified or deposited volume, any number of modified ones of the same molecule, of any protocols, and an
    atomic model fitted to them.

    *Result* (*Analyze results*): the Q-score by component class in every map, its mean change with a confidence interval, and
    for every ligand, ion, lipid, water, sugar and modified residue whether a map kept, weakened or lost it, and parts of
    residues that were lost (the iron of a haem, a phosphate, a side chain). A molecule that the unmodified map does not show is
    unjudged, and nothing is judged when the protein itself fell, as in a map of the other hand. Every map, and the half maps of
    the unmodified volume where it has them, is compared with the model by FSC, and its mean Q with those of EMDB's entries.

    *Output*: for every modified volume, in their order, the model with the attributes *Q_change* (also in the B-factor column),
    *Q_score* in that volume and *Q_reference* in the unmodified one of every atom, which Scipion's viewers of structures can
    colour and plot (outputAtomStruct1, outputAtomStruct2, ...). Hydrogens, and alternative places of lower occupancy, are not
    scored and are left out of it.
    """

    _label = "GMM map audit"
    _ATTRNAME = Q_COLUMNS_OF_AUDIT[0]  # pwem's viewer of attributes finds the output and its attribute by these names
    _OUTNAME = "outputAtomStruct1"
    _possibleOutputs = {_OUTNAME: AtomStruct}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputVolume",
            params.PointerParam,
            pointerClass="Volume",
            important=True,
            label="Unmodified volume",
            help="The reference: not sharpened by anything that has seen other maps, at best the deposited one.",
        )
        form.addParam(
            "modifiedVolumes",
            params.MultiPointerParam,
            pointerClass="Volume",
            important=True,
            label="Modified volumes",
            help="Of the same molecule; of any protocols.",
        )
        form.addParam(
            "inputStructure",
            params.PointerParam,
            pointerClass="AtomStruct",
            important=True,
            label="Atomic model",
            help="Fitted to the maps, with its ligands, ions and waters.",
        )
        form.addParam(
            "refittedStructures",
            params.MultiPointerParam,
            pointerClass="AtomStruct",
            allowsNull=True,
            label="Refitted models",
            help="The atomic model refined into each modified volume, one per volume, in the same order and with the "
            "same atoms; the atomic model above is then that of the unmodified volume. Every volume is scored "
            "with its own model, which is fairer. Empty: all are scored with the atomic model.",
        )
        addSettings(form, without(rows(settings.AuditSettings), HANDED_OVER))
        addThreads(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [
            *engineOptions(self, without(rows(settings.AuditSettings), HANDED_OVER)),
            *self._originOptions(*(pointer.get() for pointer in self._volumes())),
            *self._extra(),
        ]
        names = mapNames(self._volumes())
        files = [pointer.get().getFileName() for pointer in self._volumes()]
        models = [pointer.get().getFileName() for pointer in self._models()]
        self._insertFunctionStep(self.auditStep, names, files, models, options, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, names, files, models, options, needsGPU=False)

    def _volumes(self):
        """Pointers to the maps, the unmodified one first."""
        return [self.inputVolume, *self.modifiedVolumes]

    def _models(self):
        """Pointers to the atomic model and, where there are any, the refitted ones."""
        return [self.inputStructure, *self.refittedStructures]

    # --------------------------- STEPS functions ------------------------------
    def auditStep(self, names, _files, models, options):
        maps = [self._named(pointer.get(), name) for pointer, name in zip(self._volumes(), names)]
        paths = [os.path.abspath(model) for model in models]
        refitted = [REFITTED, *paths] if len(paths) > 1 else []
        self._runEngine(
            "audit",
            [paths[0], *maps, *options, *refitted, *self._halfMapOptions(self.inputVolume.get())],
            [AUDIT_FILE, CHANGES_FILE, AUDITED_MAPS_FILE, Q_CLASSES_FIGURE, CHANGES_FIGURE],
        )

    def _named(self, volume, name):
        """Path of a map under the name that the tables and figures give it."""
        path, link = self._engineMap(volume, name), self._getExtraPath(MAPS_FOLDER, f"{name}.mrc")
        if path != os.path.abspath(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            if os.path.lexists(link):
                os.remove(link)
            os.symlink(path, link)
        return link

    def createOutputStep(self, names, _files, models, _options):
        sources, maps = self._models()[1:] or len(self.modifiedVolumes) * [self.inputStructure], self._results()["maps"]
        for number, (volume, model, name) in enumerate(zip(self.modifiedVolumes, sources, names[1:]), 1):
            structure = self._scoredStructure(
                CHANGED_MODEL_FILE.format(number + 1),
                name,
                Q_COLUMNS_OF_AUDIT,
                model.get().getFileName(),
                volume.get(),
                maps[name]["place"],
            )
            structure.setObjLabel(f"model with Q in {name}")
            self._defineOutputs(**{f"outputAtomStruct{number}": structure})
            for source in (self.inputVolume, volume, model):
                self._defineSourceRelation(source, structure)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        errors = [error for pointer in self._models() for error in self._missingModel(pointer.get())]
        counts = len(self.refittedStructures), len(self.modifiedVolumes)
        if counts[0] and counts[0] != counts[1]:
            errors.append(
                f"There are {counts[0]} refitted models and {counts[1]} modified volumes.\n"
                "Give one model per modified volume, in the same order, or none."
            )
        files = [pointer.get().getFileName() for pointer in self._volumes() if pointer.get() is not None]
        if len(set(files)) < len(files):
            twice = max(files, key=files.count)
            errors.append(f"{twice} is given twice; a map cannot be compared with itself.\nGive each volume once.")
        return errors

    def _summary(self):
        results = self._results()
        if not results:
            return [self._progress()] if self.isActive() else ["Not compared yet."]
        first, then = self._aboutMaps(results)
        lines = [
            *first,
            f"Compared with {results['reference']} (σ {results['sigma']:g} Å)",
            f"Ligands, ions, lipids, waters, sugars and modified residues in the model: {results['copies']}",
        ]
        if results["models_refitted_to_maps"]:
            lines.append("Every map was scored with the model refitted to it")
        lines += then
        for name, counts in results["counts"].items():
            lines += describeCopies(
                name, counts, results["lost"][name], results["parts_lost"][name], results["verdicts"][name]["is_judged"]
            )
        for name, found in results["maps"].items():
            lines += describeQuality(name, found["quality"])
        return lines

    @staticmethod
    def _aboutMaps(results):
        """What the engine said of the maps as a whole, as lines: first where nothing could be judged."""
        first, then = [], []
        for name, found in results["verdicts"].items():
            (then if found["is_judged"] else first).extend(f"{name}: {line}" for line in found["lines"])
        then += [f"{results['reference']}: {line}" for line in results["about_reference"]]
        return first, then

    def _methods(self):
        results = self._results()
        if not results:
            return []
        models = (
            "every map with the model refitted to it"
            if results["models_refitted_to_maps"]
            else ("with one model that was not refitted to them")
        )
        return [
            f"{len(results['counts'])} modified maps were compared with the unmodified one by Q-scores [Pintilie2020] of "
            f"component classes [Berkeley2024], {models}."
        ]

    def _citations(self):
        return ["Berkeley2024", "Pintilie2020", "Chen2023"]


def describeQuality(name, quality):
    """The FSC of a map with its model and where its mean Q stands, as lines of a summary; ``quality`` is the engine's."""
    return [f"{name}: {line}" for line in quality["lines"]]


def describeCopies(name, counts, lost, parts=(), isJudged=True):
    """What became of ligands, ions, lipids, waters and sugars in a map, as lines of a summary.

    Parameters
    ----------
    name : str
        Of the map.
    counts : dict of str to int
        Status → molecules.
    lost : list of str
        Names of those lost.
    parts : list of str
        What was lost of residues, in words.
    isJudged : bool
        Whether the polymer was there to compare with.

    Returns
    -------
    list of str
    """
    if not isJudged:
        return [f"{name}: copies are not judged"]
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none to judge"
    lines = [f"{name}: {said}"]
    if lost:
        lines.append(shortened(f"lost: {', '.join(lost)}"))
    return lines + ([shortened(f"parts lost: {', '.join(parts)}")] if parts else [])


def mapNames(pointers):
    """Short names of maps, all different: what their protocols are called, and which of the outputs they are.

    Parameters
    ----------
    pointers : list of Pointer
        To volumes.

    Returns
    -------
    list of str
    """
    names = []
    for pointer in pointers:
        run = pointer.getObjValue().getObjLabel().split(" - ", 1)[-1]  # without the plugin's name
        output = OUTPUT_PREFIX.sub("", pointer.getExtended())
        name = UNFIT_FOR_NAMES.sub("_", f"{run} {output}").strip("_")
        further = (f"{name}_{number}" for number in itertools.count(2))
        names.append(next(one for one in itertools.chain([name], further) if one not in names))
    return names
