"""Graphs between the phases of passes: written so that ONNX Runtime runs them, and checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from edge_imgq.errors import FaultError
from edge_imgq.graph.graph_check import check_graph
from edge_imgq.graph.passes.canonical import PHASES
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.pipeline.export.watch_passes import BetweenPhases
from tests.graph.build import parsed, weights

GENERATOR = np.random.default_rng(2)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)
MODEL = parsed(
    "c = Conv<pads=[1,1,1,1]>(image, w) m = Mish(c) h = HardSigmoid(m) d = Div(h, two) "
    "out = Conv(d, v)",
    {"w": weights(GENERATOR, 6, 6, 3, 3), "v": weights(GENERATOR, 4, 6, 1, 1),
     "two": np.float32(2)},
)  # fmt: skip


def test_every_phase_leaves_a_file_that_computes_the_same(tmp_path: Path) -> None:
    watcher = BetweenPhases(tmp_path, checked=True).watcher(MODEL, ["one", "two"])
    rewrite(MODEL, ["canonical", "merge-skip-branches"], watcher)
    files = sorted((tmp_path / "one+two").iterdir())
    names = ["read", *(phase.name for phase in PHASES), "merge-skip-branches"]
    assert [file.name for file in files] == [f"{i:02}-{name}.onnx" for i, name in enumerate(names)]
    results = [onnxruntime.InferenceSession(f).run(None, {"image": IMAGE})[0] for f in files]
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-4, atol=1e-5)


def test_nothing_is_watched_where_nobody_asks() -> None:
    assert BetweenPhases().watcher(MODEL, ["one"]) is None


def test_a_shape_that_is_not_what_onnx_infers_is_named() -> None:
    broken = MODEL.clone()
    broken.graph.node(1).outputs[0].shape = ir.Shape([1, 6, 8, 9])
    with pytest.raises(FaultError, match=r"After 'fold', 'm' .* shape 1×6×8×9, and has 1×6×8×10"):
        check_graph(broken, "fold")


def test_a_type_that_is_not_what_onnx_infers_is_named() -> None:
    broken = MODEL.clone()
    broken.graph.node(1).outputs[0].type = ir.TensorType(ir.DataType.FLOAT16)
    with pytest.raises(FaultError, match="'m' is said to have the type float16, and has float"):
        check_graph(broken, "fold")


def test_a_node_that_onnx_has_not_is_named() -> None:
    broken = MODEL.clone()
    broken.graph.node(2).op_type = "Nothing"
    with pytest.raises(FaultError, match=r"after 'mark' is not valid ONNX: .*Nothing"):
        check_graph(broken, "mark")
