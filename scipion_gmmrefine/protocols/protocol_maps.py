# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What the protocols that take maps of any protocol share."""

import os

from pwem.objects import AtomStruct, Transform, Volume

from gmmrefine import settings
from scipion_gmmrefine.convert.attributes import writeAtomAttributes
from scipion_gmmrefine.convert.images import halfMapFiles
from scipion_gmmrefine.convert.maps import mrcMap, originOf
from scipion_gmmrefine.protocols.form import isShown
from scipion_gmmrefine.protocols.form_checks import withoutHalfMaps, wrongGrid
from scipion_gmmrefine.protocols.protocol_base import MAPS_FOLDER, EngineProtocol

AUTO, HEADER, NSTART, GIVEN, CORNER, CENTER = range(len(settings.PLACE_FROM.choices))
HALF_MAPS = "--half-maps"
HANDED_OVER = (settings.FIRST_VOXEL,)  # Scipion keeps it with the volume


class MapProtocol(EngineProtocol):
    """Mixin of protocols whose input are density maps, which may come from any program."""

    # --------------------------- INSERT steps functions ----------------------
    def _filesOf(self, *rows):
        """File of every row that points to something, for a step to tell whether its input is still the same."""
        return [getattr(self, row).get().getFileName() for row in rows if getattr(self, row).get() is not None]

    def _originOptions(self, *volumes):
        """The origins that Scipion keeps with volumes as an option, where the engine is to look at them."""
        if not isShown(self, settings.PLACE_FROM) or self.placeFrom.get() not in (AUTO, GIVEN):
            return []
        origins = (" ".join(f"{value:.4f}" for value in originOf(volume)) for volume in volumes)
        return [f"{settings.FIRST_VOXEL.option}={';'.join(origins)}"]

    # --------------------------- STEPS functions ------------------------------
    def _engineMap(self, volume, name, fileName=None):
        """Path of a volume, or of another file on its grid, with Scipion's sampling rate in its header.

        Parameters
        ----------
        volume : Volume
        name : str
            Of a corrected copy, without extension.
        fileName : str, optional
            A half map of the volume.
        """
        return mrcMap(
            fileName or volume.getFileName(), self._getExtraPath(MAPS_FOLDER, f"{name}.mrc"), volume.getSamplingRate()
        )

    def _engineHalfMaps(self, volume, name="half_map"):
        """Paths of a volume's two half maps, with Scipion's sampling rate in their headers."""
        return [
            self._engineMap(volume, f"{name}_{number}", fileName) for number, fileName in enumerate(halfMapFiles(volume), 1)
        ]

    def _halfMapOptions(self, volume):
        """The half maps of a volume as an option of the engine, where the volume has both."""
        halves = halfMapFiles(volume)
        return [HALF_MAPS, *self._engineHalfMaps(volume)] if len(halves) == 2 and all(map(os.path.exists, halves)) else []

    def _mapLike(self, volume, fileName):
        """A result on the grid of a volume, in the same place for Scipion."""
        result = Volume()
        result.setFileName(self._getExtraPath(fileName))
        result.setSamplingRate(volume.getSamplingRate())
        if volume.hasOrigin():
            result.setOrigin(volume.getOrigin())
        return result

    def _scoredStructure(self, source, suffix, columns, model, volume, place):
        """An atomic model whose atoms carry scores as attributes.

        Parameters
        ----------
        source : str
            mmCIF file of the engine in the extra folder.
        suffix : str
            Told from the model's own file by it.
        columns : sequence of str
            Of the scores.
        model : str
            File that was scored.
        volume : Volume
            Map that it was scored in.
        place : dict
            How that lay to it, as the engine recorded it.
        """
        target = self._getPath(f"{os.path.basename(model).split('.')[0]}_{suffix}.cif")
        writeAtomAttributes(self._getExtraPath(source), target, columns)
        structure = AtomStruct(filename=target)
        structure.setVolume(volume.clone())
        where = Transform()
        where.setShifts(*place["first_voxel"])
        structure.getVolume().setOrigin(where)
        return structure

    # --------------------------- INFO functions -------------------------------
    def _missingModel(self, model):
        """An error when the file of an atomic model is gone."""
        if model is None or os.path.exists(model.getFileName()):
            return []
        return [f"The atomic model {model.getFileName()} does not exist.\nRun the protocol that makes it again."]


def unfitHalves(volume, mask):
    """Errors of a volume whose half maps are needed, and of a mask for them, or None."""
    errors = withoutHalfMaps(volume, "volume") + notACube(volume, "volume")
    if mask is not None:
        errors += wrongGrid(mask, volume.getXDim(), volume.getSamplingRate(), "mask")
    return errors


def notACube(volume, name):
    """An error when a volume has unequal sides."""
    x, y, z = volume.getDim()
    return [] if x == y == z else [f"The {name} has {x}×{y}×{z} voxels; a cube is needed.\nCrop or pad it to a cube."]
