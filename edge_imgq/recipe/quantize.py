"""A quantization recipe: how int8 is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QuantizeRecipe:
    """One file of `quantize/`.

    Attributes:
        name: the file's stem.
        summary: one line for people.
        observer: how ranges are taken: "min-max".
        passes: graph passes before quantization, in order (`edge_imgq.graph.rewrite.PASSES`).
    """

    name: str
    summary: str
    observer: str
    passes: tuple[str, ...]
