"""`edge_imgq.evaluate`: measure a network by the evaluation protocol of its task's papers."""

from __future__ import annotations

import os
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
    from edge_imgq.report.evaluation import Detection, Evaluation, ImageScores, MethodScores
    from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class EvaluationResult(ShownAsText):
    """PSNR and SSIM of a network and of baseline methods on a set of images.

    Attributes:
        evaluation: all figures.
    """

    evaluation: Evaluation = field(repr=False)

    @property
    def rows(self) -> tuple[MethodScores, ...]:
        """Mean PSNR in dB and SSIM over the images, one entry per condition and method.

        A condition is a degradation of the images, such as a JPEG quality; the last entry of each
        is the network's.
        """
        return self.evaluation.rows

    @property
    def images(self) -> tuple[ImageScores, ...]:
        """PSNR in dB and SSIM of single images: one entry per image, condition and method."""
        return self.evaluation.images

    @property
    def detection(self) -> Detection | Skipped | None:
        """Precision and recall of a detector's boxes; None if no detector was named."""
        return self.evaluation.detection

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
    detector: AnyPath | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Degrade photographs as a task defines, restore them, and measure PSNR and SSIM to the truth.

    The protocol is that of the task's papers, on 8-bit images: for super-resolution, on the BT.601
    luma without a border of `scale` pixels. Baselines that need no network are measured too:
    bicubic, the JPEG itself, the noisy image, non-local means.

    Args:
        model: file written by `export`, or a model that `open` takes or returned.
        images: folder of photographs, or of pairs in `input/` and `truth/` or `blur/` and `sharp/`.
        task: "super-resolution", "jpeg", "denoise", "deblur" or "photo-enhancement"; None if the
            file states it.
        levels: JPEG quality, or standard deviation of the noise in levels of 255, one or several;
            empty for those of the papers. For noisy pairs, the noise level of the network's input,
            which non-local means needs; without it, that method is left out.
        sheet: path of an image with crops side by side to write; None for none.
        pixel_range: float value of pixel 255, or of pixels 0 and 255, as for `open`; for .onnx
            files that do not state it.
        output_name: output to keep, or several, main one first; as for `open`.
        inputs: kinds and ranges of inputs, such as "sigma=plane:0..75/255"; as for `open`.
        bind: constants for inputs other than the image, by name; as for `open`.
        states: outputs that feed an input of the next frame; as for `open`.
        settings: values of inputs other than the photograph, by name, as for `enhance`.
        regressors: file of the example-based methods ANR and A+ (Timofte et al., 2013 and 2014),
            which are then measured as baselines; written if it does not exist. None for none.
        learn_from: folder of photographs to learn the regressors from, in minutes, if the file does
            not exist; the papers use the 91 images of Yang et al.
        detector: .onnx file of an object detector; its boxes in the images with and without the
            network are compared with those in the originals. None for none.
        threads: processor threads; None for all processors.
        progress: called before each step.

    Returns:
        PSNR in dB and SSIM: means per condition and method, and those of each image.

    Raises:
        UsageError: the task is unknown, the model does not exist, `levels` do not apply to pairs,
            or `regressors` are missing, of another scale, or given for a task other than
            super-resolution.
        ImageError: the folder holds no usable image.
        ModelError: the model or the detector cannot be opened, or the detector returns no boxes.
        OutputError: the sheet or the regressors cannot be written.
        RuntimeUnavailableError: the runtime of a file is not installed here.
    """
    from edge_imgq.pipeline.evaluate.evaluate import EvaluateRequest
    from edge_imgq.pipeline.evaluate.evaluate import evaluate as run
    from edge_imgq.pipeline.evaluate.unknown_task import refuse_unknown_task

    if task is None and isinstance(model, (str, os.PathLike)) and not output_name:
        refuse_unknown_task(os.fspath(model))
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
        detector=as_path(detector),
    )
    return EvaluationResult(run(request, progress or unwatched))
