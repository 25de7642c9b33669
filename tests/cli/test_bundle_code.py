"""The code that bundles hold for apps, compiled and held to the vectors beside it."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import ai_edge_litert
import numpy as np
import pytest
from PIL import Image

from edge_imgq.bundle import pixel_vectors
from edge_imgq.bundle.app_code import app_code
from edge_imgq.bundle.app_pixels import from_yuv, full, limited, recoloured
from edge_imgq.bundle.contract import AppContract, TilingContract
from edge_imgq.bundle.photo import sample_photo
from edge_imgq.bundle.readme import readme
from edge_imgq.cli.main import main
from edge_imgq.images.chroma import luma_of
from edge_imgq.images.colour import exact_luma, rgb_to_y
from edge_imgq.report.json_file import read_json
from edge_imgq.report.typed import read_as
from edge_imgq.skipped import Skipped

LITERT = Path(__file__).with_name("litert_stubs")
STUBS = Path(__file__).with_name("android_stubs")
APPLE = Path(__file__).with_name("apple_stubs")


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"there is no {', '.join(missing)} here")


def ran(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], cwd=folder, text=True, capture_output=True, check=False
    )


def spoil(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


@needs("g++")
def test_the_cpp_header_gives_every_vector(bundled: Path) -> None:
    compiling = ("g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Icpp")
    made = ran(*compiling, "cpp/check_vectors.cpp", "-o", "check", folder=bundled)
    assert made.returncode == 0, made.stderr
    checked = ran("./check", ".", folder=bundled)
    assert checked.returncode == 0, checked.stdout
    lines = len((bundled / "vectors" / "pixels.txt").read_text().splitlines())
    lines += len((bundled / "vectors" / "tiles.json").read_text().splitlines()) - 2
    assert checked.stdout == f"{lines} of {lines} are as edge-imgq's own\n"
    spoil(bundled / "vectors" / "tiles.json", '"crop": [[0, 0]', '"crop": [[0, 1]')
    assert ran("./check", ".", folder=bundled).returncode == 1


@needs("g++")
def test_the_commands_of_the_page_leave_nothing_in_the_bundle(bundled: Path) -> None:
    """What they left there would be no file of the bundle: `--verify` would say so."""
    before = sorted(bundled.rglob("*"))
    text = " ".join((bundled / "README.md").read_text().split())
    (command,) = (part for part in text.split("`") if part.startswith("g++ "))
    made = ran("sh", "-c", command, folder=bundled)
    assert made.returncode == 0, made.stderr
    assert "are as edge-imgq's own" in made.stdout
    assert sorted(bundled.rglob("*")) == before
    (kotlin,) = (part for part in text.split("`") if part.startswith("kotlinc "))
    assert "-d ../check.jar && java -jar ../check.jar ." in kotlin


@needs("g++")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(start + tile - following) * scale / 2", "(start + tile - following) * scale / 2 + 1"),
        ("(2 * length - 2)", "(2 * length - 1)"),
        ("rest == 127500 && whole % 2 == 1", "rest == 127500"),
        ("std::nearbyint(", "std::round("),
        ("row / 2 * chroma_row", "(row + 1) / 2 * chroma_row"),
        ("down = column, right = height - 1 - row", "down = width - 1 - column, right = row"),
        ("2 * column + 1 - scale - right * unit", "2 * column + 2 - scale - right * unit"),
        ("Mirrored(column.read + place, photo.width)", "std::min(place, photo.width - 1)"),
    ],
)
def test_a_slip_in_the_code_is_seen(bundled: Path, before: str, after: str) -> None:
    spoil(bundled / "cpp" / "edge_imgq.hpp", before, after)
    words = ("g++", "-std=c++17", "-O0", "-Icpp", "cpp/check_vectors.cpp", "-o", "check")
    assert ran(*words, folder=bundled).returncode == 0
    assert ran("./check", ".", folder=bundled).returncode != 0


@needs("g++")
def test_the_files_give_the_bundled_image_in_litert_s_own_library(
    exported: Path, tmp_path: Path
) -> None:
    """All that NDK code does, on a photograph that is a pixel larger than a tile."""
    library = Path(ai_edge_litert.__file__).with_name("libLiteRt.so")
    if not library.is_file():
        pytest.skip("this wheel of ai-edge-litert has no libLiteRt.so")
    folder = tmp_path / "app"
    assert main(["bundle", str(exported), "--target", "tflite", "-o", str(folder)]) == 0
    linking = (f"-L{library.parent}", "-l:libLiteRt.so", f"-Wl,-rpath,{library.parent}")
    made = ran(
        *("g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Icpp"),
        *(f"-I{LITERT}", "cpp/check_files.cpp", "-o", "check_files", *linking),
        folder=folder,
    )
    assert made.returncode == 0, made.stderr
    checked = ran("./check_files", ".", folder=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("largest difference") == 3
    assert "tflite-int8: largest difference 0\n" in checked.stdout
    expected = folder / "vectors" / "tflite-int8.ppm"
    contents = expected.read_bytes()
    expected.write_bytes(contents[:-1] + bytes([contents[-1] ^ 1]))
    assert ran("./check_files", ".", folder=folder).returncode == 1


@needs("kotlinc", "java")
@pytest.mark.slow
def test_the_kotlin_files_compile_and_give_every_vector(bundled: Path) -> None:
    """Those for Android against stubs of the types that they call."""
    own = [*(bundled / "android").glob("*.kt"), *(bundled / "samples").rglob("*.kt")]
    sources = [*sorted(own), *sorted(STUBS.glob("*.kt"))]
    made = ran("kotlinc", *sources, "-include-runtime", "-d", "check.jar", folder=bundled)
    assert made.returncode == 0, made.stderr
    words = ("java", "-cp", "check.jar", "edgeimgq.CheckVectorsKt", ".")
    checked = ran(*words, folder=bundled)
    assert checked.returncode == 0, checked.stdout
    spoil(bundled / "vectors" / "pixels.txt", "limited | 0 1 2", "limited | 1 1 2")
    assert ran(*words, folder=bundled).returncode == 1


@pytest.fixture
def contract(shared_bundle: Path) -> AppContract:
    found: AppContract = read_as(AppContract, read_json(shared_bundle / "contract.json"), "it")
    return found


def of_core_ml(contract: AppContract) -> AppContract:
    """Return the contract of a Core ML package, which `shared_bundle` has none of."""
    (file,) = contract.files
    image = dataclasses.replace(file.signatures[0].image, layout="image", shape=(48, 64, 3))
    signature = dataclasses.replace(file.signatures[0], name="", image=image)
    package = dataclasses.replace(
        file,
        target="coreml-fp16",
        file="models/coreml-fp16.mlpackage",
        format="Core ML",
        signatures=(signature,),
    )
    whole = dataclasses.replace(package, target="coreml-int8", tiling=Skipped("it sees all"))
    return dataclasses.replace(contract, files=(package, whole))


def test_swift_parses(contract: AppContract) -> None:
    swift = pytest.importorskip("tree_sitter_swift", reason="tree-sitter-swift is not installed")
    sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
    parser = sitter.Parser(sitter.Language(swift.language()))
    code = app_code(of_core_ml(contract), 1.0)
    names = {"Tiles", "Pixels", "CheckVectors", "Enhancer"}
    assert set(code) == {f"ios/{n}.swift" for n in names} | {"samples/ios/SampleApp.swift"}
    for text in code.values():
        assert not parser.parse(text).root_node.has_error
        assert parser.parse(text.replace(b"{", b"", 1)).root_node.has_error


@needs("swiftc")
@pytest.mark.parametrize("channels", [1, 3])
def test_swift_compiles_and_gives_every_vector(
    bundled: Path, contract: AppContract, channels: int
) -> None:
    """Debian's swiftlang has the compiler. Core ML's types are stubs, which call nothing."""
    colour = dataclasses.replace(contract.colour, channels=("R", "G", "B")[:channels])
    for name, text in app_code(of_core_ml(dataclasses.replace(contract, colour=colour)), 1).items():
        (bundled / name).parent.mkdir(parents=True, exist_ok=True)
        (bundled / name).write_bytes(text)
    pure = ("ios/Tiles.swift", "ios/Pixels.swift")
    words = ("swiftc", "-O", "-parse-as-library", *pure, "ios/CheckVectors.swift", "-o", "check")
    made = ran(*words, folder=bundled)
    assert made.returncode == 0, made.stderr
    checked = ran("./check", ".", folder=bundled)
    assert checked.returncode == 0, checked.stdout
    for module in ("CoreVideo", "CoreML"):
        stub = ("-emit-module", "-parse-as-library", "-I", ".", "-module-name", module)
        made = ran("swiftc", *stub, APPLE / f"{module}.swift", folder=bundled)
        assert made.returncode == 0, made.stderr
    typed = ran("swiftc", "-typecheck", "-I", ".", *pure, "ios/Enhancer.swift", folder=bundled)
    assert typed.returncode == 0, typed.stderr
    spoil(bundled / "vectors" / "pixels.txt", "limited | 0 1 2", "limited | 1 1 2")
    assert ran("./check", ".", folder=bundled).returncode == 1


def test_a_sample_app_states_its_versions_and_takes_the_bundle_s_own_file(bundled: Path) -> None:
    gradle = (bundled / "samples/android/app/build.gradle.kts").read_text()
    assert 'from(bundle.resolve("models/tflite-int8.tflite"))' in gradle
    assert "minSdk = 24" in gradle
    assert "org.tensorflow:tensorflow-lite:" in gradle
    assert "8.5" in (bundled / "samples/android/build.gradle.kts").read_text()
    text = (bundled / "README.md").read_text()
    assert "Android Gradle plugin 8.5" in text
    assert "org.tensorflow:tensorflow-lite:2.14.0" in text
    manifest = bundled / "samples/android/app/src/main/AndroidManifest.xml"
    activity = ElementTree.parse(manifest).getroot().find("application/activity")
    assert "MainActivity" in activity.get("{http://schemas.android.com/apk/res/android}name")


def test_the_page_says_what_floats_mean_and_what_nobody_stated(contract: AppContract) -> None:
    (file,) = contract.files
    (signature,) = file.signatures
    image = dataclasses.replace(signature.image, type="float32", at_255=1.0)
    result = dataclasses.replace(signature.result, type="float32", clipped=False)
    floats = dataclasses.replace(signature, image=image, result=result)
    files = (file, dataclasses.replace(file, target="tflite-float", signatures=(floats,)))
    text = readme(
        dataclasses.replace(contract, licence="", files=files), "photo.ppm", [], {"android"}
    ).decode()
    assert "NHWC, bytes from 0 to 255; output `image_out`, the same.\n" in text
    assert "NHWC, pixels 0 to 255 are 0 to 1; output `image_out`, the same, but" in text
    assert "**not clipped**: clip it to that range." in text
    assert "Licence: not stated; ask before you ship." in text
    assert "evaluator" not in text
    assert "multiples of 1" not in text
    assert text.index("## Code") < text.index("## Pixels")


def test_swift_states_the_contract(contract: AppContract) -> None:
    text = app_code(of_core_ml(contract), 1.0)["ios/Enhancer.swift"].decode()
    assert 'name: "coreml-fp16",\n        tile: (48, 64),\n        halo: 1,' in text
    assert "halo: nil" in text
    assert "kCVPixelFormatType_32BGRA" in text


def test_an_interpreter_on_the_processor_gets_the_int8_file(contract: AppContract) -> None:
    (file,) = contract.files
    gpu = dataclasses.replace(file, target="tflite-gpu", file="models/tflite-gpu.tflite")
    code = app_code(dataclasses.replace(contract, files=(gpu, file)), 1.0)
    assert "ModelFile = Contract.TFLITE_INT8" in code["android/Enhancer.kt"].decode()
    assert "ModelFile = Contract.TFLITE_GPU" in code["android/CompiledEnhancer.kt"].decode()
    gradle = code["samples/android/app/build.gradle.kts"].decode()
    assert "models/tflite-int8.tflite" in gradle


def test_a_file_of_several_sizes_and_one_that_is_not_cut(contract: AppContract) -> None:
    (file,) = contract.files
    image = dataclasses.replace(file.signatures[0].image, shape=(1, 96, 80, 3))
    second = dataclasses.replace(file.signatures[0], name="h96_w80", image=image)
    tiling = TilingContract(((48, 64), (96, 80)), 1, 2, 1)
    several = dataclasses.replace(file, signatures=(*file.signatures, second), tiling=tiling)
    whole = dataclasses.replace(file, target="tflite-float", tiling=Skipped("it sees all"))
    code = app_code(dataclasses.replace(contract, files=(several, whole)), 1.0)
    kotlin = code["android/Contract.kt"].decode()
    assert 'signatures = arrayOf("serving_default", "h96_w80")' in kotlin
    assert "tiles = arrayListOf(intArrayOf(48, 64), intArrayOf(96, 80))" in kotlin
    assert "halo = -1" in kotlin
    header = code["cpp/contract.hpp"].decode()
    assert "Tiling kTfliteInt8_96x80 = {96, 80, 1, 1, 1};" in header
    assert "// Photographs are not cut: it sees all." in header
    assert "Tiling kTfliteFloat = {48, 64, -1, 2, 1};" in header


@needs("g++")
def test_a_file_that_is_not_cut_takes_photographs_of_its_size_alone(bundled: Path) -> None:
    program = """
#include "edge_imgq.hpp"
int main() {
  const auto copy = [](const edge_imgq::Picture& tile, auto& result) { result = tile.bytes; };
  const edge_imgq::Tiling whole{2, 3, -1, 1, 1};
  const edge_imgq::Picture own{2, 3, 1, {1, 2, 3, 4, 5, 6}};
  const edge_imgq::Picture larger{2, 4, 1, {1, 2, 3, 4, 5, 6, 7, 8}};
  if (edge_imgq::Enhance(own, whole, copy).bytes != own.bytes) return 1;
  const auto stops = [](std::size_t, std::size_t) { return false; };
  if (edge_imgq::Enhance(own, whole, copy, stops).height != 0) return 2;
  try {
    edge_imgq::Enhance(larger, whole, copy);
  } catch (const std::invalid_argument&) {
    return 0;
  }
  return 3;
}
"""
    (bundled / "whole.cpp").write_text(program)
    made = ran("g++", "-std=c++17", "-Icpp", "whole.cpp", "-o", "whole", folder=bundled)
    assert made.returncode == 0, made.stderr
    assert ran("./whole", folder=bundled).returncode == 0


def test_luma_is_that_of_the_papers_but_for_ties() -> None:
    photo = sample_photo(64, 64, 3)
    floats = rgb_to_y(photo)
    assert np.abs(exact_luma(photo) - floats).max() <= 0.5 + 1e-9
    np.testing.assert_array_equal(luma_of(photo), exact_luma(photo))
    # 65.481 × 0 + 128.553 × 204 + 24.966 × 68, by 255, is 109.5 exactly.
    assert exact_luma(np.asarray([[[0, 204, 68]]], np.uint8)).item() == 126


def test_ranges_of_luma_are_rounded() -> None:
    levels = np.arange(256)
    np.testing.assert_array_equal(limited(levels), np.rint(16 + levels * 219 / 255))
    np.testing.assert_array_equal(full(levels), np.clip(np.rint((levels - 16) * 255 / 219), 0, 255))


def test_a_camera_frame_is_as_pillow_converts_it() -> None:
    y, chroma = sample_photo(20, 30, 1)[..., 0], sample_photo(10, 15, 2)
    planes = [chroma[..., index].repeat(2, 0).repeat(2, 1) for index in (0, 1)]
    expected = np.asarray(Image.fromarray(np.stack([y, *planes], -1), "YCbCr").convert("RGB"))
    found = from_yuv(y, chroma[..., 0], chroma[..., 1], 0)
    assert np.abs(found.astype(int) - expected).max() <= 1
    turned = np.asarray(Image.fromarray(found).transpose(Image.Transpose.ROTATE_270))
    np.testing.assert_array_equal(from_yuv(y, chroma[..., 0], chroma[..., 1], 90), turned)


def test_an_image_that_gets_its_own_luma_is_enlarged_as_pillow_does() -> None:
    rgb = sample_photo(24, 20, 3)
    larger = np.asarray(Image.fromarray(rgb).resize((40, 48), Image.Resampling.BILINEAR))
    found = recoloured(rgb, exact_luma(larger))
    assert np.abs(found.astype(int) - larger).max() <= 2
    changed = recoloured(rgb, np.full((48, 40, 1), 235, np.uint8))
    assert changed.min() < 255
    assert changed.mean() > 200


def test_the_vectors_hold_a_tie_and_every_rotation() -> None:
    lines = pixel_vectors.pixel_vectors().decode().splitlines()
    assert {line.split(" ")[0] for line in lines} == {
        *("luma", "limited", "full", "bgra", "yuv", "recoloured", "to_byte", "to_float", "tiled"),
    }
