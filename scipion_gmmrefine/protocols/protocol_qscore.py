# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Score how well a map shows each atom of a model."""

import os

from pwem.objects import AtomStruct
from pwem.protocols import ProtAnalysis3D
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import Q_COLUMN, Q_SCRIPT, SCORED_MODEL_FILE
from scipion_gmmrefine.protocols.form import addSettings, addThreads, engineOptions, rows, without
from scipion_gmmrefine.protocols.protocol_base import shortened
from scipion_gmmrefine.protocols.protocol_maps import HANDED_OVER, MapProtocol


class GmmRefineProtQScore(MapProtocol, ProtAnalysis3D):
    """Measure how well a map shows each atom of a model, by the Q-score of Pintilie et al. (2020).

    *Input*: a map of any protocol and an atomic model fitted to it. Take the map that the model was built in.

    *Output*: the model with the Q-score of every atom as the attribute *Q_score*, which Scipion's viewers of structures can
    colour and plot; it also stands in the B-factor column. Hydrogens, and alternative places of lower occupancy, are not
    scored and are left out of it.

    Q is the correlation of the density around an atom with a Gaussian of the given width: 1 for an atom seen as sharply as
    that, 0 for none. *Analyze results* shows it by residue, chain and component class, with what is usual at the resolution.
    The summary also has the FSC of the map, and of its half maps where it has them, with the model, and where the mean Q
    (σ 0.4 Å) stands among EMDB's entries. An atom that lies outside the map has no Q, is named in the summary, and is in no
    mean.
    """

    _label = "GMM Q-score"
    _ATTRNAME = Q_COLUMN  # pwem's viewer of attributes finds the output and its attribute by these names
    _OUTNAME = "outputAtomStruct"
    _possibleOutputs = {_OUTNAME: AtomStruct}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputVolume",
            params.PointerParam,
            pointerClass="Volume",
            important=True,
            label="Input volume",
            help="Map that the model was built in; of any protocol.",
        )
        form.addParam(
            "inputStructure",
            params.PointerParam,
            pointerClass="AtomStruct",
            important=True,
            label="Atomic model",
            help="Fitted to the map.",
        )
        addSettings(form, without(rows(settings.QscoreSettings), HANDED_OVER))
        addThreads(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        named = engineOptions(self, without(rows(settings.QscoreSettings), HANDED_OVER))
        options = [*named, *self._originOptions(self.inputVolume.get()), *self._extra()]
        files = self._filesOf("inputVolume", "inputStructure")
        self._insertFunctionStep(self.scoreStep, files, options, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, files, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def scoreStep(self, files, options):
        volume = self._engineMap(self.inputVolume.get(), "map")
        halves = self._halfMapOptions(self.inputVolume.get())
        self._runEngine("qscore", [os.path.abspath(files[1]), volume, *options, *halves], [SCORED_MODEL_FILE, Q_SCRIPT])

    def createOutputStep(self, files, _options):
        structure = self._scoredStructure(
            SCORED_MODEL_FILE, "qscore", [Q_COLUMN], files[1], self.inputVolume.get(), self._results()["place"]
        )
        self._defineOutputs(**{self._OUTNAME: structure})
        for source in (self.inputVolume, self.inputStructure):
            self._defineSourceRelation(source, structure)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        return self._missingModel(self.inputStructure.get())

    def _summary(self):
        if not hasattr(self, self._OUTNAME):
            return [self._progress()] if self.isActive() else ["Not scored yet."]
        results = self._results()
        lines = [f"Mean Q {results['mean_q']:.3f} of {results['atoms']} atoms (σ {results['sigma']:g} Å)"]
        lines += [f"Note: {line}" for line in results["about_map"]]
        lines += [f"{kind.replace('_', ' ')}: {mean:.3f}" for kind, mean in results["mean_q_by_class"].items()]
        lines += [f"Expected of {kind} at this resolution: {value:.3f}" for kind, value in results["expected_q"].items()]
        lines += results["quality"]["lines"]
        if results["atoms_outside"]:
            lines.append(
                shortened(
                    f"{results['atoms_outside']} atoms lie outside the map and have no Q, of "
                    f"{', '.join(results['residues_outside'])}"
                )
            )
        if results["unknown_residues"]:
            lines.append(shortened(f"No class is known for {', '.join(results['unknown_residues'])}"))
        return lines

    def _methods(self):
        if not hasattr(self, self._OUTNAME):
            return []
        results = self._results()
        return [
            f"The Q-score [Pintilie2020] with a reference Gaussian of {results['sigma']:g} Å is {results['mean_q']:.3f}, "
            f"the mean of {results['atoms']} atoms."
        ]

    def _citations(self):
        return ["Pintilie2020", "Chen2023"]
