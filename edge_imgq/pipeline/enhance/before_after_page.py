"""Write an HTML page of photographs before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import write_text
from edge_imgq.images.photograph import read_photograph
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.report.before_after import before_after_page
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


def write_page(path: Path, jobs: Sequence[tuple[Path, Path]], watch: Watch) -> None:
    """Write one HTML file with the crop of each photograph that changed most, and its result.

    Crops have at most 512 pixels a side and are embedded; `before_after_page` says how.

    Args:
        path: file to write.
        jobs: files of a photograph and of its result, each of any size.
        watch: called before each photograph with the progress.

    Raises:
        ImageError: a file is no longer an image.
        OutputError: the page cannot be written.
    """

    def photos() -> Iterator[tuple[str, Pixels, Pixels]]:
        for index, (photo, result) in enumerate(jobs):
            watch(ProgressStep("page of photographs", index, len(jobs)))
            yield photo.name, read_photograph(photo).pixels, read_photograph(result).pixels

    write_text(path, before_after_page(count_of(len(jobs), "photograph"), photos()))
