"""What int8 keeps of networks that other people ship, beside ONNX Runtime's quantizer and NNCF.

    python benchmarks/int8_networks.py --photographs DIR --images DIR [--weights DIR]
                                       [--network NAME]... [--seconds N] [--every N] [--json FILE]

Compact networks of today's architectures are trained on `--photographs`, `--seconds` of processor
time each; with `--weights`, networks whose authors published theirs take part. All quantizers get
the same float model and the same calibration images, those that ship. `--images` are for judging:
each `--every`th of them, its centre of 288×288. Weights, files of others and environments are kept
in `.venv-peers`, so a run that was cut off goes on.

Fidelity is the PSNR of a quantized graph's images against the float model's, a drop PSNR(truth,
float model) − PSNR(truth, quantized graph), both in dB and on 8-bit images; first the mean, then
the worst image. Of another quantizer that calibrates in several ways, the best counts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from benchmarks.brief_training import trained
from benchmarks.cases import Case, case_of
from benchmarks.compact_networks import COMPACT
from benchmarks.conversion import convert
from benchmarks.environments import ROOT
from benchmarks.networks import BenchmarkNetwork
from benchmarks.peer_table import QUANTIZERS
from benchmarks.published_weights import PUBLISHED
from benchmarks.quantizers import Files, Row, measured, ours, report, runnable
from edge_imgq.contract import ImageContract
from edge_imgq.images.samples import ImageSet
from edge_imgq.pipeline.image_selection import evaluation_images

SCHEME = "int8"
OTHERS = {"onnxruntime": ("min-max", "percentile"), "nncf": QUANTIZERS["nncf"].precisions}
"""Quantizer → the ways in which it calibrates here."""

SIDE = 288
"""Height and width of the part of an image that is judged."""


def main() -> None:
    """Train, quantize, measure, print."""
    arguments = _parser().parse_args()
    torch.set_num_threads(1)
    names = arguments.network or [*_published(arguments.weights), *COMPACT]
    images = _every(evaluation_images(arguments.images), arguments.every)
    rows: list[Row] = []
    for name in names:
        network = _network(name, arguments)
        case = case_of(name, network, ROOT / "cases" / name)
        rows += measured(case, _files(case), images)
        if arguments.json:
            arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(table(rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photographs", type=Path, metavar="DIR", required=True)
    parser.add_argument("--images", type=Path, metavar="DIR", required=True)
    parser.add_argument("--weights", type=Path, metavar="DIR", help="published ones, safetensors")
    parser.add_argument("--network", action="append", choices=[*PUBLISHED, *COMPACT])
    parser.add_argument("--seconds", type=float, default=150, help="of training; default: 150")
    parser.add_argument("--every", type=int, default=5, help="of the images; default: 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here")
    return parser


def _published(weights: Path | None) -> list[str]:
    """Return the names of published networks whose weights a folder has."""
    return [name for name in PUBLISHED if weights and (weights / f"{name}.safetensors").is_file()]


def _network(name: str, arguments: argparse.Namespace) -> BenchmarkNetwork:
    if name in PUBLISHED:
        published, weights = PUBLISHED[name], arguments.weights / f"{name}.safetensors"
        contract = ImageContract("super-resolution", published.scale, "rgb")
        build = partial(published.load, weights)
    else:
        folder = ROOT / "weights"
        weights = trained(name, arguments.photographs, arguments.seconds, folder)
        contract = COMPACT[name].contract
        build = partial(_compact, name, weights)
    side = SIDE // contract.scale
    return BenchmarkNetwork(build, contract, (side, side), is_trained=True, weights=weights)


def _compact(name: str, weights: Path) -> nn.Module:
    network = COMPACT[name].build()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network


def _every(images: ImageSet, step: int) -> ImageSet:
    words = images.description if step == 1 else f"one in {step} of {images.description}"
    return replace(images, description=words, photos=images.photos[::step])


def _files(case: Case) -> Files:
    report(f"{case.name}: {SCHEME}")
    files: Files = {SCHEME: ours(case, SCHEME)}
    for name, ways in OTHERS.items():
        for answer in convert(name, [case], ROOT / "files", report, ways):
            files[f"{name} {answer.precision}"] = runnable(answer.result, case)
    return files


def table(rows: Sequence[Row]) -> str:
    """Return a line per network: ours, and the best that each other quantizer made of it."""
    titles = [SCHEME, *OTHERS]
    lines = [f"{'':18}" + "".join(f"{title:>12}{'drop':>14}" for title in titles) + f"{'lead':>7}"]
    leads = []
    for name in dict.fromkeys(row.network for row in rows):
        found = [_best(rows, name, title) for title in titles]
        lead = _lead(found)
        leads += [] if lead is None else [lead]
        text = "" if lead is None else f"{lead:7.1f}"
        lines.append(f"{name:18}" + "".join(map(_figures, found)) + text)
    if leads:
        lines.append(f"{'mean lead':{18 + 26 * len(titles)}}{sum(leads) / len(leads):7.1f}")
    return "\n".join([*lines, *_reasons(rows)])


def _best(rows: Sequence[Row], network: str, title: str) -> Row | None:
    """Return the row of a quantizer that is nearest to the float model; None for none."""
    own = [row for row in rows if row.network == network and row.quantizer.split()[0] == title]
    return max((row for row in own if not row.reason), key=lambda row: row.vs_float, default=None)


def _lead(found: Sequence[Row | None]) -> float | None:
    """Return by how many dB ours is nearer to the float model than the best of the others."""
    mine, *others = found
    theirs = [row.vs_float for row in others if row is not None]
    return mine.vs_float - max(theirs) if mine is not None and theirs else None


def _figures(row: Row | None) -> str:
    if row is None:
        return f"{'—':>12}{'':14}"
    return f"{row.vs_float:7.1f}/{row.worst_vs_float:4.1f}{row.drop:8.3f}/{row.worst:5.3f}"


def _reasons(rows: Sequence[Row]) -> Iterator[str]:
    """Yield why a quantizer has no figures."""
    for row in rows:
        if row.reason:
            yield f"{row.network}, {row.quantizer}: {row.reason}"


if __name__ == "__main__":
    main()
