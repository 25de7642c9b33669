"""Graphs that are kept, so that torch need not trace networks that ship."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from torch import nn

from edge_imgq.contract import ImageContract
from edge_imgq.export import torch_network as export
from edge_imgq.export.cache_graphs import cached_graph_of
from edge_imgq.export.cached_graph import read_cached_graph, with_weights, without_weights
from edge_imgq.graph.load.load import normalise
from edge_imgq.models.zoo import ZOO, graph_path, load_network

pytestmark = pytest.mark.usefixtures("torch_operators")
CONTRACT = ImageContract("super-resolution", 2, "y")


class Moved(nn.Module):
    """The network that it is given, its image brighter: an architecture that has changed since."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for name, part in network.named_children():
            self.add_module(name, part)
        self.network = [network]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        brighter: torch.Tensor = self.network[0](image) + 0.25
        return brighter


def of_one_build(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model without the build of torch that made it: 2.13.0 of 2.13.0+cpu."""
    proto.producer_version = proto.producer_version.partition("+")[0]
    return proto


def image_of(model: ir.Model, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    return np.asarray(session.run(None, {"image": image})[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_a_kept_graph_with_weights_is_what_torch_exports(name: str) -> None:
    entry, network = ZOO[name], load_network(name)
    contract = entry.contract
    kept = with_weights(read_cached_graph(graph_path(name)), export.weights_by_name(network))
    assert kept is not None, "`python -m edge_imgq.export.cache_graphs` writes the graphs again"
    traced = normalise(export.trace_network(network, name, contract), name)
    told = "the kept graph is another than torch's; see edge_imgq/export/cache_graphs.py"
    wanted = of_one_build(ir.to_proto(traced))
    assert of_one_build(ir.to_proto(normalise(kept, name))) == wanted, told
    exported = export.export_network(network, name, contract)
    assert of_one_build(ir.to_proto(exported)) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fsrcnn-x2", "deblur-slim"])
def test_a_kept_graph_is_written_again_byte_by_byte(name: str) -> None:
    again, kept = cached_graph_of(ZOO[name]), onnx.load(graph_path(name), load_external_data=False)
    assert kept.SerializeToString(deterministic=True) == graph_path(name).read_bytes()
    assert of_one_build(again).SerializeToString(deterministic=True) == of_one_build(
        kept
    ).SerializeToString(deterministic=True)


def test_opening_a_network_that_ships_does_not_import_the_exporter() -> None:
    lines = (
        "import sys",
        "from edge_imgq.pipeline.open_model.source import open_model",
        "open_model('fsrcnn-x2')",
        "assert 'torch' in sys.modules",
        "assert 'onnxscript' not in sys.modules",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


def test_a_network_that_has_changed_is_traced_anew() -> None:
    network = Moved(load_network("fsrcnn-x2")).eval()
    model = export.export_network(network, "fsrcnn-x2", CONTRACT)
    image = np.random.default_rng(3).random((1, 1, 24, 32), np.float32)
    np.testing.assert_allclose(
        image_of(model, image), network(torch.from_numpy(image)).numpy(), atol=1e-5
    )


def test_weights_that_do_not_fit_are_not_put_in() -> None:
    kept = read_cached_graph(graph_path("fsrcnn-x2"))
    state = export.weights_by_name(load_network("fsrcnn-x2"))
    assert with_weights(kept, state) is not None
    assert with_weights(kept, state | {"more": np.zeros(3, np.float32)}) is None
    assert with_weights(kept, state | {"upsample.bias": np.zeros(3, np.float32)}) is None


def test_a_graph_that_computed_with_a_parameter_is_not_kept() -> None:
    kept = read_cached_graph(graph_path("fsrcnn-x2"))
    state = export.weights_by_name(load_network("fsrcnn-x2"))
    full = with_weights(kept, state)
    assert full is not None
    with pytest.raises(ValueError, match="no tensor of the graph holds gone"):
        without_weights(full, state | {"gone": np.full(7, 0.3, np.float32)})
