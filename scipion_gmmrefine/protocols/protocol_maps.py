"""What the protocols that take maps of any protocol share."""
import os

from pwem.objects import AtomStruct, Volume
from pyworkflow.protocol import params

from scipion_gmmrefine.convert.attributes import writeAtomAttributes
from scipion_gmmrefine.convert.images import halfMapFiles
from scipion_gmmrefine.convert.maps import mrcMap, originOf
from scipion_gmmrefine.protocols.form_checks import withoutHalfMaps, wrongGrid
from scipion_gmmrefine.protocols.protocol_base import MAPS_FOLDER, EngineProtocol

SCIPION, HEADER = range(2)


class MapProtocol(EngineProtocol):
    """Mixin of protocols whose input are density maps, which may come from any program."""

    # --------------------------- DEFINE param functions ----------------------
    def _definePlace(self, form, condition=None):
        """The row that says how map and atomic model lie to each other."""
        form.addParam("placeFrom", params.EnumParam, choices=["Scipion", "header of the map"], default=SCIPION,
                      display=params.EnumParam.DISPLAY_HLIST, label="Place of the map from", condition=condition,
                      help="Where the map lies in the frame of the atomic model. Scipion: the origin that Scipion keeps with "
                           "the volume; where it keeps none the centre of the box is at 0, as in its ChimeraX protocols. "
                           "Header of the map: what ChimeraX or Coot take when they open the file themselves.")

    # --------------------------- INSERT steps functions ----------------------
    def _filesOf(self, *rows):
        """File of every row that points to something, for a step to tell whether its input is still the same."""
        return [getattr(self, row).get().getFileName() for row in rows if getattr(self, row).get() is not None]

    # --------------------------- STEPS functions ------------------------------
    def _engineMap(self, volume, name, placed=False, fileName=None):
        """Path of a volume, or of another file on its grid, with Scipion's sampling rate in its header.

        Parameters
        ----------
        volume : Volume
        name : str
            Of a corrected copy, without extension.
        placed : bool
            Put it where the form says; else where its header says.
        fileName : str, optional
            A half map of the volume.
        """
        origin = originOf(volume) if placed and self.placeFrom.get() == SCIPION else None
        return mrcMap(fileName or volume.getFileName(), self._getExtraPath(MAPS_FOLDER, f"{name}.mrc"),
                      volume.getSamplingRate(), origin)

    def _engineHalfMaps(self, volume, placed=False, name="half_map"):
        """Paths of a volume's two half maps, with Scipion's sampling rate in their headers; put where the form says or not."""
        return [self._engineMap(volume, f"{name}_{number}", placed, fileName)
                for number, fileName in enumerate(halfMapFiles(volume), 1)]

    def _mapLike(self, volume, fileName):
        """A result on the grid of a volume, in the same place for Scipion."""
        result = Volume()
        result.setFileName(self._getExtraPath(fileName))
        result.setSamplingRate(volume.getSamplingRate())
        if volume.hasOrigin():
            result.setOrigin(volume.getOrigin())
        return result

    def _scoredStructure(self, source, suffix, columns, model, volume):
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
        """
        target = self._getPath(f"{os.path.basename(model).split('.')[0]}_{suffix}.cif")
        writeAtomAttributes(self._getExtraPath(source), target, columns)
        structure = AtomStruct(filename=target)
        structure.setVolume(volume.clone())
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
