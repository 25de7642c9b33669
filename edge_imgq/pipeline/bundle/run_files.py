"""Run the files of a bundle on this host, to make the results in `vectors/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.bundle.contract import AppContract, FileContract
from edge_imgq.errors import RuntimeUnavailableError
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.runtime.open import open_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.runtime.protocol import Session

    Pixels = NDArray[np.uint8]


def run_files(
    made: AppContract,
    paths: Sequence[Path],
    run: Callable[[FileContract, Session], Pixels | None],
    watch: Watch,
) -> list[tuple[str, Pixels]]:
    """Run files on this host, and return (target, result), uint8 (H, W, C), of each.

    Left out are files that only an evaluator runs, those whose runtime is not installed, and those
    for which `run` returns None.

    Args:
        made: contract of the bundle.
        paths: model files.
        run: returns the result of a file in its session; None if the input does not fit the file.
        watch: called before each file.

    Raises:
        ModelError: a file is damaged.
    """
    named = {path.name: path for path in paths}
    results = []
    for index, file in enumerate(made.files):
        watch(ProgressStep(f"run {file.target}", index, len(made.files)))
        try:
            session = open_session(named[Path(file.file).name], 1)
        except RuntimeUnavailableError:
            continue
        if session.identity.is_device_runtime and (result := run(file, session)) is not None:
            results.append((file.target, result))
    return results
