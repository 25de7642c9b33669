"""`edge-imgq inspect` says what `export` would, and exits with its code."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq import formats, inspect
from edge_imgq.export.npu import sdk
from edge_imgq.export.npu.sdk import Sdk
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.skipped import Skipped
from tests.cli.conftest import Run
from tests.port_networks import with_noise_map
from tests.small_models import whole_model


def saved(nodes: list[onnx.NodeProto], constants: dict[str, object], path: Path) -> Path:
    onnx.save(whole_model(nodes, constants), path)
    return path


def convolution(pads: list[int], weight: np.ndarray, path: Path) -> Path:
    node = helper.make_node("Conv", ["image", "w"], ["out"], kernel_shape=[3, 3], pads=pads)
    return saved([node], {"w": weight}, path)


def strided(path: Path, skip: bool) -> Path:
    """Save a network that halves the image three times and enlarges it again, with a skip."""
    rng = np.random.default_rng(4)
    down = rng.normal(0, 0.1, (3, 3, 2, 2)).astype(np.float32)
    values = ["image", "a", "b", "c", "d", "e", "f"]
    nodes = [
        helper.make_node(
            "Conv" if index < 3 else "ConvTranspose",
            [values[index], "w"],
            [values[index + 1]],
            kernel_shape=[2, 2],
            strides=[2, 2],
            pads=[0, 0, 0, 0],
        )
        for index in range(6)
    ]
    end = ("Add", ["f", "image"]) if skip else ("Relu", ["f"])
    return saved([*nodes, helper.make_node(*end, ["out"])], {"w": down}, path)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_model_that_export_refuses_is_shown_and_exits_with_its_code(
    run: Run, tmp_path: Path, form: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(2)
    weight = rng.normal(0, 0.1, (3, 3, 3, 3)).astype(np.float32)
    uneven = convolution([0, 0, 1, 1], weight, tmp_path / "uneven.onnx")
    weight = weight.copy()
    weight[0, 0, 0, 0] = np.nan
    nan = convolution([1, 1, 1, 1], weight, tmp_path / "nan.onnx")
    for path, why in ((nan, "NaN or infinity"), (uneven, "one multiple of the input's")):
        outcome = run("inspect", path, "--size", "64x64", *form)
        exported = run("export", path, "--size", "64x64", "--output", tmp_path / "out")
        assert outcome.code == exported.code == 5
        said = " ".join(outcome.out.split())
        assert why in said
        assert "Conv" in said
        if form:
            assert json.loads(outcome.out)["parameters"] == 81


def test_a_model_of_two_inputs_is_shown_with_both(run: Run, tmp_path: Path) -> None:
    sides: dict[str, list[object]] = {"fixed": [16, 24], "open": ["h", "w"]}
    for name, (height, width) in sides.items():
        ends = [
            helper.make_tensor_value_info(edge, onnx.TensorProto.FLOAT, ["n", count, height, width])
            for edge, count in (("image", 3), ("mask", 1), ("out", 3))
        ]
        node = helper.make_node("Mul", ["image", "mask"], ["out"])
        graph = helper.make_graph([node], "two", ends[:2], ends[2:])
        path = tmp_path / f"{name}.onnx"
        opset = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
        outcome = run("inspect", path)
        assert outcome.code == 0
        assert "Mul           1     0           0" in outcome.out
        said = " ".join(outcome.out.split())
        assert f"input mask: float32 n×1×{height}×{width}" in said
        assert "input image: float32" in said
        assert re.search(r"can write .*tflite-int8", said)
        assert ("per image of 180x320" in said) == (name == "open")
    found = json.loads(run("inspect", path, "--size", "16x24", "--json").out)
    assert found["operators"][0]["shape"] == [1, 3, 16, 24]
    assert found["counted_at"] == [16, 24]


def test_targets_that_are_refused_while_others_are_not_exit_with_0(
    run: Run, tmp_path: Path
) -> None:
    nodes = [helper.make_node("Atan", ["image"], ["out"])]
    outcome = run("inspect", saved(nodes, {}, tmp_path / "erf.onnx"), "--size", "48x64")
    assert outcome.code == 0
    assert "can write onnx-float" in " ".join(outcome.out.split())


def test_a_target_whose_compiler_is_missing_is_none_that_export_can_write(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = np.full((3, 3, 3, 3), 0.1, np.float32)
    path = convolution([1, 1, 1, 1], weight, tmp_path / "one.onnx")
    monkeypatch.setattr(sdk, "find_sdk", lambda vendor: Skipped(f"No compiler of {vendor.name}."))
    said = " ".join(run("inspect", path).out.split())
    able, _, rest = said.partition("can write ")[2].partition(" not ")
    assert "tflite-int8" in able
    assert "tflite-npu" not in able
    assert rest.startswith(
        "the files for NPUs of tflite-npu, tflite-npu16: No compiler of Qualcomm."
    )
    rows = json.loads(run("inspect", path, "--json").out)["targets"]
    missing = {row["target"]: row["missing"] for row in rows if row["missing"]}
    absent = ["No compiler of Qualcomm."]
    assert missing == {"tflite-npu": absent, "tflite-npu16": absent}
    exports = inspect(path).exports
    assert isinstance(exports, dict)
    assert exports["tflite-npu"] == ("No compiler of Qualcomm.",)

    monkeypatch.setattr(sdk, "find_sdk", lambda _vendor: Sdk((), "a test"))
    said = " ".join(run("inspect", path).out.split())
    assert "tflite-npu" in said.partition("can write ")[2].split(" not ")[0]


def test_a_target_whose_package_is_missing_is_none_that_export_can_write(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = np.full((3, 3, 3, 3), 0.1, np.float32)
    path = convolution([1, 1, 1, 1], weight, tmp_path / "one.onnx")
    monkeypatch.setattr(formats, "find_spec", lambda _module: None)
    said = " ".join(run("inspect", path).out.split())
    able = said.partition("can write ")[2].partition(" not ")[0]
    assert "coreml-int8" in able
    assert "ncnn-int8" in able  # its package runs files and writes none
    assert "executorch" not in able
    assert "coreai" not in able
    assert "not executorch-float, executorch-int8: The package executorch, which" in said
    exports = inspect(path).exports
    assert isinstance(exports, dict)
    assert "pip install" in exports["coreai-int8"][0]


def test_a_target_shows_the_model_as_its_recipe_takes_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    (tmp_path / "export").mkdir()
    shipped = (shipped_folder("export") / "tflite-float.toml").read_text()
    assert "size = [180, 320]" in shipped
    own = shipped.replace("size = [180, 320]", "size = [64, 48]") + "\n[bind]\nsigma = 0.1\n"
    (tmp_path / "export" / "tflite-float.toml").write_text(own)
    shutil.copy(shipped_folder("export") / "onnx-float.toml", tmp_path / "export")
    monkeypatch.chdir(tmp_path)
    said = run("inspect", path, "--target", "tflite").out
    given = run("inspect", path, "--bind", "sigma=0.1", "--size", "64x48").out
    start, end = given.split("export with --size 64x48 can write onnx-float, tflite-float")
    sizes = "sizes, as its recipes state them: 64x48 for tflite-float (another: --size)"
    assert said == f"{start}export can write tflite-float\n{sizes}{end}"
    assert "bound: sigma = 0.1" in said
    assert "input sigma" in run("inspect", path).out
    other = run("inspect", path, "--target", "tflite-float", "--bind", "sigma=0.2")
    assert (other.code, "State it in one place" in other.err) == (3, True)
    unknown = run("inspect", path, "--target", "tflite-flaot")
    assert (unknown.code, "'tflite-float'" in unknown.err) == (2, True)


@pytest.mark.parametrize("skip", [True, False])
def test_sides_that_a_network_does_not_take_are_refused_in_the_words_of_export(
    run: Run, tmp_path: Path, skip: bool
) -> None:
    path = strided(tmp_path / "unet.onnx", skip)
    said = "unet takes sides that are multiples of 8; 181x320 is not. Say --size 184x320."
    exported = run("export", path, "--size", "181x320", "--output", tmp_path / "out")
    outcome = run("inspect", path, "--size", "181x320")
    assert outcome.code == exported.code == 5
    assert said in " ".join(exported.err.split())
    assert said in " ".join((outcome.out + outcome.err).split())


@pytest.mark.parametrize("skip", [True, False])
def test_without_a_size_an_open_model_is_shown_at_one_that_it_takes(
    run: Run, tmp_path: Path, skip: bool
) -> None:
    outcome = run("inspect", strided(tmp_path / "unet.onnx", skip))
    assert outcome.code == 0, outcome.err
    assert "export with --size 184x320 can write" in " ".join(outcome.out.split())


def of_tensorflow(path: Path) -> Path:
    """Save a network of (N, H, W, C) with all lengths open that halves and enlarges again."""
    rng = np.random.default_rng(4)
    nodes = [
        helper.make_node("Transpose", ["image"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "w"], ["b"], auto_pad="SAME_UPPER", strides=[2, 2]),
        helper.make_node("ConvTranspose", ["b", "v"], ["c"], strides=[2, 2]),
        helper.make_node("Add", ["a", "c"], ["d"]),
        helper.make_node("Transpose", ["d"], ["out"], perm=[0, 2, 3, 1]),
    ]
    constants = {
        name: rng.normal(0, 0.1, (3, 3, taps, taps)).astype(np.float32)
        for name, taps in (("w", 3), ("v", 2))
    }
    model = whole_model(nodes, constants)
    for value in (model.graph.input[0], model.graph.output[0]):
        lengths = value.type.tensor_type.shape.dim
        for length, size in zip(lengths, ("n", "h", "w", 3), strict=True):
            length.Clear()
            setattr(length, "dim_value" if size == 3 else "dim_param", size)
    onnx.save(model, path)
    return path


OLD = """<ir_version: 6, opset_import: ["" : 11]>
old (float[1,3,h,w] image) => (float[1,3,h,w] out) {
m = MaxPool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(image) s = Shape(image)
h = Gather<axis=0>(s, i) w = Gather<axis=0>(s, j)
a = Unsqueeze<axes=[0]>(h) b = Unsqueeze<axes=[0]>(w)
q = Shape(m) c = Slice(q, z, two) l = Concat<axis=0>(c, a, b)
out = Resize<mode="linear">(m, none, none, l) }"""


def of_an_old_exporter(path: Path) -> Path:
    """Save a network of opset 11 that resizes to the size of the image, by shape arithmetic."""
    model = onnx.parser.parse_model(OLD)
    constants = {"i": 2, "j": 3, "z": [0], "two": [2]}
    arrays = {name: np.array(value, np.int64) for name, value in constants.items()}
    for name, array in {**arrays, "none": np.zeros(0, np.float32)}.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("made", "size"), [(of_tensorflow, "66x90"), (of_an_old_exporter, "33x45")]
)
def test_files_of_other_exporters_are_shown_where_export_takes_them(
    run: Run, tmp_path: Path, photos: Path, made: Callable[[Path], Path], size: str
) -> None:
    path = made(tmp_path / "net.onnx")
    outcome = run("inspect", path, "--size", size)
    assert outcome.code == 0, outcome.err
    said = " ".join(outcome.out.split())
    assert "activations:" in said
    assert re.search(rf"export with --size {size} can write .*coreml-fp16", said)
    words = ("--target", "onnx-float", "--images", photos / "evaluation")
    exported = run("export", path, "--size", size, *words, "--output", tmp_path / "out")
    assert exported.code == 0, exported.err


@pytest.mark.parametrize("command", ["inspect", "export", "enhance"])
def test_a_network_that_pads_one_side_alone_is_refused_alike_everywhere(
    run: Run, tmp_path: Path, photos: Path, command: str
) -> None:
    weight = np.random.default_rng(2).normal(0, 0.1, (3, 3, 3, 3)).astype(np.float32)
    path = convolution([1, 1, 0, 0], weight, tmp_path / "odd.onnx")
    photo = next((photos / "evaluation").iterdir())
    words = {
        "inspect": (path,),
        "export": (path, "--size", "64x64", "--output", tmp_path / "out"),
        "enhance": (photo, "--model", path, "--output", tmp_path / "out"),
    }
    outcome = run(command, *words[command])
    assert outcome.code == 5
    said = " ".join((outcome.out + outcome.err).split())
    assert "one multiple of the input's. Resize or pad inside the model." in said


def bent(path: Path) -> Path:
    """A network with an activation that no target has, in a layout that none has."""
    generator = np.random.default_rng(4)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["c"], ["l"], perm=[0, 2, 3, 1]),
        helper.make_node("Mish", ["l"], ["m"]),
        helper.make_node("Transpose", ["m"], ["f"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["f", "w"], ["r"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["image", "r"], ["out"]),
    ]
    return saved(nodes, {"w": generator.normal(0, 0.02, (3, 3, 3, 3)).astype(np.float32)}, path)


def test_passes_are_listed_by_phase_with_how_often_they_fired(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # lines are as long as the path that stands in them
    path = bent(tmp_path / "net.onnx").relative_to(tmp_path)
    outcome = run("inspect", path, "--size", "48x64", "--passes")
    assert outcome.code == 0, outcome.err
    assert max(map(len, outcome.out.splitlines())) <= 80
    rows = [line.split() for line in outcome.out.splitlines()]
    assert any(row[:3] == ["recognise", "decompose-activations", "1"] for row in rows)
    assert any(row[:2] == ["normalise", "reduce-transposes"] and int(row[2]) > 0 for row in rows)
    assert "no passes for onnx-float" in outcome.out
    told = json.loads(run("inspect", path, "--size", "48x64", "--passes", "--json").out)["passes"]
    phases = {phase["name"]: phase for phase in told[0]["phases"]}
    fired = {row["name"]: row["count"] for row in phases["normalise"]["passes"]}
    assert fired["reduce-transposes"] > 0
    assert fired["fuse-expanded-norm"] == 0
    assert told[0]["nodes"] == 6


def test_passes_are_those_of_a_float_model_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"")
    outcome = run("inspect", path, "--passes")
    assert outcome.code == 2
    assert "is not a float .onnx model" in " ".join(outcome.err.split())


def test_graphs_are_written_after_each_phase(run: Run, tmp_path: Path, photos: Path) -> None:
    path = bent(tmp_path / "net.onnx")
    words = ("--size", "48x64", "--target", "tflite-float", "--images", photos / "evaluation")
    places = ("--output", tmp_path / "out", "--dump-graphs", tmp_path / "graphs", "--no-bench")
    outcome = run("export", path, *words, *places, "--debug")
    assert outcome.code == 0, outcome.err
    files = sorted((tmp_path / "graphs" / "net" / "tflite-float").iterdir())
    names = ["00-read.onnx", "01-tidy.onnx", "02-recognise.onnx", "03-normalise.onnx"]
    assert [file.name for file in files][:4] == names
    kinds = [{node.op_type for node in onnx.load(file).graph.node} for file in files]
    assert "Mish" in kinds[1] - kinds[2]
    assert "Transpose" in kinds[2] - kinds[3]


def test_an_invalid_recipe_keeps_its_own_target_alone_from_being_written(
    run: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "export").mkdir()
    for name in ("onnx-float", "tflite-gpu"):
        text = (shipped_folder("export") / f"{name}.toml").read_text()
        if name == "tflite-gpu":
            text = text.replace("summary =", "sumary =")
        (tmp_path / "export" / f"{name}.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    outcome = run("inspect", tiny)
    assert outcome.code == 0
    text = " ".join(outcome.out.split())
    assert "can write onnx-float not tflite-gpu: " in text
    assert "unknown key 'sumary'. Did you mean 'summary'?" in text
