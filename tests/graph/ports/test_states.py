"""Which outputs are told to feed which inputs."""

from __future__ import annotations

import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.graph.ports.states import find_states
from edge_imgq.ports import PortRequests, read_port

Ports = dict[str, int]


def model(inputs: Ports, outputs: Ports) -> ir.Model:
    """Return a model of planes of some channels; what it computes does not matter."""
    ends = [
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, channels, "h", "w"))
            for name, channels in ports.items()
        ]
        for ports in (inputs, outputs)
    ]
    nodes = [helper.make_node("Identity", ["image"], [name]) for name in outputs]
    found: ir.Model = ir.from_proto(helper.make_model(helper.make_graph(nodes, "m", *ends)))
    return found


@pytest.mark.parametrize(
    ("inputs", "outputs", "pairs"),
    [
        ({"h_in": 8}, {"out": 3, "h_out": 8}, {"h_out": "h_in"}),
        ({"prev_h": 8}, {"out": 3, "h": 8}, {"h": "prev_h"}),
        ({"r1i": 2, "r2i": 2}, {"out": 3, "r1o": 2, "r2o": 2}, {"r1o": "r1i", "r2o": "r2i"}),
        ({"a_in": 8, "b_in": 8}, {"b_out": 8, "a_out": 8}, {"a_out": "a_in", "b_out": "b_in"}),
        ({"memory": 8}, {"out": 3, "kept": 8}, {"kept": "memory"}),
        ({"memory": 8}, {"one": 8, "two": 8}, {}),
        ({"depth": 1}, {"out": 3, "map": 1}, {}),
        ({"sigma_in": 1}, {"out": 3, "sigma_out": 1}, {}),
    ],
)
def test_names_and_channels_tell_states(
    inputs: Ports, outputs: Ports, pairs: dict[str, str]
) -> None:
    found = find_states(model({"image": 3, **inputs}, outputs), PortRequests(), "m")
    assert dict(found) == pairs


def test_what_a_person_says_holds_and_is_refused_where_it_cannot() -> None:
    taken = model({"image": 3, "a": 2}, {"out": 3, "b": 2})
    assert find_states(taken, PortRequests(states=(("b", "a"),)), "m") == (("b", "a"),)
    with pytest.raises(UsageError, match="no input beside the image 'c'; it takes 'a'"):
        find_states(taken, PortRequests(states=(("b", "c"),)), "m")
    with pytest.raises(UsageError, match="the output is named first: say --state b=a "):
        find_states(taken, PortRequests(states=(("a", "b"),)), "m")
    with pytest.raises(ModelError, match="'out' of 3 channels and takes 'a' of 2"):
        find_states(taken, PortRequests(states=(("out", "a"),)), "m")
    with pytest.raises(UsageError, match="say it with --state OUTPUT=a"):
        find_states(taken, PortRequests(inputs=(read_port("a=state"),)), "m")
