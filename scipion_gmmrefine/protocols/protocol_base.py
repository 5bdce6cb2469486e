"""What the protocols that start the engine share."""
import os

from scipion_gmmrefine import Plugin
from scipion_gmmrefine.convert.tables import readProgress, readRun


class EngineProtocol:
    """Mixin of protocols whose work is one command of the engine in the protocol's extra folder."""

    def _runEngine(self, command, arguments, outputs):
        """Run a command; `outputs` are names in the extra folder that must exist afterwards."""
        Plugin.runEngine(self, command, [*arguments, "-o", self._getExtraPath()],
                         [self._getExtraPath(name) for name in outputs])

    def _results(self):
        """Results of the finished run, empty before."""
        return readRun(self._getExtraPath()).get("results", {})

    def _progress(self):
        """One line about a running engine, for the summary."""
        events = readProgress(self._getExtraPath())
        if not events:
            return "The engine has not reported yet."
        words = [str(events.get("step", "running"))]
        if events.get("iteration") is not None:
            words.insert(0, f"Iteration {events['iteration']}")
        if events.get("half"):
            words.append(f"half {events['half']}")
        if events.get("resolution"):
            words.append(f"{events['resolution']:.2f} Å")
        if events.get("particles_per_s"):
            words.append(f"{events['particles_per_s']:.0f} particles/s")
        if events.get("eta_s"):
            words.append(f"{_duration(events['eta_s'])} left of this step")
        return ", ".join(words) + "."

    def _missingFile(self, parameter, label):
        """An error when a path of the form leads nowhere."""
        path = getattr(self, parameter).get()
        return [f"{label}: {path} does not exist.\nChoose a file that this computer can read."] \
            if path and not os.path.exists(path) else []


def _duration(seconds):
    """Minutes or hours in words."""
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def describeResolution(resolution, text=""):
    """A resolution in Å for the summary, or why there is none."""
    return text or (f"{resolution:.2f} Å" if resolution else "none")
