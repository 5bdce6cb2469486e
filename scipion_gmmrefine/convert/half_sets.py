# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Half sets of particles, kept on their way through other plugins."""

from pyworkflow.object import Integer

from scipion_gmmrefine.constants import HALF_SET


def sayHalfSets(particles):
    """Have a set say that its particles carry half sets.

    The converter of scipion-em-cryosparc2 (5.0.1) asks the set, not its particles, for the column, and else draws the halves
    anew by the parity of the ids. The value itself is asked by nobody.

    Parameters
    ----------
    particles : SetOfParticles
        Filled.
    """
    first = particles.getFirstItem()
    if first is not None and first.hasAttribute(HALF_SET):
        setattr(particles, HALF_SET, Integer(0))
