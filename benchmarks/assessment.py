"""What `assess` gets right on photographs that it has not seen, beside the classical measures.

    python -m benchmarks.assessment --fit DIR --set NAME=DIR [--set NAME=DIR]...
                                    [--model FILE] [--photos N] [--cases N] [--json FILE]
                                    [--gains FILE]

Every photograph is degraded whole in eight ways, seeded by its name, and taken as it is as a ninth;
each case is assessed, and every network that can be advised is run on it. Sets of few photographs
are degraded several times, until there are N cases of each way. A set whose name ends in "blur"
holds photographs that are really blurred, and one whose name ends in "clean" photographs that need
nothing: both are assessed as they are. The
thresholds of the classical measures are fitted on the cases of `--fit`, the training photographs.
What the networks gain takes nearly all the time and does not depend on the network that assesses:
`--gains` keeps it, case by case, and a later or interrupted run reads it.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.assessment_case import NOTHING, Case
from benchmarks.assessment_scores import classical_answer, network_answer, scores
from edge_imgq.images.files import list_images, read_image
from edge_imgq.images.mixture import SCENARIOS, Severity, degrade, pieces_of
from edge_imgq.images.resize import crop_to_multiple
from edge_imgq.models.measures import REPAIRS
from edge_imgq.models.zoo import load_network
from edge_imgq.pipeline.assess import MODEL, assess_pixels, open_assessor
from edge_imgq.train.labelled_crops import in_colour, luma_psnr, repaired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.pipeline.assess import Predict

    Pixels = NDArray[np.uint8]


def main() -> None:
    """Degrade, assess, repair, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fit", type=Path, required=True, metavar="DIR")
    parser.add_argument("--set", action="append", required=True, metavar="NAME=DIR")
    parser.add_argument("--photos", type=int, default=40, help="of each set at most")
    parser.add_argument("--cases", type=int, default=1, help="of each degradation at least")
    parser.add_argument("--model", default=MODEL, help="a file that was exported of it")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--gains", type=Path, metavar="FILE", help="kept for the next run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sets = dict(word.split("=", 1) for word in arguments.set)
    predict = open_assessor(arguments.model, 1)
    gains = KeptGains(arguments.gains)
    cases = [
        case
        for name, folder in sets.items()
        for case in cases_of(name, Path(folder), arguments.photos, predict, gains, arguments.cases)
    ]
    fit = list(cases_of("fit", arguments.fit, arguments.photos, predict, gains))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(c) for c in (*cases, *fit)]) + "\n")
    print(table(cases, fit))


class KeptGains:
    """What every network gains on degraded photographs, computed once and kept in a file.

    A change of the networks is not noticed: begin with another file then.

    Args:
        path: JSON file, read if it exists and written after each case; None for none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, float]] = {}
        if path is not None and path.exists():
            self._known = json.loads(path.read_text())
        self._networks = {name: load_network(name) for name in REPAIRS}

    def of(self, photo: Pixels, degraded: Pixels) -> dict[str, float]:
        """Return each network's gain in dB of luma; both images are uint8 (H, W, 3)."""
        key = hashlib.sha256(photo.tobytes() + degraded.tobytes()).hexdigest()
        if key not in self._known:
            before = luma_psnr(photo, degraded)
            self._known[key] = {
                repair: luma_psnr(photo, repaired(degraded, repair, network)) - before
                for repair, network in self._networks.items()
            }
            if self._path is not None:
                self._path.write_text(json.dumps(self._known) + "\n")
        return self._known[key]


def cases_of(
    name: str, folder: Path, photos: int, predict: Predict, kept: KeptGains, cases: int = 1
) -> Iterator[Case]:
    """Yield every case of a set."""
    files = list_images(folder)
    files = files[:: max(1, len(files) // photos)][:photos]
    draws = range(-(-cases // len(files)))
    for file in files:
        photo = crop_to_multiple(read_image(file, "rgb"), 8)
        if name.endswith(("blur", "clean")):
            scenario = "clean" if name.endswith("clean") else "blurred"
            yield Case(name, scenario, Severity(), assess_pixels(photo, file.name, predict), {})
            continue
        for scenario, draw in itertools.product(SCENARIOS, draws):
            if scenario == "clean" and draw:
                continue
            rng = np.random.default_rng([7, zlib.crc32(f"{file.name} {scenario}".encode()), draw])
            degraded, truth = degrade(photo, pieces_of(scenario, rng), rng)
            degraded = in_colour(degraded)
            found = assess_pixels(degraded, file.name, predict)
            gains = {NOTHING: 0.0, **kept.of(photo, degraded)}
            yield Case(name, scenario, truth, found, gains)


def table(cases: Sequence[Case], fit: Sequence[Case]) -> str:
    """Return a row for every set and method."""
    heading = "set        method     sigma  JPEG  blur%  best%  strictly%  clean%  gain of dB"
    lines = [heading]
    methods = {"network": network_answer, "classical": classical_answer(fit)}
    for name in dict.fromkeys(case.set for case in cases):
        own = [case for case in cases if case.set == name]
        for method, answer in methods.items():
            row = scores(own, answer)
            lines.append(
                f"{name:10} {method:10} {row.noise:5.1f} {row.jpeg_quality:5.1f} "
                f"{100 * row.blurred:6.0f} {100 * row.best:6.0f} {100 * row.strictly:10.0f} "
                f"{100 * row.left_alone:7.0f}  {row.gain:.2f} of {row.possible:.2f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
