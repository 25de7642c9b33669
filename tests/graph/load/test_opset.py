"""Models of older and newer opsets: ONNX Runtime on the model as it was is the witness."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.load.opset import OPSET, at_project_opset
from tests.graph.build import proto_model
from tests.graph.node_cases import node_cases

GENERATOR = np.random.default_rng(26)


def answers(model: onnx.ModelProto, inputs: list[Any]) -> list[Any]:
    """Return what ONNX Runtime computes, every node as it stands."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # others would only wait for work, and spin
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feeds = {i.name: np.asarray(v) for i, v in zip(session.get_inputs(), inputs, strict=True)}
    return list(session.run(None, feeds))


def at(opset: int, model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that says another opset, in the file format of its time."""
    labelled = onnx.ModelProto()
    labelled.CopyFrom(model)
    del labelled.opset_import[:]
    labelled.opset_import.append(helper.make_opsetid("", opset))
    labelled.ir_version = 10
    return labelled


def upsampled(opset: int, mode: str, scales: list[float]) -> onnx.ModelProto:
    """Return a model that resizes its image as exporters of an opset wrote it."""
    kind = "Resize" if opset == 10 else "Upsample"
    if opset < 9:
        node = helper.make_node(kind, ["image"], ["out"], mode=mode, scales=scales)
        return at(opset, proto_model([node], {}, size=(6, 10)))
    node = helper.make_node(kind, ["image", "s"], ["out"], mode=mode)
    return at(opset, proto_model([node], {"s": np.array(scales, np.float32)}, size=(6, 10)))


GROWING = [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 3.0, 1.5]]
RESIZED = [*GROWING, [1.0, 1.0, 0.5, 0.5], [1.0, 1.0, 0.7, 2.0]]
"""The last shrinks one axis and lets the other grow; Upsample may only let axes grow."""


@pytest.mark.parametrize("mode", ["linear", "nearest"])
@pytest.mark.parametrize("opset", [7, 8, 9, 10])
def test_what_was_resized_before_opset_11_lies_where_it_lay(opset: int, mode: str) -> None:
    for scales in RESIZED if opset == 10 else GROWING:
        proto = upsampled(opset, mode, scales)
        image = GENERATOR.random((1, 3, 6, 10), np.float32)
        (wanted,) = answers(proto, [image])
        (got,) = answers(ir.to_proto(normalise(proto, "old")), [image])
        np.testing.assert_allclose(got, wanted, atol=1e-6, err_msg=str(scales))


def test_hardmax_before_opset_13_takes_the_greatest_of_all_that_follows() -> None:
    for attributes in ({}, {"axis": 1}, {"axis": 2}, {"axis": -1}):
        node = helper.make_node("Hardmax", ["image"], ["out"], **attributes)
        proto = at(12, proto_model([node], {}, size=(6, 10)))
        image = GENERATOR.random((1, 3, 6, 10), np.float32)
        got = answers(ir.to_proto(normalise(proto, "old")), [image])[0]
        np.testing.assert_array_equal(got, answers(proto, [image])[0])


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [("TensorScatter", ["image", "image"], ["out"]), ("CumProd", ["image", "axis"], ["out"])],
)
def test_a_newer_operator_without_a_definition_is_refused_by_name(
    kind: str, inputs: list[str], outputs: list[str]
) -> None:
    node = helper.make_node(kind, inputs, outputs, "strange")
    proto = at(26, proto_model([node], {"axis": np.array(1, np.int64)}, size=(6, 10)))
    proto.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 3, 6, 10))
    )
    with pytest.raises(ModelError, match=f"new cannot be read: it holds {kind} 'strange', which"):
        normalise(proto, "new")


RANDOM = "its numbers are random"
TRAINED = "training mode drops at random"
RUNTIME = "ONNX Runtime does not give the published output for the case as it is either"
UNDEFINED = "it came after opset 21, and ONNX does not define it by older operators"
UNKNOWN = "ONNX Runtime has no kernel for the case as it is either"

NOT_COMPARED = {
    "test_bernoulli*": RANDOM,
    "test_training_dropout*": TRAINED,
    "test_dft*": RUNTIME,
    "test_maxunpool_export_with_output_shape": RUNTIME,
    "test_resize_downsample_scales_*_align_corners": RUNTIME,
    "test_bitcast_*": UNDEFINED,
    "test_tensorscatter*": UNDEFINED,
    "test_gru_batchwise": UNKNOWN,
    "test_lstm_batchwise": UNKNOWN,
    "test_simple_rnn_batchwise": UNKNOWN,
    "test_pow_types_float32_uint*": UNKNOWN,
    "test_scan_sum": "the version converter loses that its batch is one; loops are refused",
}
"""Node cases that no float model can be compared by, by the pattern of their names."""


@cache
def cases() -> dict[str, Any]:
    """Return ONNX's node cases of float32 outputs, of opsets 7 to 28 and of ONNX's own domain."""
    return {case.name: case for case in node_cases() if case.model and _is_float(case)}


def _is_float(case: Any) -> bool:
    imports = [(opset.domain, opset.version) for opset in case.model.opset_import]
    if len(imports) != 1 or imports[0][0] or not 7 <= imports[0][1] <= 28:
        return False
    inputs, outputs = case.data_sets[0]
    plain = all(isinstance(v, np.ndarray | np.generic) for v in (*inputs, *outputs))
    return plain and all(value.dtype == np.float32 for value in outputs)


def reason(name: str) -> str | None:
    return next((why for pattern, why in NOT_COMPARED.items() if fnmatch(name, pattern)), None)


@dataclass(frozen=True)
class OneCase:
    """A case at one opset.

    Attributes:
        name: of the case.
        model: of the opset that it says.
        inputs: its input arrays.
        wanted: its output arrays: as published, or what ONNX Runtime computes by the model.
    """

    name: str
    model: onnx.ModelProto
    inputs: list[Any]
    wanted: list[Any]


def in_one_model(many: Sequence[OneCase]) -> onnx.ModelProto:
    """Return a model with the nodes of many of one opset: converting each alone takes longer."""
    whole = onnx.ModelProto()
    whole.CopyFrom(many[0].model)
    whole.ClearField("graph")
    whole.graph.name = "many"
    for index, one in enumerate(many):
        graph = onnx.compose.add_prefix(one.model, f"{index}.").graph
        whole.graph.node.extend(graph.node)
        whole.graph.input.extend(graph.input)
        whole.graph.output.extend(graph.output)
        whole.graph.initializer.extend(graph.initializer)
    return whole


TOGETHER = 30
"""So many cases of one opset are converted and run in one model, which grows no slower by that."""


def differences(many: Sequence[OneCase]) -> list[str]:
    """Return the names of cases whose outputs differ in opset 21, each with how they do.

    Where their one model does not run, each case is converted and run alone.
    """
    try:
        raised = at_project_opset(in_one_model(many))
        raised.ir_version = min(raised.ir_version, 10)
        got = iter(answers(raised, [values for one in many for values in one.inputs]))
    except Exception as error:
        if len(many) == 1:
            return [f"{many[0].name}: {str(error).strip()[:200]}"]
        return [wrong for one in many for wrong in differences([one])]
    wrong = []
    for one in many:
        for wanted in one.wanted:
            try:
                np.testing.assert_allclose(next(got), wanted, rtol=1e-3, atol=1e-4)
            except AssertionError as error:
                wrong.append(f"{one.name}: {str(error).strip()[:200]}")
    assert next(got, None) is None
    return wrong


def test_every_node_case_at_its_own_opset_gives_the_published_outputs() -> None:
    by_opset: dict[int, list[OneCase]] = {}
    for name, case in cases().items():
        if not reason(name):
            one = OneCase(name, case.model, *case.data_sets[0])
            by_opset.setdefault(case.model.opset_import[0].version, []).append(one)
    wrong = [
        difference
        for of_opset in by_opset.values()
        for start in range(0, len(of_opset), TOGETHER)
        for difference in differences(of_opset[start : start + TOGETHER])
    ]
    assert not wrong, "\n".join(wrong)
    assert sum(map(len, by_opset.values())) > 1000
    newer = {opset for opset in by_opset if opset > OPSET}
    assert newer == {22, 23, 24, 25, 27, 28}  # 26 brought BitCast and CumProd alone


def test_every_pattern_of_cases_that_are_not_compared_is_needed() -> None:
    assert all(any(fnmatch(name, pattern) for name in cases()) for pattern in NOT_COMPARED)


REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
)  # fmt: skip
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "Clip": ("min", "max"),
    "Dropout": ("ratio",),
    "Pad": ("pads", "value"),
    "Slice": ("starts", "ends", "axes"),
    "Split": ("split",),
    "TopK": ("k",),
    **dict.fromkeys(("Squeeze", "Unsqueeze", *REDUCTIONS), ("axes",)),
}
"""What these operators take as inputs, and took as attributes before; in the order of inputs."""

SINGLE = {"min": float, "max": float, "ratio": float, "value": float, "k": int}


def with_attributes(case: Any) -> tuple[onnx.ModelProto, list[Any]] | None:
    """Return a case as older opsets had it, and its inputs; None where it had no such form."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    node = model.graph.node[0]
    values = dict(zip((i.name for i in model.graph.input), case.data_sets[0][0], strict=True))
    named = zip(ATTRIBUTES[node.op_type], node.input[1:], strict=False)
    given = {word: np.asarray(values[name]).ravel() for word, name in named if name}
    if any(not numbers.size for numbers in given.values()):
        return None
    for word, numbers in given.items():
        number = SINGLE[word](numbers[0]) if word in SINGLE else [int(n) for n in numbers]
        node.attribute.append(helper.make_attribute(word, number))
    del node.input[1:]
    del model.graph.input[1:]
    return model, [values[node.input[0]]]


def older_forms(case: Any) -> list[tuple[onnx.ModelProto, list[Any]]]:
    """Return what a case may have been in older opsets."""
    kind = case.model.graph.node[0].op_type
    attributes = with_attributes(case) if kind in ATTRIBUTES else None
    return [(case.model, case.data_sets[0][0]), *([attributes] if attributes else [])]


def versions(kind: str) -> set[int]:
    """Return the opsets from 7 to 20 at which an operator has another version."""
    found = set()
    for opset in range(7, OPSET):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if onnx.defs.has(kind, opset):
                found.add(max(7, onnx.defs.get_schema(kind, opset).since_version))
    return found


MIN_COMPARED = 3
"""So many cases of each version of an operator are compared."""


def older_cases() -> Iterator[tuple[tuple[str, int], OneCase]]:
    """Yield a few cases of each version of each operator, by operator and opset."""
    compared: Counter[tuple[str, int]] = Counter()
    for name, case in cases().items():
        kind = case.model.graph.node[0].op_type
        if len(case.model.graph.node) != 1 or reason(name):
            continue
        for model, inputs in older_forms(case):
            for opset in sorted(o for o in versions(kind) if compared[kind, o] < MIN_COMPARED):
                old = at(opset, model)
                try:
                    onnx.checker.check_model(old, full_check=True)
                    wanted = answers(old, inputs)
                except Exception:  # this is no form that the operator had
                    continue
                compared[kind, opset] += 1
                yield (kind, opset), OneCase(name, old, inputs, wanted)


def test_every_version_of_every_operator_means_in_opset_21_what_it_meant() -> None:
    """The cases named by older opsets: not what was published, but what ONNX Runtime then does."""
    wrong: list[str] = []
    found = list(older_cases())
    for opset in sorted({opset for (_, opset), _ in found}):
        older = [one for (_, other), one in found if other == opset]
        inputs = [values for one in older for values in one.inputs]
        got = iter(answers(at_project_opset(in_one_model(older)), inputs))
        wrong += [
            f"{one.name} at opset {opset}"
            for one in older
            for wanted in one.wanted
            if not np.allclose(next(got), wanted, rtol=1e-4, atol=1e-5, equal_nan=True)
        ]
        assert next(got, None) is None
    assert not wrong, "\n".join(wrong)
    assert len({version for version, _ in found}) > 250
