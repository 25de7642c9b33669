"""`export`, `verify` and `bench`: files with their figures, and what a notebook shows."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image
from torch import nn

import edge_imgq as eiq
from edge_imgq.cli.main import main
from edge_imgq.errors import ModelError, RecipeError, UsageError
from tests.api.conftest import SIZE, Pixels


def test_every_target_has_a_file_where_the_result_says(exported: eiq.ModelResult) -> None:
    assert set(exported.files) == {"onnx-float", "onnx-int8", "tflite-int8", "coreml-int8"}
    assert exported.folder.name == "residual"
    for target, file in exported.files.items():
        assert file.path.exists()
        assert file.path == exported[target].path == Path(file)
        assert file.target == target
        assert file.vs_float.mean > 40
        assert file.bytes > 0
        assert file.breaches == ()
    assert exported.passes
    assert exported.verdict == "4 files within budget."


def test_the_reference_is_the_module_that_was_given(
    exported: eiq.ModelResult, network: nn.Module, photos: list[Pixels]
) -> None:
    import torch

    original = exported.folder / "reference" / "original.onnx"
    image = torch.from_numpy(photos[0]).permute(2, 0, 1)[None] / 255
    session = onnxruntime.InferenceSession(original)
    got = session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]
    with torch.no_grad():
        np.testing.assert_allclose(got, network.eval()(image).numpy(), atol=1e-5)
    network.train()
    assert str(exported.report.original).startswith("ONNX Runtime")


def test_the_command_writes_the_same_files(
    model: eiq.Model,
    exported: eiq.ModelResult,
    calibration: list[Pixels],
    photos: list[Pixels],
    tmp_path: Path,
) -> None:
    for name, images in (("calibration", calibration), ("photos", photos)):
        (tmp_path / name).mkdir()
        for number, pixels in enumerate(images):
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    original = exported.folder / "reference" / "original.onnx"
    (tmp_path / "residual.onnx").write_bytes(original.read_bytes())
    words = ["export", "residual.onnx", "--target", "*-int8", "--size", "48x64", "--no-bench"]
    words += ["--scheme", "int8-fast", "--calibration", "calibration", "--images", "photos"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main([*words, "--output", "out"]) == 0
    for target in ("onnx-int8", "tflite-int8"):
        file = exported[target].path
        assert (tmp_path / "out" / "residual" / file.name).read_bytes() == file.read_bytes()


class Elements(HTMLParser):
    """Checks that every element is closed, and keeps their names."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag != "img":
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


def elements(html: str) -> list[str]:
    parser = Elements()
    parser.feed(html)
    assert parser.opened == []
    return parser.seen


def test_a_result_shows_verdict_table_and_a_small_picture(exported: eiq.ModelResult) -> None:
    html = exported._repr_html_()
    seen = elements(html)
    assert "<b>4 files within budget.</b>" in html
    assert seen.count("tr") == 5
    assert all(f">{target}<" in html for target in exported.files)
    assert "script" not in seen
    (encoded,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert picture.width <= 640
    assert picture.height <= 300
    assert len(html) < 150_000
    assert "evaluation: 2 images in memory" in html


def test_results_are_gone_through_file_by_file(exported: eiq.ModelResult) -> None:
    assert [file.target for file in exported] == list(exported.files)
    found = eiq.Verification((exported, exported))
    assert list(found) == [exported, exported]
    assert found.verdict == f"{exported.verdict}\n{exported.verdict}"


def test_a_result_prints_as_the_command_does(exported: eiq.ModelResult) -> None:
    assert "tflite-int8" in str(exported)
    assert "evaluation: 2 images in memory" in str(exported)
    assert len(repr(exported)) < 300
    assert len(repr(exported["tflite-int8"])) < 300


def test_a_target_without_a_file_says_why_or_what_there_is(exported: eiq.ModelResult) -> None:
    with pytest.raises(
        UsageError, match=r"There is no file 'tflite-int4'\. Did you mean 'tflite-i"
    ):
        exported["tflite-int4"]


def test_progress_is_told_and_nothing_is_printed(
    model: eiq.Model, photos: list[Pixels], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps: list[eiq.ProgressStep] = []
    result = eiq.export(
        model, targets="onnx-float", output=tmp_path, images=photos, bench=False,
        progress=steps.append,
    )  # fmt: skip
    eiq.verify(result, images=photos, bench=False)
    assert [step.what for step in steps][:1] == ["open residual"]
    assert any(step.what == "write onnx-float" for step in steps)
    assert capfd.readouterr() == ("", "")


def test_sizes_may_be_others_than_the_examples(
    model: eiq.Model, photos: list[Pixels], tmp_path: Path
) -> None:
    result = eiq.export(
        model, targets="tflite-float", output=tmp_path, images=photos, sizes=[(32, 40), (24, 32)],
        bench=False,
    )  # fmt: skip
    assert eiq.open_file(result["tflite-float"]).session.sizes == ((32, 40), (24, 32))


def test_recipes_may_be_made_in_python(
    model: eiq.Model, calibration: list[Pixels], photos: list[Pixels], tmp_path: Path
) -> None:
    strict = eiq.Budget(0.0, 0.0, 99.0, 0.9)
    (recipe,) = (r for r in eiq.export_recipes() if r.name == "onnx-int8")
    scheme = replace(eiq.quantize_recipe("int8-fast"), name="plain", observer="min-max")
    result = eiq.export(
        model,
        targets=[replace(recipe, name="mine", budget=strict)],
        scheme=scheme,
        output=tmp_path,
        calibration=calibration,
        images=photos,
        bench=False,
    )
    assert result["mine"].path.name == "mine.onnx"
    assert not result.passes
    assert result.verdict == "0 files within budget; over budget: mine."
    assert "mine !" in result._repr_html_()
    assert (result.folder / "reference" / "plain.onnx").is_file()
    (made,) = result.report.schemes
    assert made.scheme == "plain"
    assert "edge-imgq sensitivity" not in str(result)  # no command has this model in memory


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"targets": "tflite-int4"}, UsageError, "No target is called 'tflite-int4'"),
        ({"scheme": "int9"}, RecipeError, "There is no quantization recipe 'int9'"),
        ({"sizes": "48x64"}, UsageError, "is not a size"),
        ({"sizes": (0, 3)}, UsageError, "is not a size"),
        ({"calibration": []}, eiq.EdgeImgqError, "list of images is empty"),
        ({"images": "gone"}, eiq.EdgeImgqError, "gone is not a folder"),
    ],
)
def test_a_wrong_argument_is_an_error_and_leaves_nothing(
    model: eiq.Model, tmp_path: Path, options: dict, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        eiq.export(model, output=tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_was_not_written_is_in_the_verdict_and_has_no_file(
    photos: list[Pixels], tmp_path: Path
) -> None:
    from onnx import helper

    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 3, *SIZE))
        for name in ("image", "out")
    ]
    nodes = [helper.make_node("Sinh", ["image"], ["out"])]
    graph = helper.make_graph(nodes, "s", ends[:1], ends[1:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    result = eiq.export(
        proto, targets=["onnx-float", "tflite-float"], output=tmp_path, images=photos, bench=False
    )
    assert not result.passes
    assert result.verdict == "1 file within budget; not written: tflite-float."
    assert "tflite-float !" in result._repr_html_()
    with pytest.raises(ModelError, match=r"There is no tflite-float file: [\s\S]*Sinh"):
        result["tflite-float"]


def test_verification_takes_results_folders_and_files(
    exported: eiq.ModelResult, photos: list[Pixels]
) -> None:
    file = exported["tflite-int8"]
    for paths in (exported.folder, file, [file.path], [file]):
        found = eiq.verify(paths, images=photos, bench=False)
        assert found["tflite-int8"].vs_float == file.vs_float
        assert found.passes
    elements(found._repr_html_())
    assert str(found) == str(found.models[0])


def test_verification_of_several_models_asks_which(
    exported: eiq.ModelResult, photos: list[Pixels], tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(exported.folder, tmp_path / "copy")
    found = eiq.verify(
        [exported["onnx-float"], tmp_path / "copy" / "onnx-float.onnx"], images=photos, bench=False
    )
    assert [result.folder.name for result in found.models] == ["residual", "copy"]
    with pytest.raises(UsageError, match="There are 2 results: choose one of `models`"):
        found["onnx-float"]


def test_times_have_the_file_the_place_and_the_figures(exported: eiq.ModelResult) -> None:
    times = eiq.bench([exported["tflite-int8"], exported["coreml-int8"]], runs=10)
    tflite, coreml = times
    assert len(times) == 2
    assert times.exit_code == 0
    assert tflite.file == str(exported["tflite-int8"].path)
    assert isinstance(coreml.latency, eiq.Skipped)  # an evaluator's time means nothing
    html = times._repr_html_()
    elements(html)
    assert "LiteRT" in html
    assert "reference evaluator" in html


@pytest.mark.parametrize("function", [eiq.verify, eiq.bench, eiq.open_file])
def test_a_path_that_is_not_there_is_answered_with_what_lies_beside(
    exported: eiq.ModelResult, function: object
) -> None:
    with pytest.raises(
        UsageError, match=r"There is no file or folder .*Did you mean '.*tflite-int8"
    ):
        function(exported.folder / "tflite-int4.tflite")  # type: ignore[operator]


@pytest.mark.parametrize("function", [eiq.verify, eiq.bench])
def test_no_paths_are_no_result(function: object) -> None:
    with pytest.raises(UsageError, match="The list of paths is empty"):
        function([])  # type: ignore[operator]


def test_the_report_beside_the_files_is_the_one_that_is_returned(exported) -> None:
    written = json.loads((exported.folder / "report.json").read_text())
    assert [target["target"] for target in written["targets"]] == list(exported.files)
