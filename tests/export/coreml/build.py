"""What the tests of node cases share."""

from __future__ import annotations

from fnmatch import fnmatch

TRAINING = "training mode is no part of a network that is shipped"


EMPTY = "Core ML has no empty tensors"


AXES = "Core ML's tensors have at most five axes"


REFUSED: dict[str, str] = {
    "test_batchnorm_*training_mode": TRAINING,
    "test_training_dropout*": TRAINING,
    "test_reduce_*empty_set*": EMPTY,
    "test_reshape_allowzero_reordered": EMPTY,
    "test_slice_start_out_of_bounds": EMPTY,
    "test_split_zero_size_splits*": EMPTY,
    "test_unsqueeze_three_axes": AXES,
    "test_unsqueeze_unsorted_axes": AXES,
}
"""Cases that Core ML cannot express, by the pattern of their names, each with the reason."""


def reason(name: str) -> str | None:
    return next((why for pattern, why in REFUSED.items() if fnmatch(name, pattern)), None)
