"""RELION's spelling of the columns that the engine reads; files that people or scripts have touched differ in case."""

from gmmrefine.errors import InputError
from gmmrefine.io.star import StarBlock

_KNOWN = """
rlnImageName rlnImageOriginalName rlnMicrographName rlnCoordinateX rlnCoordinateY rlnAngleRot rlnAngleTilt rlnAnglePsi
rlnOriginX rlnOriginY rlnOriginXAngst rlnOriginYAngst rlnDefocusU rlnDefocusV rlnDefocusAngle rlnPhaseShift rlnCtfBfactor
rlnCtfScalefactor rlnVoltage rlnSphericalAberration rlnAmplitudeContrast rlnMagnification rlnDetectorPixelSize rlnPixelSize
rlnImagePixelSize rlnImageSize rlnImageDimensionality rlnMicrographPixelSize rlnMicrographOriginalPixelSize rlnOpticsGroup
rlnOpticsGroupName rlnRandomSubset rlnClassNumber rlnGroupName rlnHelicalTubeID rlnCtfDataAreCtfPremultiplied
rlnCtfDataArePhaseFlipped rlnBeamTiltX rlnBeamTiltY rlnOddZernike rlnEvenZernike rlnMagMat00 rlnMagMat01 rlnMagMat10
rlnMagMat11 rlnCtfImage rlnTomoName rlnTomoParticleName rlnTomoVisibleFrames
""".split()
_SPELLING = {label.lower(): label for label in _KNOWN}


def spelled(block: StarBlock) -> StarBlock:
    """A block of which the columns are spelled as RELION spells them; others keep their names.

    Raises
    ------
    InputError
        Two columns differ in case only.
    """
    columns = {}
    for label, text in block.columns.items():
        name = _SPELLING.get(label.lower(), label)
        if name in columns:
            raise InputError(f"{block.source}, data_{block.name}: column {name} appears twice, once as {label}. Remove one.")
        columns[name] = text
    return block.with_columns(columns)
