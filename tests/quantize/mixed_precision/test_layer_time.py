"""The estimate counts every conversion that a file holds, and what stands between layers."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.graph.float_regions import mark_float
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.profile import TimedProfile
from edge_imgq.kernels.x86 import X86, X86_AMX, X86_VNNI
from edge_imgq.quantize.mixed_precision.layer_time import LayerTimes, share_of_float_time
from tests.graph.build import model, weights

PIXELS = 6 * 8
PROFILES = (X86_VNNI, X86_AMX, X86)


def network(kind: str, **attributes: object) -> ir.Graph:
    """Return two convolutions with an operator between them, 5 channels."""
    generator = np.random.default_rng(0)
    operands = ["x", "x"] if kind in ("Div", "Mul") else ["x"]
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], "first"),
        helper.make_node(kind, operands, ["y"], "middle", **attributes),
        helper.make_node("Conv", ["y", "b"], ["out"], "last"),
    ]
    constants = {"a": weights(generator, 5, 3, 1, 1), "b": weights(generator, 3, 5, 1, 1)}
    return model(nodes, constants, size=(6, 8)).graph


def times(graph: ir.Graph, *names: str, profile: TimedProfile = X86_VNNI) -> dict[str, float]:
    return LayerTimes(graph, profile).by_node(names)


@pytest.mark.parametrize(
    ("kind", "names", "converted"),
    [
        ("Sigmoid", (), 0),
        ("Gelu", (), 0),
        ("Div", (), 2 * 5),
        ("Div", ("first",), 3 + 2 * 5 + 5),
        ("Div", ("first", "last"), 3 + 3),
        ("Sigmoid", ("first", "last"), 3 + 3),
    ],
)
def test_conversions_around_operators_in_float_count(
    kind: str, names: tuple[str, ...], converted: int
) -> None:
    images = X86_VNNI.times.pixel * PIXELS * 6
    found = times(network(kind), *names)[""]
    assert found == pytest.approx(images + X86_VNNI.times.conversion * PIXELS * converted)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_operators_without_weights_count_in_either_arithmetic(profile: TimedProfile) -> None:
    for kind in ("Sigmoid", "Mul"):
        graph = network(kind)
        for names in ((), ("first", "last")):
            expected = 5 * PIXELS * profile.times.of(in_float=bool(names)).elements[kind]
            assert times(graph, *names, profile=profile)["middle"] == pytest.approx(expected)
    in_float = 5 * PIXELS * profile.times.float32.elements["Div"]
    assert times(network("Div"), profile=profile)["middle"] == pytest.approx(in_float)


@pytest.mark.parametrize("size", [3, 5])
def test_every_tap_of_a_pool_counts(size: int) -> None:
    pads, element, tap = [size // 2] * 4, *X86_VNNI.times.int8.pooling
    found = times(network("MaxPool", kernel_shape=[size, size], pads=pads))["middle"]
    assert found == pytest.approx(5 * PIXELS * (element + tap * size**2))


def test_depthwise_taps_take_many_times_those_of_a_convolution() -> None:
    generator = np.random.default_rng(0)
    wide = weights(generator, 32, 3, 1, 1)
    shared = {"a": wide, "z": weights(generator, 3, 32, 1, 1)}
    found = []
    for groups in (1, 32):
        nodes = [
            helper.make_node("Conv", ["image", "a"], ["x"], "first"),
            helper.make_node("Conv", ["x", "b"], ["y"], "middle", group=groups, pads=[1] * 4),
            helper.make_node("Conv", ["y", "z"], ["out"], "last"),
        ]
        kernel = weights(generator, 32, 32 // groups, 3, 3)
        found.append(times(model(nodes, shared | {"b": kernel}, size=(6, 8)).graph)["middle"])
    dense, depthwise = found
    assert dense / 32 < depthwise / 4 < dense / 4


def test_int8_is_quicker_than_float_where_bytes_are_multiplied_alone() -> None:
    generator = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], "first", pads=[1] * 4),
        helper.make_node("Conv", ["x", "b"], ["out"], "last", pads=[1] * 4),
    ]
    constants = {"a": weights(generator, 32, 3, 3, 3), "b": weights(generator, 32, 32, 3, 3)}
    graph = model(nodes, constants, size=(60, 80)).graph
    for profile in PROFILES:
        found = LayerTimes(graph, profile)
        share = found.plain / found.total(("first", "last"))
        assert (share < 0.6) == profile.multiplies_bytes


def test_a_processor_that_nobody_timed_has_a_limit_of_time_too() -> None:
    graph = network("Tanh")
    model = ir.Model(graph, ir_version=10)
    shares = [share_of_float_time(model, (6, 8), profile) for profile in (ARM_DOT, X86_VNNI)]
    for node in graph:
        if node.op_type == "Tanh":
            mark_float(node)
    slower = share_of_float_time(model, (6, 8), ARM_DOT)
    assert 0 < shares[0] == shares[1] < slower
