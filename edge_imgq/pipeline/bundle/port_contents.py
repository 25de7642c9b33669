"""Generate test vectors and code of a bundle with several inputs or a non-image result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.bundle.app_code import port_code
from edge_imgq.bundle.photo import to_netpbm
from edge_imgq.bundle.port_contract import PortedContract, input_file
from edge_imgq.bundle.port_vectors import sample_inputs, split_inputs, stacked
from edge_imgq.errors import RuntimeUnavailableError
from edge_imgq.pipeline.progress import ProgressStep, Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract

    Pixels = NDArray[np.uint8]

SIDE = 64
"""Height and width of the input image in test vectors, rounded up to the network's multiple, for
files of any size."""


def port_files(
    made: PortedContract, contract: ImageContract, paths: Sequence[Path], watch: Watch
) -> tuple[dict[str, bytes], list[str]]:
    """Return test vectors and code by path, and the file names of the results.

    Args:
        made: contract of the bundle.
        contract: contract of the network.
        paths: model files.
        watch: called before each step.
    """
    size = next((file.size for file in made.files if file.size), contract.fitting((SIDE, SIDE)))
    levels = sample_inputs(contract, size)
    inputs = {
        input_file(place): to_netpbm(stacked(part))
        for place, part in enumerate(split_inputs(levels, contract))
    }
    results = _results(made, paths, levels, watch)
    vectors = {f"vectors/{target}.pnm": to_netpbm(stacked(r)) for target, r in results}
    names = [f"{target}.pnm" for target, _ in results]
    return {**inputs, **vectors, **port_code(made, contract.peak)}, names


def _results(
    made: PortedContract, paths: Sequence[Path], levels: Pixels, watch: Watch
) -> list[tuple[str, Pixels]]:
    """Return the output of each file that a runtime on this host executes, by target."""
    from edge_imgq.runtime.open import open_session

    named = {path.name: path for path in paths}
    found = []
    for index, file in enumerate(made.files):
        watch(ProgressStep(f"run {file.target}", index, len(made.files)))
        try:
            session = open_session(named[Path(file.file).name], 1)
        except RuntimeUnavailableError:
            continue
        fits = file.size in (None, levels.shape[:2])
        if session.identity.is_device_runtime and fits:
            found.append((file.target, session.run(levels)))
    return found
