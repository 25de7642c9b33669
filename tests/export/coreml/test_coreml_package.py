"""Whole networks as packages: what the file holds, and what its images are worth."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ModelError, UnsupportedOperatorError
from edge_imgq.export.coreml.describe import describe
from edge_imgq.export.coreml.lower import save
from edge_imgq.graph.network import Network, Operation, Tensor
from edge_imgq.graph.read_network import read_network
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.coreml import open_session
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import open_package, read_note
from edge_imgq.runtime.mil.program import read_program
from edge_imgq.runtime.mil.silence import coremltools

SEED = 3
SIZE = (48, 64)
CONTRACT = ImageContract("super-resolution", 2, "rgb")
NOTE = FileNote("tiny", "coreml-test", CONTRACT, "0.1", "ab", "cd")
MEAN_WEIGHT = 0.04


def tiny_network() -> onnx.ModelProto:
    """Return a ×2 network: convolutions, a residual, a PReLU and a pixel shuffle."""
    generator = np.random.default_rng(SEED)

    def weights(name: str, *shape: int, gain: float = 1.0) -> onnx.TensorProto:
        fan = float(np.prod(shape[1:])) or 1.0
        values = generator.standard_normal(shape) * gain / np.sqrt(fan)
        return numpy_helper.from_array(values.astype(np.float32), name)

    last = np.zeros((12, 8, 3, 3), np.float32)
    last[:, :, 1, 1] = MEAN_WEIGHT + 0.03 * generator.standard_normal((12, 8))
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], "first", pads=[1] * 4),
        helper.make_node("PRelu", ["c0", "s0"], ["p0"], "slope"),
        helper.make_node("Conv", ["p0", "w1", "b1"], ["c1"], "second", pads=[1] * 4),
        helper.make_node("Relu", ["c1"], ["r1"], "relu"),
        helper.make_node("Add", ["p0", "r1"], ["a1"], "residual"),
        helper.make_node("Conv", ["a1", "w2", "b2"], ["c2"], "last", pads=[1] * 4),
        helper.make_node("DepthToSpace", ["c2"], ["y"], "shuffle", blocksize=2, mode="CRD"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, *SIZE))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(
                np.abs(generator.standard_normal((8, 3, 3, 3)) / 9).astype(np.float32), "w0"
            ),
            weights("b0", 8, gain=0.1),
            numpy_helper.from_array(np.full((8, 1, 1), 0.2, np.float32), "s0"),
            weights("w1", 8, 8, 3, 3),
            weights("b1", 8, gain=0.1),
            numpy_helper.from_array(last, "w2"),
            weights("b2", 12, gain=0.05),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def photographs() -> list[np.ndarray]:
    from skimage import data

    return [
        np.ascontiguousarray(image()[100 : 100 + SIZE[0], 120 : 120 + SIZE[1]])
        for image in (data.astronaut, data.coffee, data.chelsea)
    ]


def as_image(values: np.ndarray) -> np.ndarray:
    return np.rint(values * 255).clip(0, 255)[0].transpose(1, 2, 0).astype(np.uint8)


@pytest.fixture(scope="module")
def models() -> dict[str, onnx.ModelProto]:
    model = tiny_network()
    recipe = QuantizeRecipe("plain", "", "min-max", ())
    quantized = quantize(ir.from_proto(model), recipe, CONTRACT, photographs())
    inferred = onnx.shape_inference.infer_shapes(ir.to_proto(quantized), strict_mode=True)
    return {"float": model, "int8": inferred}


@pytest.fixture(scope="module")
def networks(models: dict[str, onnx.ModelProto]) -> dict[str, Network]:
    return {name: read_network(ir.from_proto(model)) for name, model in models.items()}


def contents(path: Path) -> dict[str, bytes]:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def psnr(image: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((image.astype(float) - other) ** 2)))


def run_onnx(road: Any, model: onnx.ModelProto, pixels: np.ndarray) -> np.ndarray:
    values = (pixels.astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]
    (result,) = road.reference(model, {"x": values})
    return as_image(result)


def test_the_float16_image_is_that_of_onnx_runtime_within_one_level(
    models: Any, networks: Any, road: Any, tmp_path: Path
) -> None:
    save(networks["float"], NOTE, tmp_path / "m.mlpackage")
    session = open_session(tmp_path / "m.mlpackage")
    for pixels in photographs():
        expected = run_onnx(road, models["float"], pixels)
        result = session.run(pixels)
        assert result.shape == expected.shape == (2 * SIZE[0], 2 * SIZE[1], 3)
        off = np.abs(result.astype(int) - expected)
        assert off.max() <= 1
        assert np.mean(off == 0) >= 0.8, f"seed {SEED}: {np.mean(off):.3f} levels off in the mean"


@pytest.mark.parametrize("form", ["float", "int8"])
def test_the_program_itself_returns_whole_levels(form: str, networks: Any, tmp_path: Path) -> None:
    save(networks[form], NOTE, tmp_path / "m.mlpackage")
    program = read_program(open_package(tmp_path / "m.mlpackage"))
    white = np.full((1, 3, *SIZE), 255.0, np.float32)
    noisy = np.random.default_rng(SEED).integers(0, 256, white.shape).astype(np.float32)
    for levels in (white, noisy):
        result = Evaluator(program).run({"image": levels})["result"]
        np.testing.assert_array_equal(result, np.rint(result))
        assert result.min() >= 0
        assert result.max() <= 255


def test_the_integer_image_is_as_near_to_the_float_one_as_that_of_the_qdq_model(
    models: Any, networks: Any, road: Any, tmp_path: Path
) -> None:
    save(networks["int8"], NOTE, tmp_path / "m.mlpackage")
    session = open_session(tmp_path / "m.mlpackage")
    for pixels in photographs():
        exact = run_onnx(road, models["float"], pixels)
        expected = run_onnx(road, models["int8"], pixels)
        result = session.run(pixels)
        # float16 tips values that lie between two integers to the other side, which is as near.
        assert psnr(result, exact) > psnr(expected, exact) - 0.4
        off = np.abs(result.astype(int) - expected)
        assert np.mean(off <= 1) >= 0.99, f"seed {SEED}: up to {off.max()} levels off"


def test_tensors_called_as_the_program_calls_its_own_are_kept_apart(
    models: Any, networks: Any, tmp_path: Path
) -> None:
    save(networks["float"], NOTE, tmp_path / "plain.mlpackage")
    plain = read_program(open_package(tmp_path / "plain.mlpackage"))
    between = ("c0", "p0", "c1", "r1", "a1")
    given = [name for name in plain.declared if name not in (*between, "c2", "image", "result")]
    for names in (("a/b", "a_b", "a.b", "image", "result"), given[-5:], given[:5]):
        model = onnx.ModelProto()
        model.CopyFrom(models["float"])
        del model.graph.value_info[:]
        renamed = dict(zip(between, names, strict=True))
        for node in model.graph.node:
            for names_of_node in (node.input, node.output):
                names_of_node[:] = [renamed.get(name, name) for name in names_of_node]
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.mlpackage"
        save(read_network(ir.from_proto(inferred)), NOTE, path)
        levels = np.random.default_rng(SEED).integers(0, 256, (1, 3, *SIZE)).astype(np.float32)
        other = read_program(open_package(path))
        assert len(other.declared) == len(plain.declared), "two variables have one name"
        wanted, got = (
            Evaluator(program).run({"image": levels})["result"] for program in (plain, other)
        )
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("form", ["float", "int8"])
def test_two_exports_are_the_same_bytes(form: str, networks: Any, tmp_path: Path) -> None:
    other = "int8" if form == "float" else "float"
    save(networks[form], NOTE, tmp_path / "a.mlpackage")
    save(networks[other], NOTE, tmp_path / "between.mlpackage")
    save(networks[form], NOTE, tmp_path / "b.mlpackage")
    first, second = contents(tmp_path / "a.mlpackage"), contents(tmp_path / "b.mlpackage")
    assert first == second
    assert set(first) == {
        "Manifest.json",
        "Data/com.apple.CoreML/model.mlmodel",
        "Data/com.apple.CoreML/weights/weight.bin",
    }


def test_the_bytes_depend_on_neither_the_day_nor_the_process(networks: Any, tmp_path: Path) -> None:
    save(networks["int8"], NOTE, tmp_path / "m.mlpackage")
    package = open_package(tmp_path / "m.mlpackage")
    assert not [key for key in package.metadata if "date" in key]
    # Protobuf writes maps in an order of the process's own unless told otherwise.
    written = contents(package.path)["Data/com.apple.CoreML/model.mlmodel"]
    assert package.model.SerializeToString(deterministic=True) == written


def test_every_integer_convolution_stands_between_dequantize_and_quantize(
    networks: Any, tmp_path: Path
) -> None:
    path = tmp_path / "m.mlpackage"
    save(networks["int8"], NOTE, path)
    program = read_program(open_package(path))
    made_by = {output.name: item for item in program.statements for output in item.outputs}
    readers = {
        name: item for item in program.statements for n in item.inputs.values() for name in n
    }
    convolutions = [item for item in program.statements if item.kind == "conv"]
    assert len(convolutions) == 3
    for item in convolutions:
        assert made_by[item.inputs["weight"][0]].kind == "constexpr_affine_dequantize"
        source = made_by[item.inputs["x"][0]]
        assert source.kind == "dequantize"
        assert made_by[source.inputs["input"][0]].kind == "quantize"
        assert readers[item.outputs[0].name].kind == "quantize"
    floats = [v for v in program.constants.values() if getattr(v, "dtype", None) == np.float16]
    assert max(value.size for value in floats) <= 12, "weights are stored in float"


@pytest.mark.parametrize(("form", "version"), [("float", 7), ("int8", 8)])
def test_coremltools_reads_the_package_as_its_own(
    form: str, version: int, networks: Any, tmp_path: Path
) -> None:
    path = tmp_path / "m.mlpackage"
    save(networks[form], NOTE, path)
    ct = coremltools()
    model = ct.models.MLModel(str(path), skip_model_load=True)
    specification = model.get_spec()
    assert specification.specificationVersion == version
    image = specification.description.input[0]
    assert (image.name, image.type.imageType.width, image.type.imageType.height) == (
        "image",
        SIZE[1],
        SIZE[0],
    )
    result = specification.description.output[0].type.imageType
    assert (result.width, result.height, result.colorSpace) == (2 * SIZE[1], 2 * SIZE[0], 20)
    # Its own reader checks every type of the program, and finds the same weights.
    load = importlib.import_module("coremltools.converters.mil.frontend.milproto.load").load
    program = load(specification, version, file_weights_dir=model.weights_dir)
    first = program.functions["main"].find_ops(op_type="conv")[0]
    weight = networks[form].operations[0].operand(1)
    if form == "float":
        np.testing.assert_array_equal(first.weight.val, weight.data.astype(np.float16))
    else:
        np.testing.assert_array_equal(first.weight.op.quantized_data.val, weight.data)


def test_the_package_carries_its_note(networks: Any, tmp_path: Path) -> None:
    save(networks["float"], NOTE, tmp_path / "m.mlpackage")
    assert read_note(tmp_path / "m.mlpackage") == NOTE


def test_nothing_reaches_the_terminal(networks: Any, tmp_path: Path, capfd: Any) -> None:
    save(networks["int8"], NOTE, tmp_path / "m.mlpackage")
    open_session(tmp_path / "m.mlpackage").run(photographs()[0])
    assert capfd.readouterr() == ("", "")


def test_a_failure_leaves_nothing_behind(networks: Any, tmp_path: Path) -> None:
    network = networks["float"]
    first = network.operations[0]
    weight = first.operand(1)
    huge = Tensor(weight.name, weight.shape, None, weight.data * 1e7)
    changed = dataclasses.replace(first, inputs=(first.inputs[0], huge, first.inputs[2]))
    broken = dataclasses.replace(network, operations=(changed, *network.operations[1:]))
    with pytest.raises(ModelError, match=r"'w0' holds .* beyond float16"):
        save(broken, NOTE, tmp_path / "m.mlpackage")
    odd = dataclasses.replace(first, kind="Hardmax", inputs=first.inputs[:1])
    unknown = dataclasses.replace(network, operations=(odd, *network.operations[1:]))
    with pytest.raises(UnsupportedOperatorError, match="Hardmax 'first'"):
        save(unknown, NOTE, tmp_path / "m.mlpackage")
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_there_already_is_not_touched(networks: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.mlpackage"
    save(networks["float"], NOTE, path)
    before = contents(path)
    with pytest.raises(FileExistsError):
        save(networks["int8"], NOTE, path)
    assert contents(path) == before


def test_a_network_that_returns_no_image_is_refused(networks: Any, tmp_path: Path) -> None:
    gray = dataclasses.replace(NOTE, contract=dataclasses.replace(CONTRACT, colour="y"))
    with pytest.raises(ModelError, match=r"its contract says .* of 1 channels"):
        save(networks["float"], gray, tmp_path / "m.mlpackage")


@pytest.mark.parametrize("form", ["float", "int8"])
def test_the_description_counts_what_the_network_holds(
    form: str, networks: Any, tmp_path: Path
) -> None:
    path = tmp_path / "m.mlpackage"
    save(networks[form], NOTE, path)
    description = describe(path)
    weights = 8 * 27 + 8 * 72 + 12 * 72
    assert description.macs == weights * SIZE[0] * SIZE[1]
    assert description.parameters == weights + 8 + 8 + 8 + 12
    assert description.kinds["conv"] == 3
    assert description.inputs[0].shape == (*SIZE, 3)
    assert description.outputs[0].shape == (2 * SIZE[0], 2 * SIZE[1], 3)
    assert description.bytes == sum(len(data) for data in contents(path).values())


def test_a_cubic_resize_counts_as_the_two_products_that_it_is(tmp_path: Path) -> None:
    height, width = SIZE
    image, result = Tensor("x", (1, 3, *SIZE)), Tensor("y", (1, 3, 2 * height, 2 * width))
    sizes = Tensor("n", (4,), None, np.array(result.shape))
    resize = Operation("Resize", "r", (image, None, None, sizes), (result,), {"mode": "cubic"})
    save(Network("cubic", (image,), (result,), (resize,)), NOTE, tmp_path / "m.mlpackage")
    description = describe(tmp_path / "m.mlpackage")
    assert description.kinds["matmul"] == 2
    one_axis = 3 * 2 * height * width
    assert description.macs == one_axis * height + 2 * one_axis * width
    pixels = photographs()[0]
    enlarged = open_session(tmp_path / "m.mlpackage").run(pixels)
    assert psnr(enlarged[::2, ::2], pixels) > 20
