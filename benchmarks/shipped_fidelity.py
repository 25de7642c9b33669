"""How near the files of networks that people ship are to their float model, target by target.

    python benchmarks/shipped_fidelity.py --images DIR [--network TITLE]... [--scheme NAME]
                                          [--json FILE]

Networks of `shipped_networks.py`: small, with random weights that keep variances, so their images
mean nothing; the figures say how the structure fares. They are exported at 48x64 like a user's
.onnx file, calibrated on the photographs that ship, and compared on the folder's photographs with
the .onnx file in ONNX Runtime. PSNR in dB on 8-bit images, mean / worst; of further outputs that
are planes, over their range. A target that cannot be written is a reason.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

import edge_imgq as eiq
from benchmarks.shipped_networks import FURTHER, NAMED, SIDES, Shipped
from edge_imgq.errors import EdgeImgqError
from edge_imgq.report.report import Report
from tests.families.convert import trained_like

TARGETS = ("tflite-float", "coreml-fp16", "tflite-int8", "coreml-int8", "onnx-int8")
NETWORKS = NAMED | FURTHER
OPSET = 20

Figures = dict[str, str]
"""Target → figures, or the reason why there are none."""


class _Fed(nn.Module):
    """A network of the image alone, for the weights: its other inputs are fixed."""

    def __init__(self, network: nn.Module, others: Sequence[Tensor]) -> None:
        super().__init__()
        self.network, self.others = network, tuple(others)

    def forward(self, image: Tensor) -> Tensor:
        result = self.network(image, *self.others)
        first: Tensor = result[0] if isinstance(result, tuple) else result
        return first


def main() -> None:
    """Export every network, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=Path, metavar="DIR", required=True)
    parser.add_argument("--network", action="append", choices=list(NETWORKS), metavar="TITLE")
    parser.add_argument("--scheme", default="int8", help="recipe in quantize/; default: int8")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Figures] = {}
    for title in arguments.network or NETWORKS:
        found[title] = measured(title, arguments.images, arguments.scheme)
        print(row(title, found[title]), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join(reasons(found)))


def written(title: str, folder: Path) -> Path:
    """Give a network weights and write it as .onnx by TorchScript's exporter, of a fixed size."""
    network: Shipped = NETWORKS[title]
    torch.manual_seed(3)
    module, (image, *others) = network.build().eval(), network.example()
    trained_like(_Fed(module, others), image)
    path = folder / f"{'-'.join(title.lower().replace(',', '').split())}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (image, *others),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=network.names,
            output_names=network.outputs,
        )
    return path


def measured(title: str, images: Path, scheme: str) -> Figures:
    """Export one network to all targets that take it; return figures and reasons."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = written(title, folder)
        try:
            report = eiq.export(
                str(path),
                targets=TARGETS,
                output=folder / "files",
                images=images,
                sizes=(SIDES,),
                scheme=scheme,
                inputs=NETWORKS[title].ports,
                bench=False,
            ).report
        except EdgeImgqError as error:
            return dict.fromkeys(TARGETS, str(error))
    return _figures(report)


def _figures(report: Report) -> Figures:
    good = {
        row.target: f"{row.vs_reference.mean:.1f}/{row.vs_reference.worst:.1f}"
        for row in report.targets
    }
    return good | {failed.target: failed.reason for failed in report.failed}


def row(title: str, found: Figures) -> str:
    """Return the line of one network."""
    cells = (found.get(target, "no file") for target in TARGETS)
    return f"{title:20}" + "".join(f"{c if len(c) < 12 else '—':>12}" for c in cells)


def reasons(found: dict[str, Figures]) -> Iterator[str]:
    """Yield why targets have no figures."""
    for title, figures in found.items():
        for target, words in figures.items():
            if len(words) >= 12:
                yield f"{title}, {target}: {words}"


if __name__ == "__main__":
    main()
