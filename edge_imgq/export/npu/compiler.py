"""LiteRT's ahead-of-time compiler for NPUs.

The compiler is an executable of the package ai-edge-litert. It runs in a subprocess, because vendor
libraries may crash. It logs the operators that the NPU takes before it compiles, so only a compiled
file counts as success.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_imgq.chips import Chip
from edge_imgq.errors import RuntimeUnavailableError, UnsupportedOperatorError
from edge_imgq.export.npu.sdk import ABSENT_FROM_ONNXRUNTIME, Sdk, find_sdk
from edge_imgq.runtime.npu_file import compiled_for
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of

PATIENCE = 900.0
"""Timeout of a compiler in seconds."""

SELECTED = re.compile(r"Partitioned subgraph<0>, selected (\d+) ops, from a total of (\d+) ops")
COMPLAINT = re.compile(r"ERROR\s*\]?:?\s*(?:<E>)?\s*(?:\S+\.(?:cc|cpp|h):\d+:*)?\s*(.+)")
HARMLESS = ("unexpected GraphHtpSettings option",)
"""Errors that QNN logs for every graph, about a setting unknown to its plugin."""


def compile_for(chip: Chip, plain: Path, path: Path) -> None:
    """Compile a .tflite file for the NPU of a chip.

    What the NPU does not take stays as TFLite operators for the processor. The compiler is stopped
    after 900 s.

    Args:
        chip: target chip.
        plain: int8 .tflite file that no NPU was compiled into.
        path: output file, overwritten if it exists; not written on failure.

    Raises:
        RuntimeUnavailableError: the compiler or SDK is not installed; the message says how to get
            it.
        UnsupportedOperatorError: the NPU takes no operator, or the compiler failed, crashed or
            timed out.
        ModelError: `plain` is no TFLite file.
        OSError: `path` cannot be written.
    """
    sdk = find_sdk(chip.vendor)
    if isinstance(sdk, Skipped):
        raise RuntimeUnavailableError(sdk.reason)
    with TemporaryDirectory(prefix="edge-imgq-npu-") as folder:
        made = Path(folder) / "compiled.tflite"
        said, code = _run(chip, sdk, plain, made)
        _refuse_failure(chip, said, code, made)
        if compiled_for(made) is None:
            raise UnsupportedOperatorError(f"The NPU of {chip} takes no operator of the file.")
        path.write_bytes(made.read_bytes())


def _run(chip: Chip, sdk: Sdk, plain: Path, made: Path) -> tuple[str, int | None]:
    """Run the compiler; return its output and exit code, None after a timeout."""
    root = litert_folder()
    command = [
        str(root / "tools" / "apply_plugin_main"),
        "--cmd=apply",
        f"--model={plain}",
        f"--o={made}",
        f"--soc_manufacturer={chip.vendor.name}",
        f"--soc_model={_spelled(chip)}",
        "--err=--",
        f"--libs={root / 'vendors' / chip.vendor.plugin / 'compiler'}",
        *chip.flags,
    ]
    try:
        done = subprocess.run(
            command,
            env=_environment(sdk, root, made.parent),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
            cwd=made.parent,
        )
    except OSError as error:
        reason = f"LiteRT's compiler, {command[0]}, does not start: {error.strerror}."
        raise RuntimeUnavailableError(reason) from error
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace"), None
    return done.stdout.decode(errors="replace"), done.returncode


def _environment(sdk: Sdk, root: Path, scratch: Path) -> Mapping[str, str]:
    """Return the compiler's environment, with the vendor's libraries on the loader path."""
    folders = [*sdk.folders, root]
    if sdk.stand_in is not None:
        (scratch / ABSENT_FROM_ONNXRUNTIME).symlink_to(sdk.stand_in)
        folders.insert(0, scratch)
    return os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}


def litert_folder() -> Path:
    """Return the folder of the installed package ai-edge-litert, which the project requires."""
    spec = find_spec("ai_edge_litert")
    assert spec is not None  # the project requires it
    assert spec.origin is not None
    return Path(spec.origin).parent


def _spelled(chip: Chip) -> str:
    """Return a chip's model name as its vendor's plugin spells it."""
    return chip.model.lower() if chip.vendor.plugin == "mediatek" else chip.model


def _refuse_failure(chip: Chip, said: str, code: int | None, made: Path) -> None:
    """Raise an error unless a compiled file was written.

    Raises:
        UnsupportedOperatorError: says how many operators were taken and how the compiler failed.
    """
    if code == 0 and made.is_file() and made.stat().st_size:
        return
    taken = SELECTED.search(said)
    start = f"{chip.vendor.name}'s compiler"
    if taken:
        many = count_of(int(taken[2]), "operator")
        start = f"{start} took {taken[1]} of {many} for the NPU of {chip}, and then"
    else:
        start = f"{start} for the NPU of {chip}"
    how = f"failed with exit code {code}"
    if code is None:
        how = f"was stopped after {PATIENCE:.0f} s"
    elif code < 0:
        how = f"crashed (signal {-code})"
    raise UnsupportedOperatorError(f"{start} {how}{_complaint(said)}.")


def _complaint(said: str) -> str:
    """Return the first relevant error of the log after ": ", or ""."""
    for complaint in COMPLAINT.finditer(said):
        words = complaint[1].removeprefix("ERROR:").strip().rstrip(".")
        if words and not words.startswith(HARMLESS) and "[litert/" not in words:
            return f": {words[:200]}"
    return ""
