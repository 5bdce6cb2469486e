"""What was done to a map, seen from its values alone: a mask around which it is constant, noise that sharpening has raised."""

from typing import Tuple

import numpy as np

_MASKED = 0.05  # of the voxels; constant in themselves and towards their neighbours along all axes
_CUT = 1e-3  # of the voxels
_INNER, _OUTER = (15.0, 7.0), 0.75  # Å; part of Nyquist from which the outer shells count
_FINEST_NEEDED = 0.15  # 1/Å, Nyquist of maps that can tell
_AGREES = 0.5  # FSC with the model, of shells that are not noise
_RAISED = 0.3  # a molecule alone has less than 0.01 there


def constant_part(data: np.ndarray) -> Tuple[float, float]:
    """The value of the map's largest constant region and the part of the box it fills; (0.0, 0.0) where it is small.

    Parameters
    ----------
    data : (Z, Y, X) float
    """
    same = data[:-1, :-1, :-1] == data[1:, :-1, :-1]
    same &= data[:-1, :-1, :-1] == data[:-1, 1:, :-1]
    same &= data[:-1, :-1, :-1] == data[:-1, :-1, 1:]
    values, counts = np.unique(data[:-1, :-1, :-1][same], return_counts=True)
    if not len(values) or counts.max() < _MASKED * same.size:
        return 0.0, 0.0
    return float(values[counts.argmax()]), float(np.mean(data == values[counts.argmax()]))


def noise_rise(power: np.ndarray, frequency: np.ndarray, fsc: np.ndarray) -> float:
    """Power in the last quarter before Nyquist over that at 7 to 15 Å, where it is noise; 0 where the model agrees there.

    A molecule's amplitudes fall with the resolution however far they are sharpened; where they rise noise was sharpened.

    Parameters
    ----------
    power, frequency, fsc : (S,) float
        Mean of the shell, 1/Å, and correlation with the model.
    """
    inner = (frequency > 1 / _INNER[0]) & (frequency < 1 / _INNER[1])
    outer = frequency > _OUTER * frequency[-1]
    if frequency[-1] < _FINEST_NEEDED or not inner.any() or np.abs(fsc[outer]).mean() > _AGREES:
        return 0.0
    return float(power[outer].mean() / max(power[inner].mean(), 1e-30))


def is_noise_raised(rise: float, rise_in_reference: float = 0.0) -> bool:
    """Whether sharpening without a low-pass has raised the noise of a map, by ``noise_rise`` of it and of its reference.

    Parameters
    ----------
    rise : float
        Of the map.
    rise_in_reference : float
        Of the map it was made of, 0 where there is none.
    """
    return rise > _RAISED and rise > 2 * rise_in_reference


def cut_part(data: np.ndarray) -> float:
    """The part of the voxels that share the map's highest value, where they are too many to be a peak; else 0.

    Parameters
    ----------
    data : (Z, Y, X) float
    """
    part = float(np.mean(data == data.max()))
    return part if part > _CUT else 0.0
