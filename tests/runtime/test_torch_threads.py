"""Torch computes with the number of threads that is asked for, and with the old one after."""

from __future__ import annotations

import pytest
import torch

from edge_imgq.runtime.torch_threads import torch_threads


@pytest.mark.parametrize("count", [1, 2])
def test_the_number_of_threads_is_restored(count: int) -> None:
    before = torch.get_num_threads()
    with torch_threads(count):
        assert torch.get_num_threads() == count
    assert torch.get_num_threads() == before


def test_an_error_restores_it_too() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), torch_threads(before + 1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == before
