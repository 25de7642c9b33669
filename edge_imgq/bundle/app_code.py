"""Generate app code from a contract: Kotlin and C++ for TFLite files, Swift for Core ML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_imgq.bundle.contract import AppContract, FileContract, TilingContract
from edge_imgq.bundle.port_contract import PortedContract

FOLDER = Path(__file__).with_name("app")

PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "TFLite": {
        "android": (
            *("Tiles.kt", "Pixels.kt", "CheckVectors.kt", "PhotoEnhancer.kt"),
            *("Contract.kt.j2", "Enhancer.kt.j2", "CompiledEnhancer.kt.j2"),
        ),
        "cpp": (
            *("edge_imgq.hpp", "litert_file.hpp", "contract.hpp.j2"),
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

RENAMED = {"app.gradle.kts": "build.gradle.kts"}
"""Templates in FOLDER whose file in the bundle has another name."""


def app_code(contract: AppContract, peak: float) -> dict[str, bytes]:
    """Return code files by path in the bundle.

    Args:
        contract: contract of the bundle.
        peak: float value of level 255.
    """
    found = {}
    for form, folders in PLACES.items():
        files = [file for file in contract.files if file.format == form]
        for folder, names in folders.items() if files else ():
            for name in names:
                text = (FOLDER / name).read_text(encoding="utf-8")
                if name.endswith(".j2"):
                    text = _rendered(text, contract, files, peak)
                own = name.rpartition("/")[2].removesuffix(".j2")
                found[f"{folder}/{RENAMED.get(own, own)}"] = text.encode()
    return found


PORT_PLACES: Mapping[str, tuple[str, ...]] = {
    "python": ("run_file.py.j2",),
    "cpp": ("ports.hpp", "ports_file.hpp", "check_ports.cpp.j2"),
}
"""Folder in a bundle with ports → its files, from `app/ports`."""


def port_code(contract: PortedContract, peak: float) -> dict[str, bytes]:
    """Return the code files of a bundle with ports, by path in the bundle.

    Args:
        contract: contract of the bundle.
        peak: float value of level 255.
    """
    files = [f for f in contract.files if f.format == "TFLite" and f.size is not None]
    found = {}
    for folder, names in PORT_PLACES.items():
        for name in names if files or folder == "python" else ():
            text = (FOLDER / "ports" / name).read_text(encoding="utf-8")
            if name.endswith(".j2"):
                text = _rendered(text, contract, files, peak)
            found[f"{folder}/{name.removesuffix('.j2')}"] = text.encode()
    return found


def _rendered(text: str, contract: AppContract, files: list[FileContract], peak: float) -> str:
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    return environment.from_string(text).render(
        c=contract,
        files=files,
        processor=next((file for file in files if "int8" in file.target), files[0]),
        gpu=next((file for file in files if "gpu" in file.target), files[0]),
        peak=repr(float(peak)),
        constant=_constant,
        camel=_camel,
        sizes=sizes_of,
        zip=zip,
        tiles=lambda file: ", ".join(f"intArrayOf({h}, {w})" for h, w in sizes_of(file)),
        signatures=lambda file: ", ".join(f'"{name}"' for name in _signatures(file)),
    )


def _constant(file: FileContract) -> str:
    return file.target.upper().replace("-", "_").replace(":", "_")


def _camel(file: FileContract) -> str:
    return "".join(word.capitalize() for word in _constant(file).split("_"))


def sizes_of(file: FileContract) -> tuple[tuple[int, int], ...]:
    """Return the (height, width) of images that an app passes to a file: tiles, or whole ones."""
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
