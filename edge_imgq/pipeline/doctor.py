"""Examine this machine: which runtimes and devices work, and what to install."""

from __future__ import annotations

import importlib
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_imgq.chips import VENDORS
from edge_imgq.devices.find_device import look_for_devices
from edge_imgq.devices.load import processors
from edge_imgq.formats import FORMATS
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.report.finding import Finding, State
from edge_imgq.skipped import Skipped

OLDEST_PYTHON = (3, 11)
SET_UP_STEPS = 5
"""Number of steps that `set_up` reports."""

LITTLE_DISK = 1e9
"""Free bytes below which an export or training run may fail."""


@dataclass(frozen=True)
class Requirement:
    """A package that edge-imgq uses.

    Attributes:
        name: name on the package index.
        module: module to import.
        purpose: what it is for.
        optional: version specifier if it is optional; "" if it is required.
    """

    name: str
    module: str
    purpose: str
    optional: str = ""


PACKAGES = (
    Requirement("numpy", "numpy", "arrays"),
    Requirement("pillow", "PIL", "image files"),
    Requirement("rich", "rich", "tables"),
    Requirement("safetensors", "safetensors", "weights"),
    Requirement("scikit-image", "skimage", "calibration images"),
    Requirement("torch", "torch", "networks and training"),
    Requirement("onnx", "onnx", "ONNX files"),
    Requirement("onnx-ir", "onnx_ir", "graph passes"),
    Requirement("onnxscript", "onnxscript", "export from torch"),
    Requirement("onnxsim", "onnxsim", "simplification"),
    Requirement("onnxruntime", "onnxruntime", "runs .onnx"),
    Requirement("ai-edge-litert", "ai_edge_litert.interpreter", "writes and runs .tflite"),
    Requirement("coremltools", "coremltools", "writes .mlpackage"),
    Requirement("onnxruntime-qnn", "onnxruntime_qnn", "Qualcomm's NPUs", optional=">=2.7,<3"),
    Requirement("tensorflow", "tensorflow", "a second opinion in tests", optional=">=2.19"),
    *(
        Requirement(x.package, x.module, f"{x.purpose} {form.suffix}", optional=x.versions)
        for form in FORMATS.values()
        if (x := form.extra) is not None
    ),
)
"""Packages that edge-imgq uses."""


def examine(watch: Watch) -> tuple[Finding, ...]:
    """Check Python, packages, processors, disk, devices and compilers for NPUs, in this order.

    Every required package is imported, since an installed one may fail to load. What is missing or
    broken is a finding, not an error.

    Args:
        watch: called for each package.
    """
    packages = []
    for index, package in enumerate(PACKAGES):
        watch(ProgressStep("import packages", index, len(PACKAGES)))
        packages.append(_package(package))
    watch(ProgressStep("look for devices", 0, 1))
    return _python(), *packages, _processors(), _disk(), *_devices(), _compilers()


def set_up(device: str, watch: Watch) -> None:
    """Download what an emulated device needs into the user's cache folder.

    Args:
        device: "arm64" or "gpu".
        watch: called before each step.

    Raises:
        RuntimeUnavailableError: it cannot be downloaded here.
        OutputError: the disk is full.
    """
    from edge_imgq.devices.arm64 import setup as arm64_setup
    from edge_imgq.devices.gpu import setup as gpu_setup

    steps: list[str] = []

    def told(what: str) -> None:
        watch(ProgressStep(f"{device}: {what}", len(steps), SET_UP_STEPS))
        steps.append(what)

    if device == "arm64":
        arm64_setup.set_up(arm64_setup.cache_folder(), told)
    else:
        gpu_setup.set_up(gpu_setup.cache_folder(), told)


def _python() -> Finding:
    what = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("python", "ok", what)
    return Finding("python", "missing", what, "Install Python 3.11 or newer.")


def _package(package: Requirement) -> Finding:
    install = package.name + package.optional  # edge-imgq itself may be in no index of packages
    try:
        version = metadata.version(package.name)
    except metadata.PackageNotFoundError:
        if package.optional:
            return _finding(package, "absent", "optional", f"pip install '{install}'")
        return _finding(package, "missing", "not installed", f"pip install '{install}'")
    if package.optional:
        return _finding(package, "ok", version)
    try:
        importlib.import_module(package.module)
    except Exception as error:  # a broken package may raise anything while it loads
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        advice = f"pip install --force-reinstall '{package.name}=={version}'"
        return _finding(package, "missing", f"{version} does not load: {reason}", advice)
    return _finding(package, "ok", version)


def _finding(package: Requirement, state: State, detail: str, advice: str = "") -> Finding:
    return Finding(package.name, state, f"{detail} ({package.purpose})", advice)


def _devices() -> tuple[Finding, ...]:
    """Return one finding per device; commands work without any but the host."""
    return tuple(
        Finding(
            f"--device {device.name}",
            "ok" if device.is_available else "absent",
            device.detail,
            device.advice,
        )
        for device in look_for_devices()
    )


def _compilers() -> Finding:
    """Return the finding on compilers for NPUs, which only NPU targets need."""
    from edge_imgq.export.npu.sdk import find_sdk

    present, absent, reasons = list[str](), list[str](), list[str]()
    for vendor in VENDORS.values():
        sdk = find_sdk(vendor)
        if isinstance(sdk, Skipped):
            absent.append(vendor.name)
            reasons.append(sdk.reason)
        else:
            present.append(f"{vendor.name} ({sdk.origin})")
    said = {"compiled for": present, "no compiler for": absent}
    detail = "; ".join(f"{word} {', '.join(names)}" for word, names in said.items() if names)
    advice = "\n".join(dict.fromkeys(reasons))
    return Finding("NPUs", "ok" if present else "absent", detail, advice)


def _processors() -> Finding:
    return Finding("processors", "ok", f"{processors()} for this process (--threads)")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    detail = f"{free / 1e9:.1f} GB free in {Path.cwd()}"
    if free < LITTLE_DISK:
        return Finding("disk", "missing", detail, "Free some space, or work on another disk.")
    return Finding("disk", "ok", detail)
