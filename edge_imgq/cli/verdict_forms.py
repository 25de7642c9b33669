"""The forms of the verdicts of `check`: a page, pictures, JUnit XML and Markdown."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_imgq.pipeline.check import CheckRequest, Looked
    from edge_imgq.pipeline.step import Watch
    from edge_imgq.report.exhibit import Exhibit
    from edge_imgq.report.history import Entry
    from edge_imgq.report.judgement import Judgement
    from edge_imgq.report.markdown import Picture
    from edge_imgq.report.verdict import Place


def write_forms(
    arguments: argparse.Namespace,
    looked: Sequence[Looked],
    judgement: Judgement,
    history: Sequence[Entry],
    request: CheckRequest,
    watch: Watch,
) -> None:
    """Write what was asked for; failing files run once more where their images are shown."""
    from edge_imgq.artifact import write_text

    pictures: Sequence[Picture] = ()
    if arguments.html or arguments.pictures:
        from edge_imgq.pipeline.failing_pictures import failing_pictures, unknown_images

        exhibits = failing_pictures(looked, judgement.verdicts, request, watch)
        unknown = unknown_images(looked, judgement.verdicts, request)
        if arguments.html:
            from edge_imgq.pipeline.known_sensitivity import layers_of
            from edge_imgq.report.page import page

            layers, others = layers_of({one.folder: one.report for one in looked})
            notes = (*unknown, *others)
            write_text(arguments.html, page(judgement, exhibits, history, notes, layers))
        if arguments.pictures:
            beside = (arguments.markdown or arguments.pictures).parent
            pictures = _written(arguments.pictures, exhibits, beside)
        for line in unknown:
            print(f"{line}.", file=sys.stderr)
    if arguments.junit:
        from edge_imgq.report.junit import junit_xml

        write_text(arguments.junit, junit_xml(judgement))
    if arguments.markdown:
        from edge_imgq.report.markdown import markdown

        write_text(arguments.markdown, markdown(judgement, pictures))


def _written(
    folder: Path, exhibits: Mapping[Place, Sequence[Exhibit]], beside: Path
) -> list[Picture]:
    """Write pictures, and return them as text in another folder names them."""
    from edge_imgq.pipeline.gallery import write_pictures
    from edge_imgq.report.markdown import Picture

    named = {f"{model}-{target}": shown for (model, target), shown in exhibits.items()}
    written = write_pictures(folder, named)
    if written:
        print(f"The pictures are in {folder}.", file=sys.stderr)
    return [
        Picture(
            f"{' '.join(place)}, {exhibit.name}: {exhibit.psnr:.2f} dB to the float model",
            Path(os.path.relpath(path, beside)).as_posix(),
        )
        for (place, shown), paths in zip(exhibits.items(), written.values(), strict=True)
        for exhibit, path in zip(shown, paths, strict=True)
    ]
