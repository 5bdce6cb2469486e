"""What a command has left in a folder, as objects with arrays and units; read when asked for."""

import html
import json
from functools import cached_property
from pathlib import Path

from gmmrefine.errors import InputError
from gmmrefine.figures.result_plots import class_figure, fsc_figure, latent_figure, resolution_figure, status_figure
from gmmrefine.io.curves import read_curves
from gmmrefine.io.gmm_file import read_gmm
from gmmrefine.io.mrc import read_map
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.io.star import read_star
from gmmrefine.settings import FSC_THRESHOLD

_SHORT = (str, int, float, bool)  # what stands in one line


_CURVES = {"gmmFsc": "corrected for the mask", "gmmFscUnmasked": "without mask"}
_PLOTS = {
    "audit": "_plot_audit",
    "qscore": "_plot_scores",
    "heterogeneity": "_plot_motions",
    "local-resolution": "_plot_local_resolution",
}  # of a command; all others show the FSC


class Result:
    """The results of one command.

    Parameters
    ----------
    folder : path
        Of the results; None for a command that leaves none.
    command : str
    """

    def __init__(self, folder, command):
        self.folder, self.command = None if folder is None else Path(folder), command

    @cached_property
    def _record(self):
        return json.loads(self.path("run.json").read_text(encoding="utf-8"))

    @property
    def values(self):
        """Results of run.json, dict: resolutions in Å, texts, tables."""
        return self._record["results"]

    @cached_property
    def particles(self):
        """ParticleSet with ``rotations`` (N, 3, 3) and ``shifts`` (N, 2) in Å."""
        return read_particle_set(str(self.path("particles.star")))

    @cached_property
    def map(self):
        """Volume with ``data`` (Z, Y, X) and ``voxel_size`` in Å."""
        return read_map(str(self.path("map.mrc")))

    @cached_property
    def half_maps(self):
        """Both half maps, pair of Volume."""
        return tuple(read_map(str(self.path(f"half_map_{number}.mrc"))) for number in (1, 2))

    @cached_property
    def mask(self):
        """Volume of the mask, 0 to 1."""
        return read_map(str(self.path("mask.mrc")))

    @cached_property
    def fsc(self):
        """Curves (S,) by name, dict: ``gmmFrequency`` in 1/Å, ``gmmFsc`` …"""
        return read_curves(str(self.path("fsc.star")))

    @cached_property
    def gmms(self):
        """The GMM of each half map, pair of Gmm."""
        return tuple(read_gmm(str(self.path(f"gmm_half_{number}.star"))) for number in (1, 2))

    def table(self, name):
        """A STAR file of the folder, dict of StarBlock."""
        return read_star(str(self.path(name)))

    def path(self, name):
        """Path of a file of the results.

        Raises
        ------
        InputError
            The command has not written it.
        """
        if self.folder is None:
            raise InputError(f"{self.command} writes no folder of results.")
        path = self.folder / name
        if not path.exists():
            there = ", ".join(sorted(one.name for one in self.folder.iterdir() if one.is_file()))
            raise InputError(f"{path}: {self.command} has not written it. There are {there}.")
        return path

    def volume(self, name):
        """A map of the folder by the name of its file, Volume."""
        return read_map(str(self.path(name)))

    def plot(self):
        """What to look at first, a matplotlib Figure.

        The FSC; of an audit what became of ligands, ions, lipids and waters; of Q-scores their mean by class; of
        conformations how far particles move; of a local resolution its histogram.
        """
        return getattr(self, _PLOTS.get(self._record["command"], "_plot_fsc"))()  # of rerun that of the command repeated

    def _plot_fsc(self):
        curves = {label: self.fsc[name] for name, label in _CURVES.items() if name in self.fsc}
        threshold = self._record["settings"].get("fsc_threshold", FSC_THRESHOLD.default)
        return fsc_figure(self.fsc["gmmFrequency"], curves, self.values.get("resolution_text", ""), threshold)

    def _plot_audit(self):
        return status_figure(self.values["counts"])

    def _plot_scores(self):
        classes = self.table("classes.star")["classes"]
        return class_figure(classes.strings("gmmClass"), classes.numbers("gmmQMean"))

    def _plot_motions(self):
        latent = self.table("latent.star")["latent"]
        columns = map(latent.numbers, ("gmmLatent1", "gmmMotion", "rlnRandomSubset"))
        return latent_figure(*columns, self.values["verdict"])

    def _plot_local_resolution(self):
        values = self.volume("local_resolution.mrc").data
        return resolution_figure(values[values > 0])

    def report(self):
        """Write the page of the command ``report``; its path."""
        from gmmrefine.report.report import report

        return report(str(self.folder))[0]

    def __repr__(self):
        lines = [f"{self.command}: {self.folder}"]
        return "\n".join(lines + [f"  {name}: {value}" for name, value in self._short()])

    def _repr_html_(self):
        rows = ("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in self._short())
        return f"<b>{html.escape(self.command)}</b> {html.escape(str(self.folder))}<table>{''.join(rows)}</table>"

    def _short(self):
        """Names and values of results that stand in one line."""
        if self.folder is None or not (self.folder / "run.json").exists():
            return []
        return [(name, value) for name, value in self.values.items() if isinstance(value, _SHORT)]
