"""Generate app code from a contract: Kotlin and C++ for TFLite files, Swift for Core ML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_imgq.bundle.contract import AppContract, FileContract, TensorContract, TilingContract
from edge_imgq.bundle.port_contract import PortedContract
from edge_imgq.bundle.templates import template

FOLDER = Path(__file__).with_name("app")

APP_FILES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "TFLite": {
        "android": (
            *("Tiles.kt", "Pixels.kt", "CheckVectors.kt", "PhotoEnhancer.kt"),
            *("Contract.kt.j2", "Enhancer.kt.j2", "CompiledEnhancer.kt.j2"),
        ),
        "cpp": (
            *("edge_imgq.hpp", "litert_session.hpp", "litert_file.hpp", "contract.hpp.j2"),
            *("check_vectors.cpp", "check_files.cpp.j2"),
        ),
        "samples/android": (
            "sample_android/settings.gradle.kts",
            "sample_android/build.gradle.kts",
        ),
        "samples/android/app": ("sample_android/app.gradle.kts.j2",),
        "samples/android/app/src/main": ("sample_android/AndroidManifest.xml",),
        "samples/android/app/src/main/kotlin": ("sample_android/MainActivity.kt",),
    },
    "Core ML": {
        "ios": ("Tiles.swift", "Pixels.swift", "CheckVectors.swift", "Enhancer.swift.j2"),
        "samples/ios": ("sample_ios/SampleApp.swift.j2",),
    },
}
"""Format → folder in the bundle → its files; each template has an additional suffix."""

RENAMED = {
    "app.gradle.kts": "build.gradle.kts",
    "PortsContract.kt": "Contract.kt",
    "PortsContract.swift": "Contract.swift",
}
"""Files of FOLDER that have another name in the bundle."""


def app_code(contract: AppContract, peak: float) -> dict[str, bytes]:
    """Generate the app code of a bundle: file contents, UTF-8, by path in the bundle.

    Kotlin, C++ and an Android sample for TFLite files; Swift and an iOS sample for Core ML. {} if
    there are neither.

    Args:
        contract: contract of the bundle.
        peak: float value of pixel 255 at the network's input; pixel 0 is 0.0.
    """
    code = {}
    for format_name, folders in APP_FILES.items():
        files = [file for file in contract.files if file.format == format_name]
        for folder, names in folders.items() if files else ():
            for name in names:
                code[f"{folder}/{_own_name(name)}"] = _code(name, contract, files, peak)
    return code


PORT_FILES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "TFLite": {
        "android": (
            *("ports/Ports.kt", "ports/PortsFile.kt", "ports/CheckPorts.kt"),
            "ports/PortsContract.kt.j2",
        ),
        "cpp": (
            *("litert_session.hpp", "ports/ports.hpp", "ports/ports_file.hpp"),
            "ports/check_ports.cpp.j2",
        ),
    },
    "Core ML": {
        "ios": (
            *("ports/Ports.swift", "ports/PortsPackage.swift", "ports/CheckPorts.swift"),
            "ports/PortsContract.swift.j2",
        ),
    },
}
"""Format → folder in a bundle with ports → its files; each template has an additional suffix."""


def port_code(contract: PortedContract, peak: float) -> dict[str, bytes]:
    """Generate the app code of a bundle with ports: file contents, UTF-8, by path in the bundle.

    A Python script, and Kotlin and C++ for TFLite files, Swift for Core ML, of fixed size.

    Args:
        contract: contract of the bundle.
        peak: float value of pixel 255 at the network's input; pixel 0 is 0.0.
    """
    code = {"python/run_file.py": _code("ports/run_file.py.j2", contract, (), peak)}
    for format_name, folders in PORT_FILES.items():
        files = [f for f in contract.files if f.format == format_name and f.size is not None]
        for folder, names in folders.items() if files else ():
            for name in names:
                code[f"{folder}/{_own_name(name)}"] = _code(name, contract, files, peak)
    return code


def _own_name(name: str) -> str:
    """Return the name that a file of FOLDER has in a bundle."""
    own = name.rpartition("/")[2].removesuffix(".j2")
    return RENAMED.get(own, own)


def _code(name: str, contract: AppContract, files: Sequence[FileContract], peak: float) -> bytes:
    """Read a file of FOLDER; fill it in if it is a template."""
    path = FOLDER / name
    if not name.endswith(".j2"):
        return path.read_text(encoding="utf-8").encode()
    return _rendered(path, contract, files, peak).encode()


def _rendered(path: Path, contract: AppContract, files: Sequence[FileContract], peak: float) -> str:
    first = next(iter(files), None)
    return template(path).render(
        c=contract,
        files=files,
        processor=next((file for file in files if "int8" in file.target), first),
        gpu=next((file for file in files if "gpu" in file.target), first),
        peak=repr(float(peak)),
        constant=_constant,
        camel=_camel,
        sizes=sizes_of,
        zip=zip,
        swift_tensor=_swift_tensor,
        tiles=lambda file: ", ".join(f"intArrayOf({h}, {w})" for h, w in sizes_of(file)),
        signatures=lambda file: ", ".join(f'"{name}"' for name in _signatures(file)),
    )


def _swift_tensor(tensor: TensorContract) -> str:
    """Return an expression for a tensor of a package: an image (H, W, C) or an array (1, C, H, W).

    Arrays are float32 from 0 to the peak.
    """
    is_image = tensor.layout == "image"
    height, width, channels = tensor.shape if is_image else (*tensor.shape[2:], tensor.shape[1])
    peak = 255 if is_image else tensor.at_255
    return (
        f'Tensor(name: "{tensor.name}", height: {height}, width: {width}, channels: {channels}, '
        f"isImage: {str(is_image).lower()}, peak: {peak})"
    )


def _constant(file: FileContract) -> str:
    return file.target.upper().replace("-", "_").replace(":", "_")


def _camel(file: FileContract) -> str:
    return "".join(word.capitalize() for word in _constant(file).split("_"))


def sizes_of(file: FileContract) -> tuple[tuple[int, int], ...]:
    """Return the (height, width) of images that an app passes to a file: tiles, or whole ones.

    In pixels of the input, in the order of the contract.
    """
    if isinstance(file.tiling, TilingContract):
        return file.tiling.tiles
    return tuple(_size(signature.image) for signature in file.signatures)


def _signatures(file: FileContract) -> list[str]:
    """Return the signature's name for each size in `sizes_of`."""
    named = {_size(signature.image): signature.name for signature in file.signatures}
    return [named[size] for size in sizes_of(file)]


def _size(image: Any) -> tuple[int, int]:
    first = 1 if image.layout == "NHWC" else 0
    return image.shape[first], image.shape[first + 1]
