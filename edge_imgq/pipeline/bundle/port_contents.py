"""Generate test vectors and code of a bundle with several inputs or a non-image result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.bundle.app_code import port_code
from edge_imgq.bundle.photo import to_netpbm
from edge_imgq.bundle.port_contract import PortedContract, input_file
from edge_imgq.bundle.port_vectors import sample_inputs, split_inputs, stacked
from edge_imgq.images.port_results import first_result, other_results
from edge_imgq.pipeline.bundle.run_files import run_files
from edge_imgq.pipeline.progress import Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.bundle.contract import FileContract
    from edge_imgq.contract import ImageContract
    from edge_imgq.runtime.protocol import Session

    Pixels = NDArray[np.uint8]

SIDE = 64
"""Height and width of the input image in test vectors, rounded up to the network's multiple, for
files of any size."""


def port_files(
    made: PortedContract, contract: ImageContract, paths: Sequence[Path], watch: Watch
) -> tuple[dict[str, bytes], list[str]]:
    """Return test vectors and code by path in the bundle, and the file names of the results.

    The files are run on generated inputs: at their fixed size, else at 64 × 64 pixels rounded up to
    the network's multiple. Vectors are PGM or PPM images.

    Args:
        made: contract of the bundle.
        contract: contract of the network.
        paths: model files.
        watch: called before each step.

    Raises:
        ModelError: a file is damaged.
    """
    size = next((file.size for file in made.files if file.size), contract.fitting((SIDE, SIDE)))
    levels = sample_inputs(contract, size)
    inputs = {
        input_file(index): to_netpbm(stacked(values))
        for index, values in enumerate(split_inputs(levels, contract))
    }

    def run(file: FileContract, session: Session) -> Pixels | None:
        return session.run(levels) if file.size in (None, levels.shape[:2]) else None

    results = run_files(made, paths, run, watch)
    vectors = {
        f"vectors/{name}": to_netpbm(stacked(values))
        for target, joined in results
        for name, values in _by_output(target, joined, contract)
    }
    names = [path.removeprefix("vectors/") for path in vectors]
    return {**inputs, **vectors, **port_code(made, contract.peak)}, names


def _by_output(
    target: str, joined: Pixels, contract: ImageContract
) -> Iterator[tuple[str, Pixels]]:
    """Yield each output of a file with the name of its vector: TARGET.pnm, then TARGET.1.pnm."""
    yield f"{target}.pnm", first_result(joined, contract)
    for index, (_, values) in enumerate(other_results(joined, contract), 1):
        yield f"{target}.{index}.pnm", values
