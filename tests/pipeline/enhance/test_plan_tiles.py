"""Photographs smaller than the receptive field of a network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edge_imgq.errors import ImageError
from edge_imgq.pipeline.enhance.plan_tiles import refuse_small


def enhancer(*sizes: tuple[int, int]) -> Any:
    """Return an opened file of these sizes whose pixels depend on 63 others on each side."""
    return SimpleNamespace(name="my.tflite", radius=63, exact=True, fixed_sizes=sizes)


def test_a_photograph_smaller_than_the_receptive_field_is_refused() -> None:
    for opened in (enhancer(), enhancer((64, 96))):
        with pytest.raises(ImageError, match=r"is 48x64 .* looks at 127x127 pixels"):
            refuse_small((48, 64), opened)
        refuse_small((127, 127), opened)


def test_a_photograph_of_the_size_of_the_file_is_taken_whole() -> None:
    refuse_small((48, 64), enhancer((64, 96), (48, 64)))
