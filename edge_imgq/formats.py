"""List every file format that `export` writes, one row each.

A new format is a folder below `edge_imgq/export/` and a row in FORMATS. Other stages read the row;
only the module that it names depends on one format. docs/architecture.md has the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

Precision = Literal["float32", "float16", "int8"]

Share = Literal["asked", "optional", "none"]
"""Whether a recipe's budget limits the share of values within one level of the graph's values."""

Layout = Literal["NCHW", "NHWC", "CHW", "image"]
"""Order of the image's axes; "image" if the platform has an image type."""

Sizes = Literal["any", "several", "one"]
"""Input heights and widths that one file takes: any, one per signature, or a single one."""


@dataclass(frozen=True)
class Extra:
    """A package that a format needs at run time and that edge-imgq does not install by default.

    Attributes:
        package: name on the package index.
        module: name of the importable module, and of edge-imgq's extra that installs it.
        versions: version specifier of the extra, such as ">=1.0,<2".
        writes: True if the package also writes the files, so that export needs it too.
    """

    package: str
    module: str
    versions: str
    writes: bool = False

    @property
    def is_missing(self) -> bool:
        """True if the package is not installed; the check does not import it."""
        return find_spec(self.module) is None

    @property
    def purpose(self) -> str:
        """Verb phrase for messages: "runs" or "writes and runs"."""
        return "writes and runs" if self.writes else "runs"

    @property
    def reason(self) -> str:
        """Sentences that say that the package is missing and how to install it."""
        return (
            f"The package {self.package}, which {self.purpose} these files, is not installed here. "
            f"Install it: pip install '{self.package}{self.versions}'."
        )


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: name of the format in messages.
        suffixes: lower-case suffixes of its files. The first is that of the file users name; the
            others are companion files with the same stem. The format may be a folder with a suffix.
        module: module with FUNCTIONS, a `edge_imgq.export.functions.FormatFunctions`.
        precisions: precisions of its files, each with the rule for budgets on the share of values
            within one level.
        sizes: input sizes that one file takes.
        processors: kinds of processors that files can target: "cpu", "gpu", "npu" (of named chips).
        devices: kinds of devices, other than this host, that run its files.
        has_plain_form: True if the writer uses rewrites that are fast on processors and can omit
            them (`edge_imgq.export.export_spec.ExportSpec.plain`).
        raises_multiple: True if a file may require larger multiples of height and width than the
            network does.
        has_batch: True if image tensors have a batch axis.
        returns_several: True if a file may have more than one output.
        layout: order of the axes of the images that an app passes and receives.
        extra: package that runs its files, if edge-imgq does not install it by default.
        rounds_elsewhere: sentence that explains why values differ by more than one level, for
            precisions with "none".
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    precisions: Mapping[Precision, Share]
    sizes: Sizes
    processors: tuple[str, ...] = ("cpu",)
    devices: tuple[str, ...] = ()
    has_plain_form: bool = False
    raises_multiple: bool = False
    has_batch: bool = True
    returns_several: bool = False
    layout: Layout = "NCHW"
    extra: Extra | None = None
    rounds_elsewhere: str = ""

    @property
    def suffix(self) -> str:
        """The suffix of the file that users name."""
        return self.suffixes[0]

    @property
    def functions(self) -> Any:
        """The format's `edge_imgq.export.functions.FormatFunctions`; imports their module."""
        return import_module(self.module).FUNCTIONS


FORMATS: dict[str, Format] = {
    "onnx": Format(
        name="ONNX",
        suffixes=(".onnx",),
        module="edge_imgq.export.onnx_format",
        # A default int8 session of ONNX Runtime cannot keep the share for every network.
        precisions={"float32": "asked", "int8": "optional"},
        sizes="any",
        returns_several=True,
        devices=("hexagon",),
    ),
    "tflite": Format(
        name="TFLite",
        suffixes=(".tflite",),
        module="edge_imgq.export.tflite.format",
        precisions={"float32": "asked", "float16": "asked", "int8": "asked"},
        sizes="several",
        returns_several=True,
        processors=("cpu", "gpu", "npu"),
        devices=("arm64", "gpu", "android", "ssh"),
        has_plain_form=True,
        raises_multiple=True,
        layout="NHWC",
    ),
    "coreml": Format(
        name="Core ML",
        suffixes=(".mlpackage",),
        module="edge_imgq.export.coreml.format",
        precisions={"float16": "none", "int8": "none"},
        # Core ML can enumerate input shapes, but all shapes in the program then become symbolic,
        # and constants that hold a size (of a resize, a slice) cannot be written. Functions that
        # share weights need iOS 18; these packages run on iOS 16 and 17.
        sizes="one",
        returns_several=True,
        devices=("coreml",),
        has_batch=False,
        layout="image",
        rounds_elsewhere="Core ML rounds to float16 between operators.",
    ),
    "ncnn": Format(
        name="ncnn",
        suffixes=(".param", ".bin"),
        module="edge_imgq.export.ncnn.format",
        precisions={"float32": "asked", "float16": "none", "int8": "none"},
        sizes="one",
        has_batch=False,
        returns_several=True,
        layout="CHW",
        extra=Extra("ncnn", "ncnn", ">=1.0.20261020,<2"),
        rounds_elsewhere="ncnn rounds elsewhere: float16 between layers, int8 before convolutions.",
    ),
    "coreai": Format(
        name="Core AI",
        suffixes=(".aimodel",),
        module="edge_imgq.export.coreai.format",
        precisions={"float16": "none", "int8": "none"},
        sizes="one",
        extra=Extra("coreai-core", "coreai", "==1.0.0b3", writes=True),
        rounds_elsewhere="Core AI rounds to float16 between operators.",
    ),
    "executorch": Format(
        name="ExecuTorch",
        suffixes=(".pte",),
        module="edge_imgq.export.executorch.format",
        precisions={"float32": "asked", "int8": "asked"},
        sizes="one",
        returns_several=True,
        extra=Extra("executorch", "executorch", ">=1.5.1,<1.6", writes=True),
    ),
}
"""Name of a format in recipes → its row."""


def suffixes() -> tuple[str, ...]:
    """Return the first suffix of every format, such as ".tflite": those of files that users name.

    In the order of FORMATS.
    """
    return tuple(row.suffix for row in FORMATS.values())


def format_of(path: Path) -> Format | None:
    """Return the format of an exported file by its suffix; None if no format has it.

    The file need not exist; the suffix may be in upper case.
    """
    suffix = path.suffix.lower()
    return next((row for row in FORMATS.values() if row.suffix == suffix), None)


def unknown(path: Path) -> str:
    """Return why a path names no exported file, as a clause to follow the path in a message.

    It lists the known suffixes, or names the main file if the path is a companion file.

    Args:
        path: path for which `format_of` returns None.
    """
    suffix = path.suffix.lower()
    for row in FORMATS.values():
        if suffix in row.suffixes[1:]:
            named = path.with_suffix(row.suffix).name
            return f"belongs to {named}; name that, and both are taken"
    return f"is not one of {', '.join(suffixes())}"


def is_run_by(path: Path, device: str) -> bool:
    """Return True if a kind of device runs files of this path's format.

    Told by the suffix; the file is not opened. False for an unknown suffix.

    Args:
        path: exported file.
        device: kind of device other than this host, such as "android".
    """
    row = format_of(path)
    return row is not None and device in row.devices


def files_beside(path: Path) -> tuple[Path, ...]:
    """Return the paths of an exported file's companion files, whether or not they exist.

    () for a format of one file and for an unknown suffix.
    """
    row = format_of(path)
    return () if row is None else tuple(path.with_suffix(s) for s in row.suffixes[1:])
