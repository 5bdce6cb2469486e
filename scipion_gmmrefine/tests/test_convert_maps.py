"""Maps and scores of atoms between Scipion and the engine."""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import mrcfile
import numpy as np
from pwem.convert.atom_struct import NAME, SPEC, VALUE, AtomicStructHandler
from pwem.emlib.image import ImageHandler
from pwem.objects import Transform
from pyworkflow.tests import BaseTest

from scipion_gmmrefine.convert.attributes import writeAtomAttributes
from scipion_gmmrefine.convert.maps import mrcMap, originOf
from scipion_gmmrefine.protocols.protocol_audit import mapNames
from scipion_gmmrefine.tests.sets import BOX, PIXEL_SIZE, writeVolume

SCORED = """\
data_
_entry.id ''
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.label_atom_id
_atom_site.auth_asym_id
_atom_site.auth_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.Q_score
_atom_site.Q_change
ATOM 1 CA A 5 ? 0.812 0.010
ATOM 2 CA A 5 B -0.100 -0.200
HETATM 3 "O5'" A 6 ? ? 0.300
"""


class TestMaps(BaseTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.volume = writeVolume(self.folder / "map.mrc")
        self.data = mrcfile.read(self.volume.getFileName())
        self.target = str(self.folder / "maps" / "copy.mrc")

    def read(self, fileName):
        """Sampling rate, place of the first voxel, data."""
        with mrcfile.open(fileName) as handle:
            return float(handle.voxel_size.y), [float(handle.header.origin[axis]) for axis in "xyz"], handle.data.copy()

    def test_a_header_that_agrees_needs_no_copy(self):
        name = self.volume.getFileName()
        self.assertEqual(mrcMap(f"{name}:mrc", self.target, PIXEL_SIZE), os.path.abspath(name))
        self.assertFalse(os.path.exists(self.target))

    def test_origin_of_scipion_has_the_box_centre_at_0_where_none_is_kept(self):
        np.testing.assert_allclose(originOf(self.volume), 3 * [-BOX / 2 * PIXEL_SIZE])
        self.volume.setOrigin(Transform())
        self.volume.getOrigin().setShifts(1, -2, 3.5)
        np.testing.assert_allclose(originOf(self.volume), [1, -2, 3.5])

    def test_sampling_rate_of_scipion_goes_into_a_copy(self):
        made = mrcMap(self.volume.getFileName(), self.target, 1.5)
        self.assertEqual(made, self.target)
        samplingRate, origin, data = self.read(made)
        self.assertEqual((samplingRate, origin), (1.5, [0, 0, 0]))
        np.testing.assert_array_equal(data, self.data)
        self.assertEqual(self.read(self.volume.getFileName())[:2], (PIXEL_SIZE, [0, 0, 0]))

    def test_a_corrected_copy_keeps_the_place_of_the_header(self):
        with mrcfile.open(self.volume.getFileName(), mode="r+") as handle:
            handle.nstart = (-4, 2, 6)
        made = mrcMap(self.volume.getFileName(), self.target, 2 * PIXEL_SIZE)
        self.assertEqual(self.read(made)[:2], (2 * PIXEL_SIZE, [-4 * PIXEL_SIZE, 2 * PIXEL_SIZE, 6 * PIXEL_SIZE]))
        with mrcfile.open(made) as handle:
            self.assertEqual(handle.nstart.x, 0)
        with mrcfile.open(self.volume.getFileName(), mode="r+") as handle:
            handle.header.origin = (3, 4, 5)
        made = mrcMap(self.volume.getFileName(), self.target, 2 * PIXEL_SIZE)
        self.assertEqual(self.read(made)[1], [3, 4, 5])
        with mrcfile.open(made) as handle:
            self.assertEqual(handle.nstart.x, -4)  # the engine looks there too

    def test_a_header_without_intervals_gets_the_sampling_rate(self):
        with mrcfile.open(self.volume.getFileName(), mode="r+") as handle:
            handle.nstart = (-4, 2, 6)
            handle.header.mx = handle.header.my = handle.header.mz = 0
        made = mrcMap(self.volume.getFileName(), self.target, 1.5)
        self.assertEqual(self.read(made)[:2], (1.5, [-6, 3, 9]))

    def test_other_formats_are_converted(self):
        other = str(self.folder / "map.vol")
        ImageHandler().convert(self.volume.getFileName(), other)
        samplingRate, _, data = self.read(mrcMap(other, self.target, PIXEL_SIZE))
        self.assertEqual(samplingRate, PIXEL_SIZE)
        np.testing.assert_allclose(data, self.data, atol=1e-6)

    def test_names_of_maps_are_those_of_their_runs_and_differ(self):
        def pointer(run, output):
            return SimpleNamespace(getObjValue=lambda: SimpleNamespace(getObjLabel=lambda: run), getExtended=lambda: output)

        self.assertEqual(
            mapNames(
                [
                    pointer("pwem - import volumes", "outputVolume"),
                    pointer("DeepEMhancer (tight)", "Volume"),
                    pointer("plugin - GMM sharpen", "outputVolume"),
                    pointer("plugin - GMM sharpen", "outputUnmodified"),
                    pointer("plugin - GMM sharpen", "outputVolume"),
                    pointer("GMM sharpen", "outputVolume"),
                ]
            ),
            [
                "import_volumes",
                "DeepEMhancer_tight_Volume",
                "GMM_sharpen",
                "GMM_sharpen_Unmodified",
                "GMM_sharpen_2",
                "GMM_sharpen_3",
            ],
        )

    def test_scores_become_scipions_attributes(self):
        source, target = self.folder / "scored.cif", str(self.folder / "attribute.cif")
        source.write_text(SCORED)
        writeAtomAttributes(str(source), target, ("Q_change", "Q_score"))
        content = AtomicStructHandler().readLowLevel(target)
        self.assertEqual(content[NAME], 3 * ["Q_change"] + 3 * ["Q_score"])
        self.assertEqual(content[SPEC], 2 * ["A:5@CA", "A:5B@CA", "A:6@O5'"])
        self.assertEqual(content[VALUE], ["0.010", "-0.200", "0.300", "0.812", "-0.100", "nan"])
        self.assertEqual(content["_atom_site.label_atom_id"], ["CA", "CA", "O5'"])
