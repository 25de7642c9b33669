"""The whole of quantization, with ONNX Runtime as the witness of what the QDQ model computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.quantize.quantize import quantize, quantize_prepared
from edge_imgq.recipe.folders import quantize_recipe
from edge_imgq.runtime.torch_threads import torch_threads
from tests.graph.build import run
from tests.quantize.build import (
    CONTRACT,
    RECIPE,
    as_input,
    photo,
    residual_network,
)
from tests.quantize.mixed_precision.worst_layer_network import loud_network
from tests.quantize.mixed_precision.worst_layer_network import photo as loud_photo


def test_the_qdq_model_is_valid_and_stays_close_to_the_float_model() -> None:
    original = residual_network()
    quantized = quantize(original, RECIPE, CONTRACT, [photo(seed) for seed in range(4)])
    onnx.checker.check_model(ir.to_proto(quantized), full_check=True)
    image = as_input(photo(9))
    difference = run(quantized, image, exact=True) - run(original, image).clip(0, 1)
    assert 20 * np.log10(1 / np.sqrt(np.mean(difference**2))) > 40


@pytest.mark.usefixtures("small_patches")
def test_torch_computes_in_one_thread_but_for_fine_tuning() -> None:
    """Sums depend on the number of threads in the last bits, and scales that follow from them."""
    recipe = replace(quantize_recipe("int8"), tuning=1)
    graph = prepared_graph(loud_network(), recipe.passes)
    threads: dict[str, int] = {}
    with torch_threads(2):
        quantize_prepared(
            graph, recipe, CONTRACT, [loud_photo(seed) for seed in range(4)],
            stage=lambda begun: threads.update({begun: torch.get_num_threads()}),
        )  # fmt: skip
    assert threads.pop("tuning") == 2
    assert {"feedback", "channels"} <= set(threads)
    assert set(threads.values()) == {1}
