"""Every format of file that `export` writes, one row each: all that the product knows of it.

A new format is a folder below `edge_imgq/export/` and a row in FORMATS. The rest of the product
asks a row; only what a row's own module holds knows a format by its name. docs/architecture.md says
what to write.
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
"""Whether a recipe's budget limits the share of values within one level of the graph."""

Layout = Literal["NCHW", "NHWC", "CHW", "image"]
"""Order of the axes of an image: "image" where the platform has a type for images."""

Sizes = Literal["any", "several", "one"]
"""Heights and widths that one file takes: any, those of its signatures, or one."""


@dataclass(frozen=True)
class Extra:
    """A package that a format needs to run its files, and that edge-imgq does not install.

    Attributes:
        package: its name in the index of packages.
        module: what is imported, and the name of the extra of edge-imgq that asks for it.
        versions: that the extra takes, such as ">=1.0,<2".
        writes: whether it writes the files, too: there are none without it.
    """

    package: str
    module: str
    versions: str
    writes: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether the package is not installed here; it is not imported to find out."""
        return find_spec(self.module) is None

    @property
    def purpose(self) -> str:
        """What the package does with the files."""
        return "writes and runs" if self.writes else "runs"

    @property
    def reason(self) -> str:
        """Why there is no file, or none that runs, where the package is missing: sentences."""
        return (
            f"The package {self.package}, which {self.purpose} these files, is not installed here. "
            f"Install it: pip install '{self.package}{self.versions}'."
        )


@dataclass(frozen=True)
class Format:
    """A format of file.

    Attributes:
        name: what people call it.
        suffixes: of its files, in lower case. The first names a file for people; further files lie
            beside it under the same stem. A format may be a folder with a suffix.
        module: holds FUNCTIONS, a `edge_imgq.export.functions.FormatFunctions`.
        precisions: that its files may have, each with what budgets say of the share of values
            within one level.
        sizes: that one file takes.
        processors: kinds that files may be written for: "cpu", "gpu", and "npu" of named chips.
        devices: kinds of devices that run its files, beside this host.
        has_plain_form: whether the writer chooses forms that are fast on processors, and leaves
            them out where it is told to (`edge_imgq.export.export_spec.Order.plain`).
        raises_multiple: whether a file may want sides to be multiples of more than the network
            does.
        has_batch: whether its images have an axis for the batch.
        returns_several: whether a file may return more than one result.
        layout: of the images that an app gives and gets.
        extra: what runs its files, where that is not installed with edge-imgq.
        rounds_elsewhere: why no share of values within one level can be kept, where a precision
            has "none": a sentence.
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
        """The suffix that names a file for people."""
        return self.suffixes[0]

    @property
    def functions(self) -> Any:
        """The functions of the format (FormatFunctions); imports the module that holds them."""
        return import_module(self.module).FUNCTIONS


FORMATS: dict[str, Format] = {
    "onnx": Format(
        name="ONNX",
        suffixes=(".onnx",),
        module="edge_imgq.export.onnx_format",
        # Not every network's share can be kept by a default session of ONNX Runtime in int8.
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
        # Core ML could enumerate shapes, but then no shape of the program is a number any more, and
        # constants that hold a size (of a resize, a slice) have no form; functions that share
        # weights begin with iOS 18, and these packages run on iOS 16 and 17.
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
        extra=Extra("executorch", "executorch", ">=1.5.1,<1.6", writes=True),
    ),
}
"""Name of a format in recipes → all that is known of it."""


def suffixes() -> tuple[str, ...]:
    """Return the suffixes that name exported files for people."""
    return tuple(form.suffix for form in FORMATS.values())


def format_of(path: Path) -> Format | None:
    """Return the format of an exported file by its suffix; None where no format has it."""
    suffix = path.suffix.lower()
    return next((form for form in FORMATS.values() if form.suffix == suffix), None)


def unknown(path: Path) -> str:
    """Return what a path is that names no exported file, and what would: a clause after its name.

    Args:
        path: that `format_of` finds no format for.
    """
    suffix = path.suffix.lower()
    for form in FORMATS.values():
        if suffix in form.suffixes[1:]:
            named = path.with_suffix(form.suffix).name
            return f"belongs to {named}; name that, and both are taken"
    return f"is not one of {', '.join(suffixes())}"


def is_run_by(path: Path, device: str) -> bool:
    """Tell whether a kind of device runs files of a format.

    Args:
        path: of the file.
        device: the kind.
    """
    form = format_of(path)
    return form is not None and device in form.devices


def files_beside(path: Path) -> tuple[Path, ...]:
    """Return the further files that an exported file consists of, whether or not they are there."""
    form = format_of(path)
    return () if form is None else tuple(path.with_suffix(s) for s in form.suffixes[1:])
