"""Compare modified maps with an unmodified one."""
import itertools
import os
import re
import textwrap

from pwem.protocols import ProtAnalysis3D
from pyworkflow import BETA
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import AUDIT_FILE, AUDITED_MAPS_FILE, CHANGES_FIGURE, CHANGES_FILE, Q_CLASSES_FIGURE
from scipion_gmmrefine.protocols.form import addSettings, engineOptions
from scipion_gmmrefine.protocols.protocol_base import SUMMARY_WIDTH
from scipion_gmmrefine.protocols.protocol_maps import MAPS_FOLDER, MapProtocol

OUTPUT_PREFIX = re.compile("^output(Volume$)?")
UNFIT_FOR_NAMES = re.compile(r"[^A-Za-z0-9-]+")


class GmmRefineProtAudit(MapProtocol, ProtAnalysis3D):
    """Compare modified maps with an unmodified one: what became of ligands, ions, lipids, waters and sugars?

    Sharpening, density modification and networks that were trained on proteins can improve protein and erase everything else
    (Berkeley, Cook and Herzik 2024).

    *Input*: the unmodified or deposited volume, any number of modified ones of the same molecule, of any protocols, and an
    atomic model fitted to them.

    *Result* (*Analyze results*): the Q-score by component class in every map, its mean change with a confidence interval, and
    for every ligand, ion, lipid, water and sugar whether a map kept, weakened or lost it. A molecule that the unmodified map
    does not show is unjudged.
    """

    _label = "GMM map audit"
    _devStatus = BETA

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam("inputVolume", params.PointerParam, pointerClass="Volume", important=True, label="Unmodified volume",
                      help="The reference: not sharpened by anything that has seen other maps, at best the deposited one.")
        form.addParam("modifiedVolumes", params.MultiPointerParam, pointerClass="Volume", important=True,
                      label="Modified volumes", help="Of the same molecule; of any protocols.")
        form.addParam("inputStructure", params.PointerParam, pointerClass="AtomStruct", important=True,
                      label="Atomic model", help="Fitted to the maps, with its ligands, ions and waters.")
        self._definePlace(form)
        addSettings(form, settings.AUDIT)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = engineOptions(self, settings.AUDIT)
        names = mapNames(self._volumes())
        files = [pointer.get().getFileName() for pointer in self._volumes()]
        model = self.inputStructure.get().getFileName()
        self._insertFunctionStep(self.auditStep, names, files, model, self.placeFrom.get(), options, needsGPU=False)

    def _volumes(self):
        """Pointers to the maps, the unmodified one first."""
        return [self.inputVolume, *self.modifiedVolumes]

    # --------------------------- STEPS functions ------------------------------
    def auditStep(self, names, _files, model, _place, options):
        maps = [self._named(pointer.get(), name) for pointer, name in zip(self._volumes(), names)]
        self._runEngine("audit", [os.path.abspath(model), *maps, *options],
                        [AUDIT_FILE, CHANGES_FILE, AUDITED_MAPS_FILE, Q_CLASSES_FIGURE, CHANGES_FIGURE])

    def _named(self, volume, name):
        """Path of a map under the name that the tables and figures give it."""
        path, link = self._engineMap(volume, name, placed=True), self._getExtraPath(MAPS_FOLDER, f"{name}.mrc")
        if path != os.path.abspath(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            if os.path.lexists(link):
                os.remove(link)
            os.symlink(path, link)
        return link

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        errors = self._missingModel(self.inputStructure.get())
        files = [pointer.get().getFileName() for pointer in self._volumes() if pointer.get() is not None]
        if len(set(files)) < len(files):
            twice = max(files, key=files.count)
            errors.append(f"{twice} is given twice; a map cannot be compared with itself.\nGive each volume once.")
        return errors

    def _summary(self):
        results = self._results()
        if not results:
            return [self._progress()] if self.isActive() else ["Not compared yet."]
        lines = [f"Compared with {results['reference']} (σ {results['sigma']:g} Å)",
                 f"Ligands, ions, lipids, waters and sugars in the model: {results['copies']}"]
        for name, counts in results["counts"].items():
            said = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none to judge"
            lines += textwrap.wrap(f"{name}: {said}", SUMMARY_WIDTH)
            if results["lost"][name]:
                lines += textwrap.wrap(f"lost: {', '.join(results['lost'][name])}", SUMMARY_WIDTH, max_lines=3)
        return lines

    def _methods(self):
        results = self._results()
        return [f"{len(results['counts'])} modified maps were compared with the unmodified one by Q-scores [Pintilie2020] of "
                "component classes [Berkeley2024], with one model that was not refitted to them."] if results else []

    def _citations(self):
        return ["Berkeley2024", "Pintilie2020", "Chen2023"]


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
