"""Where splitting rows pays, and where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.cost.conv_cost import ConvShape, winograd_slots
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.export.tflite.kernel_rewrites.stacks import (
    BODIES,
    CONTRACT,
    SEED,
    SIZE,
    conv,
    fast,
    stack,
)


def test_the_multiple_counts_from_the_size_of_the_image() -> None:
    """The stretch stands at half the size, where even means a multiple of four at the input."""
    model = stack(BODIES["residuals"], outputs=3)
    assert fast(model).multiple == 2
    body = f"h = MaxPool<kernel_shape=[2,2], strides=[2,2]>(a) {conv('h', 'b', 1)} "
    assert fast(stack(body + f"{conv('b', 'c', 2)} {conv('c', 'z', 3)}", 3)).multiple % 4 == 0


@pytest.mark.parametrize(
    ("model", "size"),
    [
        (stack(BODIES["stack"]), (15, 20)),
        (stack(BODIES["stack"]), (16, 21)),
        (stack(BODIES["stack"]), (400, 400)),
        (stack(BODIES["stack"], channels=8), SIZE),
        (stack(conv("a", "z", 1)), SIZE),
    ],
    ids=["odd height", "odd width", "beyond the caches", "few channels", "one convolution"],
)
def test_where_sums_cost_more_than_products_the_form_is_plain(model, size) -> None:
    found = fast(model, size).network
    assert not any("/product" in op.name for op in found.operations)


def test_an_int8_file_computes_on_the_whole_image() -> None:
    pixels = np.random.default_rng(SEED).integers(0, 256, (*SIZE, 1), np.uint8)
    recipe = QuantizeRecipe("plain", "", "min-max", ())
    quantized = quantize(stack(BODIES["stack"]), recipe, CONTRACT, [pixels])
    found = fast(quantized).network
    assert not any("/product" in op.name for op in found.operations)


def test_sums_are_dear_where_images_leave_the_caches() -> None:
    layer = ConvShape((3, 3), (1, 1), 32, 32, quantized=False)
    near, far = (winograd_slots(layer, pixels, X86_VNNI) for pixels in (12288, 57600))
    assert near < 9 * 32 * 32 < far
