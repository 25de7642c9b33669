"""What `inspect` counts of ONNX files as torch's exporters write them: shapes that are computed."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from edge_imgq.export.onnx_description import describe

HEAD = '<ir_version: 8, opset_import: ["" : 16]>\nsmall (float[1,3,8,10] x) => (float[n,c,h,w] y)'
NUMBERS = " ".join(f"n{n} = Constant<value_ints: ints = [{n}]>()" for n in (0, 1, 2, 4))

BODIES = {
    "as large as the image": (
        "s = Shape(x) p = Slice(s, n2, n4, n0) a = Slice(s, n0, n2, n0) l = Concat<axis=0>(a, p) "
        "m = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x) y = Resize(m, , , l)"
    ),
    "as large as a constant": (
        "k = Constant<value_ints: ints = [1,3,8,10]>() z = ConstantOfShape(k) "
        "o = Constant<value_ints: ints = [4]>() f = ConstantOfShape<value=int64[1] {1}>(o) "
        "e = Expand(z, f) y = Add(x, e)"
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_shapes_that_are_computed_are_followed(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(onnx.parser.parse_model(f"{HEAD} {{ {NUMBERS} {BODIES[name]} }}"), path)
    found = describe(path, None)
    assert found.operators[-1].shape == (1, 3, 8, 10)
    assert "Constant" not in {row.kind for row in found.operators}


def test_a_number_that_is_spread_over_a_part_of_an_image_is_followed(tmp_path: Path) -> None:
    """As torch writes p * ones_like(x[:, :1]), with open sides and two inputs."""
    text = (
        '<ir_version: 8, opset_import: ["" : 16]>\n'
        "small (float[1,3,h,w] x, float p) => (float[1,1,oh,ow] y) "
        f"{{ {NUMBERS} c = Slice(x, n0, n1, n1) s = Shape(c) "
        "o = ConstantOfShape<value=float[1] {1}>(s) y = Mul(p, o) }"
    )
    path = tmp_path / "model.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    assert describe(path, (8, 10)).operators[-1].shape == (1, 1, 8, 10)


def test_a_number_that_is_spread_by_arithmetic_on_constants_is_followed(tmp_path: Path) -> None:
    """As TorchScript's exporter writes sigma.expand(-1, -1, 8, 10): every -1 becomes 1."""
    text = (
        '<ir_version: 8, opset_import: ["" : 17]>\n'
        "small (float[1,3,8,10] x, float[1] p) => (float[1,4,8,10] y) { "
        "l = Constant<value_ints: ints = [-1,-1,8,10]>() r = Constant<value_ints: ints = [4]>() "
        "o = ConstantOfShape<value = int64[1] {1}>(r) m = Constant<value_ints: ints = [-1]>() "
        "n = Mul(o, m) i = Equal(l, n) w = Where(i, o, l) u = Identity(o) q = Reshape(p, u) "
        "e = Expand(q, w) y = Concat<axis=1>(x, e) }"
    )
    path = tmp_path / "model.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    rows = describe(path, None).operators
    assert [row.kind for row in rows] == ["Reshape", "Expand", "Concat"]
    assert rows[1].shape == (1, 1, 8, 10)


@pytest.mark.parametrize("name", ["s73", "unk__245", "DynamicDimension.2"])
def test_lengths_that_exporters_named_are_open(name: str, tmp_path: Path) -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 16]>\n'
        "small (float[1,4,height,width] x) => (float[1,1,DepthToSpacey_dim_2,wide] y) "
        "{ y = DepthToSpace<blocksize=2>(x) }"
    )
    path = tmp_path / "model.onnx"
    model = onnx.parser.parse_model(text)
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_param = name
    onnx.save(model, path)
    found = describe(path, (8, 10))
    assert found.inputs[0].shape == (1, 4, "height", "any")
    assert found.outputs[0].shape == (1, 1, "any", "wide")
