"""A .tflite file of anyone's: what is in it, who runs it, what image it makes."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge_imgq.errors import NonFiniteOutputError
from edge_imgq.images.layout import from_nhwc
from edge_imgq.metrics.psnr import psnr
from edge_imgq.runtime.litert import placement_of
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import IDENTICAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_SECONDS = 300


@dataclass(frozen=True)
class FileFacts:
    """What a file is.

    Attributes:
        operators: how many of each, by TFLite's name, the most frequent first.
        delegated: how many operators XNNPACK takes.
        partitions: in how many pieces it takes them.
        outside: the others, by name.
        psnr: mean PSNR in dB of its images against those of the float ONNX model.
        worst: of the worst image.
        size: of the file in bytes.
    """

    operators: dict[str, int]
    delegated: int
    partitions: int
    outside: dict[str, int]
    psnr: float
    worst: float
    size: int


def facts_of(path: Path, case: Path) -> FileFacts | Skipped:
    """Return what a file is, found in a process of its own and kept beside the file.

    A file that crashes LiteRT takes that process with it and not the benchmark.
    """
    kept = path.with_suffix(".json")
    if kept.exists() and kept.stat().st_mtime >= path.stat().st_mtime:
        return FileFacts(**json.loads(kept.read_text()))
    # Forked, because importing LiteRT anew takes longer than looking into most files.
    process = multiprocessing.get_context("fork").Process(target=_answer, args=(path, case, kept))
    process.start()
    process.join(MAX_SECONDS)
    if process.exitcode is None:
        process.kill()
        return Skipped(f"LiteRT had not run it after {MAX_SECONDS} seconds")
    if process.exitcode:
        return Skipped(f"LiteRT crashes on it, with exit code {process.exitcode}")
    answer = json.loads(kept.read_text())
    if "refusal" in answer:
        kept.unlink()
        return Skipped(f"LiteRT refuses it: {answer['refusal']}")
    return FileFacts(**answer)


def _answer(path: Path, case: Path, kept: Path) -> None:
    """Write what a file is, or why LiteRT does not take it."""
    try:
        answer = asdict(measure(path, case))
    except (NonFiniteOutputError, RuntimeError, ValueError) as problem:
        answer = {"refusal": " ".join(str(problem).split())}
    kept.write_text(json.dumps(answer, indent=1))


def measure(path: Path, case: Path) -> FileFacts:
    """Return what a file is.

    Args:
        path: a .tflite file of one image in and one out.
        case: the folder of its network, see `benchmarks.cases`.
    """
    interpreter = opened(path)
    names = Counter(
        node["op_name"] for node in interpreter._get_ops_details() if node["op_name"] != "DELEGATE"
    )
    placed = placement_of(interpreter)
    images, truths = np.load(case / "images.npy"), np.load(case / "reference.npy")
    decibels = [
        min(psnr(truth, enhance(interpreter, image, truth.shape)), IDENTICAL)
        for image, truth in zip(images, truths, strict=True)
    ]
    return FileFacts(
        operators=dict(names.most_common()),
        delegated=placed.delegated,
        partitions=placed.partitions,
        outside=dict(Counter(placed.fallback).most_common()),
        psnr=float(np.mean(decibels)),
        worst=min(decibels),
        size=path.stat().st_size,
    )


def opened(path: Path, kernels: OpResolverType = OpResolverType.AUTO) -> Any:
    """Return an interpreter with one thread and, unless `kernels` say otherwise, XNNPACK."""
    interpreter = Interpreter(
        model_path=str(path), num_threads=1, experimental_op_resolver_type=kernels
    )
    interpreter.allocate_tensors()
    return interpreter


def prepared(path: Path, image: NDArray[np.uint8]) -> Callable[[], None]:
    """Return a call that runs a file once on an image that is already in place."""
    interpreter = opened(path)
    place(interpreter, image)
    call: Callable[[], None] = interpreter.invoke
    return call


def place(interpreter: Any, image: NDArray[np.uint8]) -> None:
    """Write an 8-bit (H, W, C) image into the input, whatever its type and layout are."""
    detail = interpreter.get_input_details()[0]
    values = (image.astype(np.float32) / 255)[np.newaxis]
    if tuple(detail["shape"]) != values.shape:
        values = values.transpose(0, 3, 1, 2)
    if detail["dtype"] != np.float32:
        scale, zero = detail["quantization"]
        limits = np.iinfo(detail["dtype"])
        values = np.clip(np.rint(values / scale) + zero, limits.min, limits.max)
    interpreter.set_tensor(detail["index"], np.ascontiguousarray(values, detail["dtype"]))


def enhance(
    interpreter: Any, image: NDArray[np.uint8], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Return the image of `shape` (H, W, C) that a file makes of another, 8-bit."""
    place(interpreter, image)
    interpreter.invoke()
    detail = interpreter.get_output_details()[0]
    values = interpreter.get_tensor(detail["index"])
    if detail["dtype"] != np.float32:
        scale, zero = detail["quantization"]
        values = (values.astype(np.float32) - zero) * np.float32(scale)
    if values.shape[1:] != shape:
        values = values.transpose(0, 2, 3, 1)
    return from_nhwc(values, 1.0)
