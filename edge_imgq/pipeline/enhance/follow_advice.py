"""Enhance photographs with the networks that `assess` advises for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge_imgq.artifact import output_errors
from edge_imgq.errors import ImageError
from edge_imgq.images.files import atomic_write, joined
from edge_imgq.images.lossless_copy import lossless_copy
from edge_imgq.images.photograph import (
    read_photograph,
    write_deep_photograph,
    write_photograph,
)
from edge_imgq.pipeline.assess import MODEL, assess_pixels, open_assessor
from edge_imgq.pipeline.enhance.enhance import BatchResult, Enhanced, EnhanceRequest, Job, enhance
from edge_imgq.pipeline.enhance.lost_depth import keeps_depth
from edge_imgq.pipeline.progress import ProgressStep

if TYPE_CHECKING:
    from edge_imgq.pipeline.progress import Watch


def follow_advice(request: EnhanceRequest, watch: Watch) -> BatchResult:
    """Assess every photograph, and enhance it with the network that is advised, if any.

    Photographs without advice are written with unchanged pixels, without metadata. Files that
    cannot be read are reported.

    Args:
        request: request; its models are ignored.
        watch: called before each step.

    Raises:
        ImageError: none of the files is an image.
        OutputError: a result cannot be written.
        ModelError: the assessing network or an advised one cannot be opened.
    """
    predict = open_assessor(MODEL, request.threads)
    groups: dict[tuple[str, ...], list[Job]] = {}
    failed: list[str] = []
    hints: list[str] = []
    for index, job in enumerate(request.jobs):
        watch(ProgressStep("assess photographs", index, len(request.jobs)))
        try:
            pixels = read_photograph(job[0]).pixels
            advice = assess_pixels(pixels, str(job[0]), predict).advice
        except ImageError as error:
            failed.append(str(error))
            continue
        groups.setdefault(advice, []).append(job)
    if not groups:
        raise ImageError("\n".join(failed))
    written = [_left_alone(job) for job in groups.pop((), [])]
    for models, jobs in groups.items():
        batch = enhance(replace(request, jobs=tuple(jobs), models=models), watch)
        written += batch.written
        failed += batch.failed
        hints += batch.hints
    order = {str(result): index for index, (_, result) in enumerate(request.jobs)}
    ordered = sorted(written, key=lambda one: order[one.path])
    return BatchResult(tuple(ordered), tuple(failed), tuple(hints))


def _left_alone(job: Job) -> Enhanced:
    """Write a photograph that no network improves, without metadata, like all results.

    Its pixels are unchanged unless a lossy format must be encoded again: to rotate it upright, to
    convert CMYK to RGB, or for another format.
    """
    photo, result = job
    deep = keeps_depth(photo, result, ())
    before = read_photograph(photo, deep=deep)
    with output_errors(result):
        result.parent.mkdir(parents=True, exist_ok=True)
    size = before.pixels.shape[0], before.pixels.shape[1]
    copy = lossless_copy(photo, result.suffix)
    if copy is not None:
        with atomic_write(result) as temporary:
            temporary.write_bytes(copy)
    elif deep:
        write_deep_photograph(result, before.pixels, before)
    else:
        write_photograph(result, joined(size, iter([before.pixels])), before)
    return Enhanced(str(photo), str(result), size, ())
