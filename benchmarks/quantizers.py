"""The same float weights and calibration images through edge-imgq's quantizer and those of others.

    python benchmarks/quantizers.py [--network NAME]... [--images DIR]... [--scheme NAME]...
                                    [--json FILE]

A drop is PSNR(truth, float model) − PSNR(truth, quantized file) in dB, both images rounded to 8
bits. Images are those of the manifest that are for evaluation, and every folder of `--images`; they
are cropped or mirrored to the size that the files have, because most files of others have but one.
Environments and files are those of `converters.py`. QDQ models are run by ONNX Runtime, every node
as it stands, .tflite files by LiteRT: by XNNPACK, and where that refuses one, by LiteRT's own
kernels.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch
from ai_edge_litert.interpreter import OpResolverType

from benchmarks.cases import Case, case_of, reference
from benchmarks.conversion import convert, sentence
from benchmarks.environments import ROOT
from benchmarks.files import enhance, opened
from benchmarks.networks import NETWORKS
from benchmarks.ours import quantized
from benchmarks.peer_table import PEERS, QUANTIZERS
from edge_imgq.errors import EdgeImgqError
from edge_imgq.images.layout import from_nchw, to_nchw
from edge_imgq.images.samples import ImageSet, samples
from edge_imgq.pipeline.image_selection import evaluation_images
from edge_imgq.runtime.onnxruntime import inference_session
from edge_imgq.skipped import Skipped
from edge_imgq.verify.compare import compare
from edge_imgq.verify.drift import Drop
from edge_imgq.verify.summary import summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Enhance = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

SCHEMES = ("int8", "int8-thorough")
TRAINED = tuple(name for name, network in NETWORKS.items() if network.is_trained)


@dataclass(frozen=True)
class Row:
    """What one quantizer lost on one set of images, or why it is not known.

    Attributes:
        network: its name.
        images: the set in words.
        quantizer: and the way it calibrated.
        drop: mean drop in dB.
        worst: of the image that lost most.
        vs_float: mean PSNR in dB of its images against the float model's.
        worst_vs_float: of the image that is farthest.
        reason: why there are no figures; "" where there are.
    """

    network: str
    images: str
    quantizer: str
    drop: float = float("nan")
    worst: float = float("nan")
    vs_float: float = float("nan")
    worst_vs_float: float = float("nan")
    reason: str = ""


def main() -> None:
    """Quantize, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", action="append", choices=TRAINED, help="default: all of these")
    parser.add_argument("--images", action="append", type=Path, metavar="DIR", default=[])
    parser.add_argument("--scheme", action="append", help="of ours; default: int8, int8-thorough")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sets = [evaluation_images(None), *(evaluation_images(folder) for folder in arguments.images)]
    rows: list[Row] = []
    for name in arguments.network or TRAINED:
        case = case_of(name, NETWORKS[name], ROOT / "cases" / name)
        files = _files(case, arguments.scheme or SCHEMES)
        for images in sets:
            rows += measured(case, files, images)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(table(rows))


Files = dict[str, "Enhance | Skipped"]


def _files(case: Case, schemes: Sequence[str]) -> Files:
    """Return every quantizer's model of a network, ready to run."""
    files: Files = {}
    for scheme in schemes:
        report(f"{case.name}: {scheme}")
        files[f"edge-imgq {scheme}"] = ours(case, scheme)
    asked = dict.fromkeys(PEERS, ("int8",)) | {
        name: peer.precisions for name, peer in QUANTIZERS.items()
    }
    for name, precisions in asked.items():
        bases = [PEERS[name].base] if name in PEERS and PEERS[name].base else []
        for base in bases:
            convert(base, [case], ROOT / "files", report, ("float",))
        for answer in convert(name, [case], ROOT / "files", report, precisions):
            title = name if name in PEERS else f"{name} {answer.precision}"
            files[title] = runnable(answer.result, case)
    return files


def ours(case: Case, scheme: str) -> Enhance | Skipped:
    """Return the QDQ model that a scheme of ours makes, ready to run, or why there is none."""
    try:
        return run_as_it_stands(ir.to_proto(quantized(case, scheme)).SerializeToString())
    except EdgeImgqError as error:
        return Skipped(str(error))


def run_as_it_stands(model: bytes) -> Enhance:
    """Return a QDQ model as a function of 8-bit images, by ONNX Runtime, unoptimised."""
    session = inference_session(model, threads=1, optimise=False)
    entry = session.get_inputs()[0].name

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return from_nchw(session.run(None, {entry: to_nchw(pixels, 1.0)})[0], 1.0)

    return run


def runnable(file: Path | Skipped, case: Case) -> Enhance | Skipped:
    """Return what another quantizer wrote, ready to run, or why it cannot be."""
    if isinstance(file, Skipped):
        return file
    try:
        if file.suffix == ".onnx":
            return run_as_it_stands(file.read_bytes())
        try:
            interpreter = opened(file)
        except RuntimeError:
            interpreter = opened(file, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    except Exception as error:  # the runtimes raise classes of their own
        return Skipped(str(error))
    contract = case.network.contract

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width, channels = pixels.shape
        shape = (height * contract.scale, width * contract.scale, channels)
        return enhance(interpreter, pixels, shape)

    return run


def measured(case: Case, files: Files, images: ImageSet) -> Iterator[Row]:
    """Run every image through the float model and all quantized ones."""
    report(f"{case.name}: {images.description}")
    contract, size = case.network.contract, case.network.size
    truth = reference((case.folder / "model.onnx").read_bytes())
    read = [(sample, truth(sample.pixels)) for sample in samples(images, contract, size)]
    for title, run in files.items():
        if isinstance(run, Skipped):
            yield Row(case.name, images.description, title, reason=sentence(run.reason))
            continue
        drift = summarise(
            [
                compare(
                    sample.name, file=run(sample.pixels), reference=wanted,
                    quantized=None, source=wanted, truth=sample.truth, shave=contract.shave,
                    untreated=sample.untreated(contract.scale),
                )
                for sample, wanted in read
            ]
        )  # fmt: skip
        assert isinstance(drift.drop, Drop), "the tasks of the zoo have a truth"
        yield Row(
            case.name, images.description, title,
            drift.drop.mean, drift.drop.worst, drift.vs_reference.mean, drift.vs_reference.worst,
        )  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Return the drops, a block per network and set, and the reasons below them."""
    lines: list[str] = []
    reasons: dict[str, int] = {}
    for row in rows:
        title = f"{row.network}, {row.images}"
        if title not in lines:
            lines += ["", title, f"  {'':34}{'drop':>8}{'worst':>8}{'vs float':>10}"]
        figures = f"{row.drop:8.3f}{row.worst:8.3f}{row.vs_float:10.1f}"
        if row.reason:
            figures = f"{'[' + str(reasons.setdefault(row.reason, len(reasons) + 1)) + ']':>8}"
        lines.append(f"  {row.quantizer:34}{figures}")
    notes = [f"[{number}] {reason}" for reason, number in reasons.items()]
    return "\n".join([*lines[1:], "", *notes])


def report(text: str) -> None:
    """Tell the person who waits how far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
