"""Parser of LiteRT's log, the only place where it reports on GPU compilation."""

from __future__ import annotations

import re
from dataclasses import dataclass

ADAPTER = re.compile(r"Selected adapter: (.+?), arch=.*adapterType=(.+)")
REFUSALS = "Following operations are not supported by GPU delegate:"
SHARES = re.compile(r"(No|\d+) operations? will run on the GPU, and (?:the remaining|all) (\d+)")
PARTITION = "API from graph"
"""Text in the log line of each partition that LiteRT compiles."""


@dataclass(frozen=True)
class GpuLog:
    """Log messages about one file.

    Attributes:
        adapter: name of the GPU, or of the CPU that emulates one; empty if none was available.
        is_processor: whether it is a CPU.
        delegated: number of operators that run on it; None if all do.
        remaining: number of operators that do not.
        refused: those that it refuses, each with the reason.
        partitions: number of partitions on it.
    """

    adapter: str
    is_processor: bool
    delegated: int | None
    remaining: int
    refused: tuple[str, ...]
    partitions: int


def read_log(text: str) -> GpuLog:
    """Parse LiteRT's log of one compilation.

    Args:
        text: what LiteRT wrote to stderr while it opened the file, from the first line on.

    Returns:
        The parsed log; in an empty or unknown log the adapter is "" and `delegated` None.
    """
    adapter, shares = ADAPTER.search(text), SHARES.search(text)
    refused: tuple[str, ...] = ()
    if REFUSALS in text:
        rest = text.split(REFUSALS, 1)[1].strip()
        lines = (SHARES.split(rest, maxsplit=1)[0] if shares else rest).splitlines()
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
