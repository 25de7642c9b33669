"""Bundles of files with ports: what they say and hold, by ONNX Runtime and by LiteRT's library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ai_edge_litert
import numpy as np
import onnxruntime
import pytest

from edge_imgq.bundle.photo import from_netpbm
from edge_imgq.bundle.port_contract import PortedContract
from edge_imgq.bundle.port_vectors import stacked
from edge_imgq.bundle.readme import readme
from edge_imgq.cli.main import main
from edge_imgq.pipeline.bundle.bundle_check import check_bundle
from edge_imgq.report.typed import read_as
from tests.cli.conftest import validator
from tests.port_networks import to_colours, with_mask, with_noise_map, with_strength

LITERT = Path(__file__).with_name("litert_stubs")
NETWORKS = {
    "sigma": with_noise_map,
    "strength": with_strength,
    "mask": with_mask,
    "colours": to_colours,
}


def bundle_of(folder: Path, write: Callable[[Path], Path], *targets: str) -> Path:
    network = write(folder / "own.onnx")
    words = ("--size", "32x48", "--no-bench", "--output", folder / "made")
    assert main(["export", str(network), "--target", *targets, *map(str, words)]) == 0
    assert main(["bundle", str(folder / "made" / "own"), "-o", str(folder / "app")]) == 0
    return folder / "app"


@pytest.fixture(scope="module", params=NETWORKS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    return bundle_of(folder, NETWORKS[request.param], "tflite-float", "onnx-float")


@pytest.fixture
def app(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "app"))


def read(app: Path) -> dict:
    said: dict = json.loads((app / "contract.json").read_text())
    validator((app / "contract.schema.json").read_text()).validate(said)
    return said


def levels(app: Path, port: dict) -> np.ndarray:
    found = from_netpbm((app / port["vector"]).read_bytes())
    if found.shape[2] == port["channels"]:
        return found
    return found.reshape(port["channels"], -1, found.shape[1]).transpose(1, 2, 0)


def test_the_person_s_file_gives_the_vectors_by_what_the_contract_says(app: Path) -> None:
    """ONNX Runtime on the file that was given, with numbers that the contract works out."""
    said = read(app)
    session = onnxruntime.InferenceSession(app / "models" / "reference" / "original.onnx")
    feeds = {}
    for entry in session.get_inputs():
        port = next((p for p in said["inputs"] if p["name"] == entry.name), None)
        low, high = (0.0, 1.0) if port is None else (port["low"], port["high"])
        shares = levels(app, port or said["photograph"]).astype(np.float64) / 255
        numbers = (low + shares * (np.asarray(high) - low)).transpose(2, 0, 1)[np.newaxis]
        is_vector = len(entry.shape) != 4
        feeds[entry.name] = np.float32(numbers.ravel() if is_vector else numbers)
    wanted = session.run(None, feeds)[0][0].transpose(1, 2, 0)
    if said["output"] is not None:
        low, high = np.asarray(said["output"]["low"]), np.asarray(said["output"]["high"])
        wanted = (wanted - low) / (high - low)
    wanted = np.rint(wanted.clip(0, 1) * 255).astype(np.uint8)
    for target in ("tflite-float", "onnx-float"):
        found = from_netpbm((app / "vectors" / f"{target}.pnm").read_bytes())
        assert np.abs(found.astype(int) - stacked(wanted)).max() <= 1


def test_the_code_in_python_gives_the_vectors_and_sees_others(app: Path) -> None:
    words = [sys.executable, str(app / "python" / "run_file.py"), str(app)]
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.count("largest difference") == 2
    place = app / "vectors" / "tflite-float.pnm"
    contents = bytearray(place.read_bytes())
    contents[-1] ^= 128
    place.write_bytes(contents)
    assert subprocess.run(words, capture_output=True, check=False).returncode == 1


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ here")
def test_the_code_in_cpp_gives_the_vectors_in_litert_s_own_library(app: Path) -> None:
    library = Path(ai_edge_litert.__file__).with_name("libLiteRt.so")
    if not library.is_file():
        pytest.skip("this wheel of ai-edge-litert has no libLiteRt.so")
    words = ["g++", "-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", "-Icpp", f"-I{LITERT}"]
    linking = [f"-L{library.parent}", "-l:libLiteRt.so", f"-Wl,-rpath,{library.parent}"]
    made = subprocess.run(
        [*words, "cpp/check_ports.cpp", "-o", "check", *linking],
        cwd=app,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    checked = subprocess.run(["./check", "."], cwd=app, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("largest difference") == 1


def test_a_bundle_is_right_by_its_files_until_something_is_altered(app: Path) -> None:
    def differing() -> list[str]:
        found = check_bundle(app, None, lambda _: None, measures=False)
        return [one.what for one in found if one.state == "differs"]

    assert differing() == []
    place = app / "contract.json"
    place.write_text(place.read_text().replace('"border": 0', '"border": 4', 1))
    assert "contract.json photograph border" in differing()


def test_the_first_page_says_what_goes_in_and_what_fills_it(app: Path) -> None:
    page, said = (app / "README.md").read_text(), read(app)
    for port in said["inputs"]:
        assert f"| `{port['name']}` | {port['kind']}: {port['meaning']} |" in page
    assert "no code that cuts photographs into tiles" in page
    for path in (app / "android").iterdir():
        assert path.suffix == ".kt"
    assert "kotlinc android/Ports.kt android/Contract.kt android/CheckPorts.kt" in page
    assert "iOS" not in page
    assert "Core ML takes" not in page  # there is no such file in this bundle


def test_the_first_page_says_the_same_of_core_ml_in_code_and_in_pixels(app: Path) -> None:
    """An image is a CVPixelBuffer and anything else an MLMultiArray, wherever it is said."""
    contract = read_as(PortedContract, read(app), "contract.json")
    (signature,) = contract.files[0].signatures
    image = replace(signature.image, layout="image")
    files = (
        replace(contract.files[0], format="Core ML", signatures=(replace(signature, image=image),)),
    )
    page = readme(replace(contract, files=files), "", [], []).decode()
    said = " ".join(page.split())
    assert (
        "Core ML takes a `CVPixelBuffer` for an image and an `MLMultiArray` for every other" in said
    )
    assert f"input `{image.name}`, an image (CVPixelBuffer)," in said
    assert page.count(" (MLMultiArray), ") == len(signature.extra_inputs)
    assert "`run_file.py` does not run Core ML files" in said.replace("python/", "")
    assert "Kotlin's" not in page


def test_numbers_of_a_port_become_the_share_that_they_are(app: Path) -> None:
    """The code that an app's developer copies, on its own."""
    said, scope = read(app), {"__name__": "run_file"}
    exec((app / "python" / "run_file.py").read_text(), scope)
    for port in said["inputs"]:
        middle = [(low + high) / 2 for low, high in zip(port["low"], port["high"], strict=True)]
        assert scope["constant"](port, middle).ravel().tolist() == [0.5] * port["channels"]
        with pytest.raises(ValueError, match=port["name"]):
            scope["constant"](port, port["high"][0] + 1)
