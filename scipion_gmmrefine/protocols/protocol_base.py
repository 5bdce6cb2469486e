# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What the protocols that start the engine share."""

import inspect
import os
import shlex
import textwrap

from pwem.objects import EMSet, Volume, VolumeMask
from pyworkflow.protocol import Protocol

from gmmrefine import settings
from scipion_gmmrefine import Plugin
from scipion_gmmrefine.constants import FSC_FILE, HALF_MAP_FILES, MAP_FILE
from scipion_gmmrefine.convert.maps import mrcMap
from scipion_gmmrefine.convert.progress import EVENTS_FILE, lastOf, readEvents, secondsOfIterations
from scipion_gmmrefine.convert.tables import readCurve, readRun
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.objects import GmmFSC
from scipion_gmmrefine.protocols.form_checks import wrongExtraArguments

MAPS_FOLDER = "maps"  # in the extra folder: corrected copies
LONGEST_LIST = 300  # characters of a summary
FSC_CURVES = {
    "gmmFsc": "corrected",
    "gmmFscUnmasked": "without mask",
    "gmmFscMasked": "with mask",
    "gmmFscRandomised": "phases randomised",
}


class EngineProtocol:
    """Mixin of protocols whose work is one command of the engine in the protocol's extra folder."""

    @classmethod
    def getClassLabel(cls, prependPackageName=True):
        """The label as it stands in tree and graph; it begins with GMM, so that the name of the package would only hide it."""
        return cls._label

    @classmethod
    def getHelpText(cls):
        """The help page with one line for each paragraph: Scipion breaks lines where its window ends."""
        paragraphs = inspect.cleandoc(cls.__doc__).split("\n\n")
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    def _runEngine(self, command, arguments, outputs, folder="", part=""):
        """Run a command in the extra folder, or a folder in it; `outputs` are names there that must exist afterwards.

        Who executes a protocol again after a computer of the queue died has given that run up. So the engine is always allowed
        to take over what was silent for ten minutes; a run that still lives is refused all the same.
        """
        self._refuseTwice(command, arguments)
        Plugin.runEngine(
            self,
            command,
            [*self._withSamplingRates(arguments), settings.TAKE_OVER.option, "-o", self._getExtraPath(folder)],
            [self._getExtraPath(folder, name) for name in outputs],
            part,
        )

    def _extra(self):
        """The extra arguments of the form as a list."""
        return shlex.split(self._extraText())

    def _extraText(self):
        """The row of extra arguments; empty where the form has none."""
        return (self.extraArguments.get() or "") if hasattr(self, "extraArguments") else ""

    def _refuseTwice(self, command, arguments):
        """Refuse extra arguments that this protocol gives by itself."""
        given = [str(word).partition("=")[0] for word in arguments]
        twice = [
            word
            for word in (word.partition("=")[0] for word in self._extra())
            if word.startswith("--") and given.count(word) > self._extra().count(word)
        ]
        if twice:
            raise EngineFailure(
                f"Extra arguments: {twice[0]} is given to 'gmmrefine {command}' by this protocol itself. Leave it out."
            )

    def _withSamplingRates(self, arguments):
        """The arguments, maps that settings of the form point to as MRC files whose header holds Scipion's sampling rate."""
        corrected = list(arguments)
        for setting in (settings.MASK, settings.FOCUS_MASK, settings.RESOLUTION_MAP):
            volume = getattr(self, setting.form_name).get() if hasattr(self, setting.form_name) else None
            if volume is not None and setting.option in corrected:
                place = corrected.index(setting.option) + 1
                corrected[place] = mrcMap(
                    corrected[place], self._getExtraPath(MAPS_FOLDER, f"{setting.name}.mrc"), volume.getSamplingRate()
                )
        return corrected

    def _results(self):
        """Results of the finished run, empty before."""
        return readRun(self._getExtraPath()).get("results", {})

    def _notes(self):
        """What the engine says that a reader of the results must know, for the summary."""
        return [f"Note: {note}." for note in self._results().get("notes", [])]

    def _progress(self, folder=""):
        """One line about an engine that runs in the extra folder, or a folder in it, for the summary."""
        events = readEvents(self._getExtraPath(folder))
        if not events:
            return "The engine has not reported yet."
        last, left = lastOf(events), self._secondsLeft(events)
        words = [str(last.get("step", "running"))]
        if last.get("iteration") is not None:
            words.insert(0, self._describeIteration(last["iteration"]))
        if last.get("epoch"):
            words.append(f"epoch {last['epoch']} of {self.epochs.get()}")
        if last.get("half"):
            words.append(f"half {last['half']}")
        if last.get("resolution"):
            reached = last["resolution"] if isinstance(last["resolution"], list) else [last["resolution"]]
            words.append(", ".join(map(describeResolution, reached)))
        if last.get("particles_per_s"):
            words.append(f"{last['particles_per_s']:.0f} particles/s")
        if left:
            words.append(f"at most {duration(left)} left")
        elif left is None and last.get("eta_s"):
            words.append(f"{duration(last['eta_s'])} left of this step")
        return ", ".join(words) + "."

    ITERATIONS_ROW = "iterations"  # of the form, where the engine works in iterations

    def _describeIteration(self, number):
        """Which iteration of how many; 0 are the start poses."""
        if number == 0:
            return "Start poses"
        return f"Iteration {number} of {self._mostIterations()}" if self._mostIterations() else f"Iteration {number}"

    def _mostIterations(self):
        """How many iterations the form asks for at most; None where it has no such row."""
        return getattr(self, self.ITERATIONS_ROW).get() if hasattr(self, self.ITERATIONS_ROW) else None

    def _secondsLeft(self, events):
        """How long the engine still needs at most, from what it has reported; None where that cannot be told."""
        return secondsOfIterations(events, self._mostIterations()) if self._mostIterations() else None

    def _whatIsGoingOn(self):
        """The summary of a run that has no results yet."""
        return [self._progress()] if os.path.exists(self._getExtraPath(EVENTS_FILE)) else ["Not started yet."]

    def _directions(self):
        """The resolution by direction and whether views are preferred, for the summary."""
        text = self._results().get("directions_text")
        return [f"By direction: {text}."] if text else []

    def _resolution(self):
        """The resolution of the finished run in words."""
        results = self._results()
        return describeResolution(results.get("resolution"), results.get("resolution_text", ""))

    def _describeSymmetry(self):
        """How well the map has the symmetry that was asked for, for the summary."""
        share = self._results().get("symmetry_agreement")
        if share is None:
            return "Whether the molecule has this symmetry was not measured (see the log)."
        return f"Turned by the symmetry, the map correlates with itself to {share:.0%} of what its half maps allow."

    def _volume(self, samplingRate, mapFile=MAP_FILE, halfFiles=HALF_MAP_FILES, folder=""):
        """A map of the engine with its half maps."""
        volume = Volume()
        volume.setFileName(self._getExtraPath(folder, mapFile))
        volume.setSamplingRate(samplingRate)
        volume.setHalfMaps([self._getExtraPath(folder, name) for name in halfFiles])
        return volume

    def _mask(self, samplingRate, fileName):
        """A mask of the engine."""
        mask = VolumeMask()
        mask.setFileName(self._getExtraPath(fileName))
        mask.setSamplingRate(samplingRate)
        return mask

    def _fscs(self, columns=FSC_CURVES, **more):
        """The set of the engine's FSC curves, labels by their columns; `more` are files of further ones by their labels."""
        curves = self._createSetOfFSCs()
        files = {label: (FSC_FILE, column) for column, label in columns.items()}
        files.update({label: (name, "gmmFsc") for label, name in more.items()})
        for label, (name, column) in files.items():
            curve = GmmFSC()
            curve.setObjLabel(label)
            curve.setData(*(values.tolist() for values in readCurve(self._getExtraPath(name), column)))
            curves.append(curve)
        return curves

    def validate(self):
        """Errors of the form, among them those of an optional input that is not there yet and must not be taken for empty.

        None of a scheduled run whose inputs have all finished: Scipion's scheduler would wait for ever for its errors to go
        away. So it starts the run, which begins with this check and fails with what it says.
        """
        errors = [
            *super().validate(),
            *self._inputsNotYetThere(),
            *self._openInputs(),
            *wrongExtraArguments(self, self._extraText()),
        ]
        return [] if self.isScheduled() and self._inputsHaveFinished() else errors

    def _inputsNotYetThere(self):
        """Errors of optional rows that point to an output that its protocol has not made; Scipion reports the other rows."""
        return [
            f"*{self.getParam(row).label}* is an output of {pointer.getObjValue().getRunName()} that is not there.\nWait until "
            "that protocol has finished, choose something else, or leave the row empty."
            for row, pointer in self.iterInputPointers()
            if self.getParam(row).allowsNull and pointer.hasValue() and pointer.get() is None and self.evalParamCondition(row)
        ]

    def _openInputs(self):
        """Errors of input sets that are still being filled: a scheduled run waits until they are closed."""
        return [
            f"*{self.getParam(row).label}*: {pointer.getObjValue()} is still being filled (streaming).\nWait until its "
            "protocol has closed it; a scheduled run waits by itself."
            for row, pointer in self.iterInputPointers()
            if isinstance(pointer.get(), EMSet) and pointer.get().isStreamOpen() and self.evalParamCondition(row)
        ]

    def _inputsHaveFinished(self):
        """Whether nothing that this protocol points to can still change."""
        sources = [pointer.getObjValue() for _, pointer in self.iterInputAttributes()]
        return all(source.isFinished() for source in sources if isinstance(source, Protocol))

    def _missingFile(self, parameter, label):
        """An error when a path of the form leads nowhere."""
        path = getattr(self, parameter).get()
        return (
            [f"{label}: {path} does not exist.\nChoose a file that this computer can read."]
            if path and not os.path.exists(path)
            else []
        )


def duration(seconds):
    """Seconds, minutes or hours in words."""
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def sentence(text):
    """A text with a capital first, as lines of the summary; Scipion breaks them where its window ends."""
    return [text[0].upper() + text[1:]] if text else []


def shortened(text):
    """A long list, cut where nobody reads on."""
    return textwrap.shorten(text, LONGEST_LIST, placeholder=" …")


def describeResolution(resolution, text=""):
    """A resolution in Å for the summary, or why there is none."""
    return text or (f"{resolution:.2f} Å" if resolution else "none")
