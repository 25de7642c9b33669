"""Col2Im as a transposed convolution, against torch's fold and ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run

CASES = {
    "side by side": ((2, 2), (2, 2), (1, 1), (0, 0), (8, 10)),
    "overlapping": ((3, 3), (1, 1), (1, 1), (1, 1), (8, 10)),
    "strided and padded": ((3, 2), (2, 3), (1, 1), (1, 0), (9, 11)),
    "dilated": ((2, 2), (1, 2), (2, 3), (0, 1), (8, 10)),
    "pixels that no window reaches": ((2, 2), (2, 2), (1, 1), (0, 0), (9, 11)),
}


@pytest.mark.parametrize("name", CASES)
def test_windows_are_laid_onto_the_image(name: str) -> None:
    kernel, strides, dilations, pads, sides = CASES[name]
    options = {"dilation": dilations, "padding": pads, "stride": strides}
    length = F.unfold(torch.zeros(1, 1, *sides), kernel, **options).shape[-1]
    depth = 3 * kernel[0] * kernel[1]
    attributes = f"strides={list(strides)}, dilations={list(dilations)}, pads={[*pads, *pads]}"
    body = f"c = Reshape(image, s) out = Col2Im<{attributes}>(c, i, k)"
    constants = {
        "s": np.array([1, depth, length], np.int64),
        "i": np.array(sides, np.int64),
        "k": np.array(kernel, np.int64),
    }
    model = parsed(body, constants, size=f"1,{length}", channels=depth)
    changed = rewrite(model, ["canonical"])
    assert "Col2Im" not in {node.op_type for node in changed.graph}
    image = np.random.default_rng(0).random((1, depth, 1, length), np.float32)
    wanted = F.fold(torch.from_numpy(image[:, :, 0]), sides, kernel, **options).numpy()
    np.testing.assert_allclose(run(model, image), wanted, atol=1e-6)
    np.testing.assert_allclose(run(changed, image), wanted, atol=1e-6)
