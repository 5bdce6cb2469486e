# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What the protocols that take particles with poses share."""

from pwem.objects import EMSet
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import HALF_SET, INPUT_FILE, PARENT_PARTICLE, PARTICLES_FILE
from scipion_gmmrefine.convert.half_sets import sayHalfSets
from scipion_gmmrefine.convert.images import stackFileName, unreadableStack
from scipion_gmmrefine.convert.optics import unknownGroups
from scipion_gmmrefine.convert.star_reader import RefinedPoses, leftOut
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.protocols.form import addSettings, rows
from scipion_gmmrefine.protocols.protocol_base import EngineProtocol


def particleCount(particles):
    """How many particles a set shows: symmetry copies of one count once."""
    if not particles.getFirstItem().hasAttribute(PARENT_PARTICLE):
        return particles.getSize()
    return len({row[PARENT_PARTICLE] for row in particles.aggregate(["COUNT"], PARENT_PARTICLE, [PARENT_PARTICLE])})


def countParticles(particles):
    """``particleCount`` in words, e.g. 90 particles (270 images with their symmetry copies)."""
    count, size = particleCount(particles), particles.getSize()
    return f"{count} particles" + (f" ({size} images with their symmetry copies)" if count < size else "")


class ParticlesProtocol(EngineProtocol):
    """Mixin of protocols whose input is a set of particles with poses and CTF."""

    WITH_MODEL = "model is not None"  # when the form asks how an atomic model lies to the maps

    # --------------------------- DEFINE param functions ----------------------
    def _defineParticles(self, form):
        """Begin the form with the input particles."""
        form.addSection(label="Input")
        form.addParam(
            "inputParticles",
            params.PointerParam,
            pointerClass="SetOfParticles",
            important=True,
            pointerCondition="hasAlignmentProj and hasCTF",
            label="Input particles",
            help="Particles with 3D poses and CTF. The half sets of their refinement (_rlnRandomSubset) are "
            "kept; the protocol *GMM import particles* of this plugin brings them along.",
        )

    def _defineImages(self, form):
        """The section of how images are read."""
        form.addSection(label="Images")
        addSettings(form, rows(settings.ParticlesRead))

    # --------------------------- INSERT steps functions ----------------------
    def _insertConversion(self):
        return self._insertFunctionStep(self.convertInputStep, *self._inputIdentity(), needsGPU=False)

    def _inputIdentity(self):
        """What tells, when a run continues, whether the input is still the same."""
        return self.inputParticles.get().getObjId(), self.inputParticles.get().getSize()

    # --------------------------- STEPS functions ------------------------------
    def convertInputStep(self, _particlesId, _size):
        writeParticles(self.inputParticles.get(), self._getExtraPath(INPUT_FILE), self._getExtraPath("stacks"))

    def _refinedParticles(self, folder="", suffix="", further=None):
        """The input particles at the poses of a folder of the engine; further results by column in the order of its file."""
        source = self.inputParticles.get()
        gone = leftOut(self._getExtraPath())
        ids = [
            particle.getObjId()
            for particle in source.iterItems()
            if EMSet.isItemEnabled(particle) and particle.getObjId() not in gone
        ]
        poses = RefinedPoses(self._getExtraPath(folder, PARTICLES_FILE), ids, source.getSamplingRate(), further)
        particles = self._createSetOfParticles(suffix)
        particles.copyInfo(source)
        particles.setAlignmentProj()
        particles.copyItems(self._itemsOf(source), updateItemCallback=poses.update)
        sayHalfSets(particles)
        return particles

    def _itemsOf(self, particles):
        """The particles of a set, as they shall stand in the output."""
        return particles.iterItems()

    def _mapGrid(self):
        """Box in px and sampling rate in Å/px of maps and masks; box 0 where the engine chooses it."""
        particles, form = self.inputParticles.get(), self._formOfGrid()
        samplingRate, box = form.targetPixelSize.get(), form.targetBox.get()
        if not samplingRate:
            return box or particles.getXDim() + particles.getXDim() % 2, particles.getSamplingRate()
        return box, samplingRate

    def _formOfGrid(self):
        """The protocol whose form names the grid."""
        return self

    # --------------------------- INFO functions -------------------------------
    def _validatePoses(self, particles):
        first = particles.getFirstItem()
        if not particles.hasAlignmentProj() or not first.hasTransform():
            return ["The input particles have no 3D poses.\nTake the output of a 3D refinement."]
        if not particles.hasCTF() or not first.hasCTF():
            return ["The input particles have no CTF.\nAssign the CTF before the refinement."]
        groups = unknownGroups(particles)
        if groups:
            return [
                f"The input particles come from {groups} optics groups that differ, but do not say from which each comes "
                "(_rlnOpticsGroup).\nThe import that made them has lost that: import them with *GMM import particles*."
            ]
        return [message for message in [unreadableStack(stackFileName(first))] if message]

    def _validateHalves(self, particles):
        if not particles.getFirstItem().hasAttribute(HALF_SET):
            if self.splitHalves.get():
                return []
            return [
                "The input particles carry no half sets (_rlnRandomSubset).\nTake the output of a refinement that "
                "keeps them, import the particles with this plugin, or draw halves with the expert option "
                f"'{settings.SPLIT_HALVES.form_label}' if these poses never saw a common reference."
            ]
        counts = {row[HALF_SET]: row["COUNT"] for row in particles.aggregate(["COUNT"], HALF_SET, [HALF_SET])}
        foreign = sum(count for half, count in counts.items() if half not in (1, 2))
        if foreign:
            return [
                f"{foreign} of {particles.getSize()} particles have a half set other than 1 or 2.\nRemove them, or "
                "take the half sets of the upstream refinement."
            ]
        empty = [half for half in (1, 2) if half not in counts]
        return (
            [
                f"Half set {empty[0]} is empty: all particles are in half {3 - empty[0]}.\nBoth halves of the upstream "
                "refinement are needed."
            ]
            if empty
            else []
        )

    def _warnings(self):
        particles = self.inputParticles.get()
        if particles is None:
            return []
        messages = []
        if self.splitHalves.get() and not particles.getFirstItem().hasAttribute(HALF_SET):
            messages.append(
                "Half sets are drawn here. If these poses were refined against one common map, the FSC "
                "will overestimate the resolution."
            )
        box = particles.getXDim()
        if box % 2:
            messages.append(
                f"The particles have an odd box of {box} px. Poses are taken to be about pixel {(box + 1) // 2}, "
                "counted from 0, as RELION has them; maps get an even box."
            )
        if particles.isAmplitudeCorrected():
            messages.append(
                "The CTF amplitudes of these images were corrected before. The CTF is applied to the model "
                "as if they were not; particles without that correction are better."
            )
        return messages
