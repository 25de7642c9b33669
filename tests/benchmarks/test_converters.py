"""A network that is compared at another size has files of its own."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from benchmarks.converters import case_named
from benchmarks.networks import NETWORKS, BenchmarkNetwork


def test_another_size_has_a_folder_of_its_own() -> None:
    asked: list[tuple[tuple[int, int], str]] = []

    def noted(_: str, network: BenchmarkNetwork, folder: Path) -> None:
        asked.append((network.size, folder.name))

    with patch("benchmarks.converters.case_of", noted):
        case_named("espcn-x2")
        case_named("espcn-x2", (96, 64))
    assert asked == [(NETWORKS["espcn-x2"].size, "espcn-x2"), ((96, 64), "espcn-x2-96x64")]
