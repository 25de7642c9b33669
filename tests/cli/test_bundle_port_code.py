"""The code of bundles with ports in Kotlin and Swift: compiled where a compiler is, else parsed."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_imgq.bundle.app_code import port_code
from edge_imgq.bundle.port_contract import PortedContract
from edge_imgq.cli.main import main
from edge_imgq.report.json_file import read_json
from edge_imgq.report.typed import read_as
from tests.port_networks import with_noise_map

STUBS = Path(__file__).with_name("android_stubs")
APPLE = Path(__file__).with_name("apple_stubs")
KOTLIN = {"Ports", "PortsFile", "CheckPorts", "Contract"}
SWIFT = {"Ports", "PortsPackage", "CheckPorts", "Contract"}


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"there is no {', '.join(missing)} here")


def ran(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], cwd=folder, text=True, capture_output=True, check=False
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    words = ("--target", "tflite-float", "--size", "32x48", "--no-bench", "--output", folder)
    assert main(["export", str(with_noise_map(folder / "own.onnx")), *map(str, words)]) == 0
    assert main(["bundle", str(folder / "own"), "-o", str(folder / "app")]) == 0
    return folder / "app"


@pytest.fixture
def app(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "app"))


@pytest.fixture
def contract(kept: Path) -> PortedContract:
    found: PortedContract = read_as(PortedContract, read_json(kept / "contract.json"), "it")
    return found


def of_core_ml(contract: PortedContract) -> PortedContract:
    """Return a Core ML package's contract: an image, an array, and a state that is handed on."""
    (file,) = contract.files
    (signature,) = file.signatures
    image = dataclasses.replace(signature.image, layout="image", shape=(32, 48, 3), type="uint8")
    sigma = dataclasses.replace(signature.extra_inputs[0], layout="NCHW", shape=(1, 1, 32, 48))
    state = dataclasses.replace(sigma, name="h_in", shape=(1, 8, 32, 48))
    called = dataclasses.replace(
        signature, name="", image=image, result=dataclasses.replace(image, name="result"),
        extra_inputs=(sigma, state), extra_results=(dataclasses.replace(state, name="h_out"),),
    )  # fmt: skip
    package = dataclasses.replace(
        file, target="coreml-fp16", file="models/coreml-fp16.mlpackage", format="Core ML",
        signatures=(called,),
    )  # fmt: skip
    fed = dataclasses.replace(contract.inputs[0], name="h_in", channels=8, fed_by="h_out")
    return dataclasses.replace(contract, files=(package,), inputs=(*contract.inputs, fed))


def test_kotlin_names_what_the_contract_names(app: Path) -> None:
    assert {path.stem for path in (app / "android").iterdir()} == KOTLIN
    text = (app / "android" / "Contract.kt").read_text()
    assert 'Port("sigma", 1, doubleArrayOf(0.0), doubleArrayOf(0.294117647' in text
    assert 'Tensor("image", 32, 48, 3, true, 1.0)' in text
    assert 'Tensor("sigma", 32, 48, 1, true, 1.0)' in text
    assert 'signature = "serving_default"' in text


@needs("kotlinc", "java")
@pytest.mark.slow
def test_kotlin_compiles_and_fills_inputs_as_the_vectors_say(app: Path) -> None:
    """What calls LiteRT against stubs of the types that it calls."""
    stubs = [STUBS / f"{name}.kt" for name in ("Android", "Assets", "Interpreter")]
    words = ("kotlinc", *sorted((app / "android").glob("*.kt")), *stubs, "-include-runtime")
    made = ran(*words, "-Werror", "-d", "check.jar", folder=app)
    assert made.returncode == 0, made.stderr
    checking = ("java", "-cp", "check.jar", "edgeimgq.CheckPortsKt", ".")
    checked = ran(*checking, folder=app)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("right") == 2
    ports = app / "android" / "Ports.kt"
    text = ports.read_text()
    assert text.count("(share * tensor.peak)") == 1
    ports.write_text(text.replace("(share * tensor.peak)", "(share * tensor.peak / 2)"))
    assert ran(*words, "-d", "check.jar", folder=app).returncode == 0
    assert ran(*checking, folder=app).returncode == 1


def test_swift_parses_and_names_what_the_contract_names(contract: PortedContract) -> None:
    swift = pytest.importorskip("tree_sitter_swift", reason="tree-sitter-swift is not installed")
    sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
    parser = sitter.Parser(sitter.Language(swift.language()))
    code = port_code(of_core_ml(contract), 1.0)
    assert set(code) == {f"ios/{name}.swift" for name in SWIFT} | {"python/run_file.py"}
    for name in SWIFT:
        text = code[f"ios/{name}.swift"]
        assert not parser.parse(text).root_node.has_error
        assert parser.parse(text.replace(b"{", b"", 1)).root_node.has_error
    said = code["ios/Contract.swift"].decode()
    assert 'Tensor(name: "image", height: 32, width: 48, channels: 3, isImage: true' in said
    assert 'Tensor(name: "h_in", height: 32, width: 48, channels: 8, isImage: false' in said
    assert '"h_in": "h_out"' in said


@needs("swiftc")
def test_swift_compiles_and_fills_inputs_as_the_vectors_say(
    app: Path, contract: PortedContract
) -> None:
    (app / "ios").mkdir()
    for name, text in port_code(of_core_ml(contract), 1.0).items():
        (app / name).write_bytes(text)
    levels = bytes(range(256)) * (32 * 48 * 8 // 256)
    (app / "vectors" / "input-2.pnm").write_bytes(b"P5\n48 256\n255\n" + levels)
    pure = [f"ios/{name}.swift" for name in ("Ports", "Contract")]
    words = ("swiftc", "-O", "-parse-as-library", *pure, "ios/CheckPorts.swift", "-o", "check")
    made = ran(*words, folder=app)
    assert made.returncode == 0, made.stderr
    checked = ran("./check", ".", folder=app)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("right") == 3
    for module in ("CoreVideo", "CoreML"):
        stub = ("-emit-module", "-parse-as-library", "-I", ".", "-module-name", module)
        made = ran("swiftc", *stub, APPLE / f"{module}.swift", folder=app)
        assert made.returncode == 0, made.stderr
    typed = ran("swiftc", "-typecheck", "-I", ".", *pure, "ios/PortsPackage.swift", folder=app)
    assert typed.returncode == 0, typed.stderr
