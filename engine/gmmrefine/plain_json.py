"""JSON that every program reads: NumPy's numbers as numbers, and null where a number is not finite."""

import json
import math
from typing import Any

import numpy as np


def to_json(content: Any, **options: Any) -> str:
    """JSON text of content that may hold NumPy arrays and numbers, NaN and infinities; options as of ``json.dumps``."""
    return json.dumps(_plain(content), allow_nan=False, **options)


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
