"""`edge_imgq.evaluate`: a network as the papers judge it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import (
    NOTHING_BOUND,
    NOTHING_SET,
    AnyPath,
    Bound,
    Inputs,
    Progress,
    Range,
    Settings,
    as_path,
    as_ports,
    as_range,
    as_settings,
    unwatched,
)
from edge_imgq.api.model import ModelLike, named_or_open
from edge_imgq.api.shown import ShownAsText
from edge_imgq.devices.load import processors

if TYPE_CHECKING:
    from edge_imgq.report.evaluation import Evaluation, ImageScores, MethodScores


@dataclass(frozen=True)
class EvaluationResult(ShownAsText):
    """PSNR and SSIM of a network, and of what a user has without it, on a set of images.

    Attributes:
        evaluation: everything that was measured.
    """

    evaluation: Evaluation = field(repr=False)

    @property
    def rows(self) -> tuple[MethodScores, ...]:
        """The means, one for each condition and method, the network last of each condition."""
        return self.evaluation.rows

    @property
    def images(self) -> tuple[ImageScores, ...]:
        """The figures behind them, image by image."""
        return self.evaluation.images

    def __str__(self) -> str:
        """Return the table that the command line prints."""
        from edge_imgq.report.evaluation_table import evaluation_table

        return evaluation_table(self.evaluation)


def evaluate(
    model: ModelLike,
    images: AnyPath,
    *,
    task: str | None = None,
    levels: float | Iterable[float] = (),
    sheet: AnyPath | None = None,
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    settings: Settings = NOTHING_SET,
    regressors: AnyPath | None = None,
    learn_from: AnyPath | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Degrade photographs as a task asks, restore them, and measure PSNR and SSIM to the truth.

    By the protocol of the task's papers, beside what a user has without the network: bicubic, the
    JPEG itself, the noisy image, non-local means.

    Args:
        model: a file that `export` wrote, or what `open` takes or returned.
        images: folder of photographs, or of pairs in `input/` and `truth/` or `blur/` and
            `sharp/`.
        task: "super-resolution", "jpeg", "denoise", "deblur" or "photo-enhancement", for a file
            that does not say.
        levels: JPEG quality or standard deviation of the noise, one or several; by default the
            papers'. With pairs, the one that their noise has in the network's pixels, which
            non-local means gets: without it, that is left out.
        sheet: file for crops of some images side by side; None for none.
        pixel_range: as for `open`, of .onnx files that do not say.
        output_name: likewise.
        inputs: likewise.
        bind: likewise.
        states: likewise.
        settings: of inputs beside the photograph, as for `enhance`.
        regressors: file of ANR and A+ (Timofte et al., 2013 and 2014), which are then measured
            beside bicubic; where there is none yet, it is written.
        learn_from: folder of photographs that they are learned from, in minutes, where there is no
            such file; the papers' are the 91 images of Yang et al.
        threads: processor threads; None for as many as there are.
        progress: called with every step before it begins.

    Raises:
        UsageError: nothing is known of the model's task, there is no such model, levels are asked
            for that pairs do not have, or `regressors` are missing, of another scale, or asked for
            in a task that enlarges nothing.
        ImageError: the folder holds no usable image.
        ModelError: the model cannot be opened.
        OutputError: the sheet or the regressors cannot be written.
    """
    from edge_imgq.pipeline.evaluate.evaluate import EvaluateRequest
    from edge_imgq.pipeline.evaluate.evaluate import evaluate as run

    asked = as_range(pixel_range)
    request = EvaluateRequest(
        model=named_or_open(model, asked, as_ports(output_name, inputs, bind, states)),
        folder=Path(images),
        task=task,
        levels=(float(levels),) if isinstance(levels, (int, float)) else tuple(levels),
        sheet=as_path(sheet),
        threads=threads or processors(),
        pixels=asked,
        settings=as_settings(settings),
        regressors=as_path(regressors),
        learn_from=as_path(learn_from),
    )
    return EvaluationResult(run(request, progress or unwatched))
