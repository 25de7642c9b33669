"""The number of threads with which torch computes.

Results depend on it in the last bits: a sum is split between threads, and a 1×1 convolution is cut
into other blocks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Set torch's number of CPU threads within a `with` block, for the whole process.

    The former number is restored at the end.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
