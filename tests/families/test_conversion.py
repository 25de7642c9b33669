"""What conversion promises of itself: the same bytes every time, and work that grows evenly."""

from __future__ import annotations

import onnx
import pytest

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size

from .convert import float_file, int8_file, quantized
from .even_steps import assert_even, plain_network
from .sharing import family, quantized_family


@pytest.mark.parametrize("name", ["nafnet", "srresnet", "deblurgan"])
def test_two_exports_of_one_model_are_byte_identical(name: str) -> None:
    network = family(name)
    assert float_file(network) == float_file(network)
    assert int8_file(network, quantized(network)) == int8_file(network, quantized_family(name))


def to_tflite(proto: onnx.ModelProto) -> bytes:
    note = FileNote("plain", "tflite", ImageContract("image-to-image", 1, "rgb"), "0.0")
    model = rewrite(normalise(proto, "plain"), ["canonical", "sub-pixel", "crd-to-dcr"])
    return lower(read_network(bind_size(model, (180, 320))), note)


def test_a_network_of_a_million_parameters_converts_in_even_steps() -> None:
    assert len(to_tflite(plain_network(29, 64))) > 4e6
    assert_even(lambda layers, width: to_tflite(plain_network(layers, width)))
