"""What LiteRT says of the GPU while it compiles a file: it says it in its log alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

ADAPTER = re.compile(r"Selected adapter: (.+?), arch=.*adapterType=(.+)")
REFUSALS = "Following operations are not supported by GPU delegate:"
SHARES = re.compile(r"(No|\d+) operations? will run on the GPU, and (?:the remaining|all) (\d+)")
PARTITION = "API from graph"
"""In the line that LiteRT writes for every partition that it makes a program of."""


@dataclass(frozen=True)
class GpuLog:
    """What was said of one file.

    Attributes:
        adapter: the GPU, or the processor that stands for one; empty where none was found.
        is_processor: whether it is a processor.
        taken: how many operators run on it; None where all do.
        left: how many do not.
        refused: those of them that it refuses, each with the reason.
        partitions: pieces that it takes operators in.
    """

    adapter: str
    is_processor: bool
    taken: int | None
    left: int
    refused: tuple[str, ...]
    partitions: int


def read_log(text: str) -> GpuLog:
    """Return what LiteRT's log says of a file that it compiled once.

    Args:
        text: of the log from before the file was opened.
    """
    adapter, shares = ADAPTER.search(text), SHARES.search(text)
    refused: tuple[str, ...] = ()
    if REFUSALS in text:
        behind = text.split(REFUSALS, 1)[1].strip()
        lines = (SHARES.split(behind, maxsplit=1)[0] if shares else behind).splitlines()
        refused = tuple(_worded(line) for line in lines if line.strip())
    return GpuLog(
        adapter[1] if adapter else "",
        bool(adapter) and "CPU" in (adapter[2] if adapter else ""),
        None if shares is None else 0 if shares[1] == "No" else int(shares[1]),
        int(shares[2]) if shares else 0,
        refused,
        text.count(PARTITION),
    )


def _worded(line: str) -> str:
    kind, _, reason = line.strip().partition(":")
    return f"{kind} ({reason.strip().rstrip('.')})" if reason else kind
