"""ONNX Runtime as the reference, where a model does not hold what its inputs say."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.quantize.calibrate import observe_channels
from tests.graph.build import parsed


def test_a_model_of_open_size_that_works_at_one_is_explained() -> None:
    model = parsed("out = Add(image, t)", {"t": np.zeros((1, 3, 8, 10), np.float32)}, "h,w", 3)
    assert isinstance(model, ir.Model)
    assert observe_channels(model, [np.zeros((8, 10, 3), np.uint8)], 1.0)
    with pytest.raises(ModelError, match=r"image of 12x10.*height and width fixed"):
        observe_channels(model, [np.zeros((12, 10, 3), np.uint8)], 1.0)
