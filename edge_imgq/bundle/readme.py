"""Write the README of a bundle, for the developer of the app."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_imgq.bundle.contract import (
    AppContract,
    DriftContract,
    ReceptiveFieldContract,
    TensorContract,
    TilingContract,
)
from edge_imgq.bundle.port_contract import PortContract, PortedContract
from edge_imgq.bundle.templates import template
from edge_imgq.skipped import Skipped

FILE = "README.md"

EVALUATOR = "reference evaluator"
"""Name of the runtime that runs Core ML files off macOS."""

TEMPLATE = Path(__file__).with_name("readme.md.j2")


def readme(contract: AppContract, photo: str, results: Iterable[str], code: Iterable[str]) -> bytes:
    """Write the README.md of a bundle: what its files take and return, and how to use them.

    UTF-8 Markdown.

    Args:
        contract: contract of the bundle.
        photo: file name of the test photograph; "" if each input has its own file.
        results: file names of the results that the model files give for it.
        code: folders of app code, such as "android".
    """
    field = contract.receptive_field
    text = template(TEMPLATE).render(
        c=contract,
        cut=any(isinstance(file.tiling, TilingContract) for file in contract.files),
        radius=field if isinstance(field, ReceptiveFieldContract) else None,
        evaluated=any(EVALUATOR in _loss(file.drift) for file in contract.files),
        photo=photo,
        results=list(results),
        code=set(code),
        formats={file.format for file in contract.files},
        ported=isinstance(contract, PortedContract),
        ends=_ends,
        tensor=_tensor,
        pixels=_pixels,
        drift=_drift,
        loss=_loss,
        memory=_memory,
        tiling=_tiling,
    )
    return text.encode()


def _tensor(tensor: TensorContract) -> str:
    return (
        f"{tensor.type} {'×'.join('any' if side is None else str(side) for side in tensor.shape)}"
    )


def _pixels(tensor: TensorContract) -> str:
    if tensor.type == "uint8":
        return "bytes from 0 to 255"
    return f"pixels 0 to 255 are {tensor.at_0:g} to {tensor.at_255:g}"


def _ends(port: PortContract) -> str:
    """Return the range of a port in the model's own numbers, in words."""
    pairs = (f"{low:.6g} to {high:.6g}" for low, high in zip(port.low, port.high, strict=True))
    return ", ".join(pairs)


def _drift(drift: DriftContract | Skipped) -> str:
    return "not measured" if isinstance(drift, Skipped) else f"{drift.vs_float:.1f} dB"


def _loss(drift: DriftContract | Skipped) -> str:
    if isinstance(drift, Skipped):
        return f"not measured: {drift.reason}"
    if isinstance(drift.lost, Skipped):
        lost = f"; loss against the truth not measured: {drift.lost.reason}"
    else:
        lost = f"; {drift.lost:.1f} lost against the truth"
    return (
        f"{drift.vs_float:.1f} dB against the float model, {drift.vs_float_worst:.1f} on the worst "
        f"image{lost} ({drift.runtime})"
    )


def _memory(memory: int | Skipped) -> str:
    return "not known" if isinstance(memory, Skipped) else f"{memory / 1e6:.1f} MB"


def _tiling(tiling: TilingContract | Skipped) -> str:
    if isinstance(tiling, Skipped):
        return f"not cut: {tiling.reason}."
    sizes = " or ".join(f"{height}x{width}" for height, width in tiling.tiles)
    return (
        f"tiles of {sizes or 'any size'} that overlap by {tiling.overlap} pixels"
        f"{f' and start at multiples of {tiling.multiple}' if tiling.multiple > 1 else ''}."
    )
