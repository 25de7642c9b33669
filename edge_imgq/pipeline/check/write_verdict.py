"""Write a check's verdicts as HTML, pictures, JUnit XML and Markdown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import write_text
from edge_imgq.report.markdown import MarkdownImage, markdown

if TYPE_CHECKING:
    from edge_imgq.pipeline.check.check import CheckedModel, CheckRequest
    from edge_imgq.pipeline.progress import Watch
    from edge_imgq.report.baseline_comparison import BaselineComparison
    from edge_imgq.report.history import HistoryEntry
    from edge_imgq.report.image_comparison import ImageComparison
    from edge_imgq.report.verdict import TargetKey


@dataclass(frozen=True)
class CheckOutputs:
    """Outputs of a check; None for outputs that are not written.

    Attributes:
        html: path of an HTML page with all results.
        pictures: folder for pictures of what fails.
        junit: path of a JUnit XML file.
        markdown: path of a Markdown file for a comment; it shows the pictures, if any.
        history: earlier figures for the page.
    """

    html: Path | None = None
    pictures: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    history: Sequence[HistoryEntry] = ()


def write_outputs(
    outputs: CheckOutputs,
    models: Sequence[CheckedModel],
    comparison: BaselineComparison,
    request: CheckRequest,
    watch: Watch,
) -> tuple[str, ...]:
    """Write the requested outputs; failing files run again if their images are shown.

    Args:
        outputs: what to write; outputs whose path is None are not written.
        models: files of all models with their figures.
        comparison: verdicts on them, with the baseline's figures.
        request: arguments of the check.
        watch: called before each step.

    Returns:
        Sentences on the folder of the pictures and on models without pictures.

    Raises:
        OutputError: an output cannot be written.
    """
    pictures: Sequence[MarkdownImage] = ()
    notes: tuple[str, ...] = ()
    if outputs.html or outputs.pictures:
        from edge_imgq.pipeline.check.failing_images import failing_pictures, unknown_images

        worst_images = failing_pictures(models, comparison.verdicts, request, watch)
        unknown = unknown_images(models, comparison.verdicts, request)
        if outputs.html:
            from edge_imgq.pipeline.sensitivity.known_sensitivity import layers_of
            from edge_imgq.report.check_page import check_page

            layers, others = layers_of({model.folder: model.report for model in models})
            said = (*unknown, *others)
            write_text(
                outputs.html, check_page(comparison, worst_images, outputs.history, said, layers)
            )
        if outputs.pictures:
            beside = (outputs.markdown or outputs.pictures).parent
            pictures = _written(outputs.pictures, worst_images, beside)
            notes = (f"The pictures are in {outputs.pictures}.",) if pictures else ()
        notes = (*notes, *(f"{line}." for line in unknown))
    if outputs.junit:
        from edge_imgq.report.junit import junit_xml

        write_text(outputs.junit, junit_xml(comparison))
    if outputs.markdown:
        write_text(outputs.markdown, markdown(comparison, pictures))
    return notes


def _written(
    folder: Path, worst_images: Mapping[TargetKey, Sequence[ImageComparison]], beside: Path
) -> list[MarkdownImage]:
    """Write pictures, and return them with paths relative to the Markdown file."""
    from edge_imgq.pipeline.verify.worst_images import write_pictures

    named = {f"{model}-{target}": shown for (model, target), shown in worst_images.items()}
    written = write_pictures(folder, named)
    return [
        MarkdownImage(
            f"{' '.join(key)}, {image.name}: {image.psnr:.2f} dB to the float model",
            Path(os.path.relpath(path, beside)).as_posix(),
        )
        for (key, shown), paths in zip(worst_images.items(), written.values(), strict=True)
        for image, path in zip(shown, paths, strict=True)
    ]
