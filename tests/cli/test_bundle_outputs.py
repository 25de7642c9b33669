"""Bundles of several outputs, of states and of a fractional scale: code, vectors and contract."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from edge_imgq.bundle.photo import from_netpbm
from edge_imgq.cli.main import main
from edge_imgq.pipeline.bundle.bundle_check import check_bundle
from tests.cli.conftest import validator
from tests.fraction_networks import by_three_halves, with_half_mask, with_quarter_state
from tests.several_networks import curves, three_scales

LITERT = Path(__file__).with_name("litert_stubs")
NETWORKS = {
    "scales": (three_scales, 3),
    "curves": (curves, 3),
    "state": (with_quarter_state, 2),
    "mask": (with_half_mask, 1),
    "larger": (by_three_halves, 1),
}


@pytest.fixture(scope="module", params=NETWORKS)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    network = NETWORKS[request.param][0](folder / f"{request.param}.onnx")
    pixels = np.random.default_rng(1).integers(40, 200, (48, 64, 3), np.uint8)
    (folder / "photos").mkdir()
    Image.fromarray(pixels).resize((96, 72)).save(folder / "photos" / "photo.png")
    words = ["--size", "32x48", "--no-bench", "--output", str(folder / "made")]
    words += ["--images", str(folder / "photos")]
    targets = ["--target", "tflite-float"]
    assert main(["export", str(network), *targets, *words]) == 0
    made = folder / "made" / request.param
    assert main(["bundle", str(made), "-o", str(folder / "app")]) == 0
    return folder / "app"


def read(app: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((app / "contract.json").read_text())
    validator((app / "contract.schema.json").read_text()).validate(said)
    return said


def code(app: Path) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "run_file"}
    exec((app / "python" / "run_file.py").read_text(), scope)
    return scope


def test_the_contract_states_every_output_and_file_s_tensor(app: Path) -> None:
    said, outputs = read(app), NETWORKS[read(app)["model"]][1]
    assert len(said["further_outputs"]) == outputs - 1
    for file in said["files"]:
        (signature,) = file["signatures"]
        assert len(signature["extra_results"]) == outputs - 1
        for port, tensor in zip(said["further_outputs"], signature["extra_results"], strict=True):
            assert tensor["name"] == port["name"]
            assert port["channels"] in tensor["shape"]
    assert (said["scale"] == "3/2") == (said["model"] == "larger")
    parts = {"state": 4, "mask": 2}.get(said["model"])
    assert [port["downscale"] for port in said["inputs"]] == ([parts] if parts else [])


def test_onnx_runtime_gives_the_vectors_of_every_output(app: Path) -> None:
    said, scope = read(app), code(app)
    session = onnxruntime.InferenceSession(app / "models" / "reference" / "original.onnx")
    feeds = {}
    for port in (said["photograph"], *said["inputs"]):
        levels = scope["read"](app / port["vector"], port["channels"]).astype(np.float64)
        low, high = np.array(port.get("low", [0.0])), np.array(port.get("high", [1.0]))
        numbers = low + levels / 255 * (high - low)
        name = port.get("name", session.get_inputs()[0].name)
        feeds[name] = numbers.transpose(2, 0, 1)[np.newaxis].astype(np.float32)
    results = dict(
        zip((o.name for o in session.get_outputs()), session.run(None, feeds), strict=True)
    )
    for place, port in enumerate(said["further_outputs"], 1):
        numbers = results.pop(port["name"])
        laid = numbers.reshape(1, 1, -1) if numbers.ndim == 2 else numbers[0].transpose(1, 2, 0)
        low, high = np.array(port["low"]), np.array(port["high"])
        wanted = np.rint(((laid - low) / (high - low)).clip(0, 1) * 255)
        found = scope["read"](app / "vectors" / f"tflite-float.{place}.pnm", port["channels"])
        assert np.abs(found - wanted).max() <= 1
    (first,) = results.values()
    wanted = np.rint(first[0].transpose(1, 2, 0).clip(0, 1) * 255)
    found = from_netpbm((app / "vectors" / "tflite-float.pnm").read_bytes())
    assert np.abs(found - wanted).max() <= 1


def test_the_code_in_python_gives_the_vectors_and_sees_others(app: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(app, tmp_path / "app"))
    words = [sys.executable, str(copy / "python" / "run_file.py"), str(copy)]
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    place = max((copy / "vectors").glob("tflite-float*.pnm"))
    contents = bytearray(place.read_bytes())
    contents[-1] ^= 128
    place.write_bytes(contents)
    assert subprocess.run(words, capture_output=True, check=False).returncode == 1


def test_the_code_in_python_hands_a_state_on(app: Path) -> None:
    said, scope = read(app), code(app)
    if said["model"] != "state":
        assert scope["next_states"](said, said["files"][0]["signatures"][0], []) == {}
        return
    file = next(f for f in said["files"] if f["target"] == "tflite-float")
    (signature,), (port,) = file["signatures"], said["inputs"]
    generator = np.random.default_rng(3)
    session = onnxruntime.InferenceSession(app / "models" / "reference" / "original.onnx")
    state, handed = np.zeros((1, 8, 8, 12), np.float32), {}
    for _ in range(3):
        levels = generator.integers(0, 256, (32, 48, 3), np.uint8)
        shares = [scope["picture"](levels), scope["constant"](port, 0)]
        feeds = scope["feeds_of"](said, signature, shares, (32, 48)) | handed
        values = scope["call"](app / file["file"], signature, feeds)
        handed = scope["next_states"](said, signature, values)
        image = levels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
        wanted, state = session.run(None, {"image": image, "h_in": state})
        found = values[0].transpose(0, 3, 1, 2)
        np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ here")
def test_the_code_in_cpp_gives_the_vectors_and_hands_a_state_on(app: Path, tmp_path: Path) -> None:
    library = Path(ai_edge_litert.__file__).with_name("libLiteRt.so")
    if not library.is_file():
        pytest.skip("this wheel of ai-edge-litert has no libLiteRt.so")
    words = ["g++", "-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", f"-I{app / 'cpp'}"]
    linking = [f"-L{library.parent}", "-l:libLiteRt.so", f"-Wl,-rpath,{library.parent}"]
    made = subprocess.run(
        [
            *words,
            f"-I{LITERT}",
            app / "cpp" / "check_ports.cpp",
            "-o",
            tmp_path / "check",
            *linking,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    checked = subprocess.run([tmp_path / "check", app], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    said = read(app)
    assert checked.stdout.count("largest difference") == NETWORKS[said["model"]][1]
    assert ("handed on" in checked.stdout) == (said["model"] == "state")


def test_a_bundle_is_right_by_its_files(app: Path) -> None:
    found = check_bundle(app, None, lambda _: None, measures=False)
    assert [one.what for one in found if one.state == "differs"] == []
    page = (app / "README.md").read_text()
    for port in read(app)["further_outputs"]:
        assert f"`{port['name']}`, out" in page
