"""Another profile chooses other forms, and each processor of recipes has one."""

from __future__ import annotations

from dataclasses import replace

from edge_imgq.chips import CHIPS
from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.processors import DEFAULT, OF_PROCESSOR, PROFILES
from edge_imgq.kernels.profile import ActivationCost, KernelProfile
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.recipe.export import PROCESSORS
from tests.kernels.build import stack


def writes_minimal_filters(kernels: KernelProfile) -> bool:
    graph = bind_size(stack(32), (120, 160))
    operations = fastest_rewrites(read_network(graph), kernels).network.operations
    return any(op.name.endswith("/product0") for op in operations)


def test_a_file_has_the_forms_of_the_profile_that_it_is_written_for() -> None:
    assert writes_minimal_filters(X86_VNNI)
    assert not writes_minimal_filters(ARM_DOT)


def splits_prelus(kernels: KernelProfile) -> bool:
    graph = prepared_graph(stack(12), ("cheap-sign-split",), kernels=kernels).model.graph
    return all(node.op_type != "PRelu" for node in graph)


def test_prelus_are_split_where_those_of_the_profile_are_dear() -> None:
    free = replace(X86_VNNI, activations=ActivationCost(prelu=0, remainder=0, leaky=0))
    assert splits_prelus(X86_VNNI)
    assert splits_prelus(ARM_DOT)
    assert not splits_prelus(free)


def test_every_processor_of_recipes_has_a_profile_of_the_table() -> None:
    assert (*OF_PROCESSOR, *CHIPS) == PROCESSORS
    assert set(OF_PROCESSOR.values()) <= set(PROFILES.values())
    assert OF_PROCESSOR["cpu"] is DEFAULT
    assert OF_PROCESSOR["cpu"] is ARM_DOT
    assert OF_PROCESSOR["cpu:arm"] is ARM_DOT
    assert OF_PROCESSOR["cpu:x86"] is X86_VNNI
