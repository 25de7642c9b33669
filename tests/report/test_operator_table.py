"""The list of operators: 80 columns, and no name cut in the middle of a word."""

from __future__ import annotations

import re

import pytest

from edge_imgq.report.description import FileDescription, KernelWindow, OperatorRow
from edge_imgq.report.drawing import folded
from edge_imgq.report.operator_table import operator_table
from edge_imgq.runtime.placement.rules import AcceleratorPlacement, OperatorSupport
from edge_imgq.skipped import Skipped

LONG = (
    OperatorRow("InstanceNormalization", "/encoder/layers.12/residual/norm_2/instance_output_0",
                (1, 1024, 1080, 1920), "float32", 0, 123_456),
    OperatorRow("DEPTHWISE_CONV_2D", "node_prelu.halves.relu/blocked", (1, 90, 160, 448),
                "float32", 232_000_000, 16_600, "RELU_N1_TO_1",
                KernelWindow((3, 3), (2, 2), (2, 3), 448)),
)  # fmt: skip
SHORT = tuple(
    OperatorRow("Conv", f"conv_{index}", (1, 8, 16, 16), "int8", 5, 72, "", KernelWindow((5, 3)))
    for index in range(3)
)


def described(rows: tuple[OperatorRow, ...], placed: bool = False) -> FileDescription:
    verdicts = tuple(OperatorSupport(True) for _ in rows)
    units = (AcceleratorPlacement("XNNPACK", "measured", True, verdicts, 1),) if placed else ()
    return FileDescription("ONNX", (), (), rows, 1, 0, 1, 1, Skipped("not asked"), placements=units)


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize("rows", [LONG, SHORT, LONG + SHORT, ()])
def test_every_line_fits_and_every_word_of_a_name_is_whole(
    rows: tuple[OperatorRow, ...], placed: bool
) -> None:
    text = operator_table(described(rows, placed))
    assert max(map(len, text.splitlines())) <= 80
    for row in rows:
        said = f"{row.kind}.{row.fused}.{row.name}"
        for word in re.split(r"[._/]|(?<=[a-z])(?=[A-Z])", said):
            assert word in text


def test_short_names_stand_beside_their_operators() -> None:
    lines = operator_table(described(SHORT)).splitlines()
    assert lines[0].split()[:3] == ["operator", "output", "kernel"]
    assert len(lines) == 2 + len(SHORT)
    assert lines[2].split() == ["Conv", "conv_0", "5×3", "1×8×16×16", "int8", "5", "72"]


def test_a_window_says_stride_dilation_and_groups_and_the_signs_are_explained() -> None:
    text = operator_table(described(LONG))
    assert "3×3 s2" in text
    assert "d2×3" in text
    assert "g448" in text
    assert "kernel: height×width; s stride, d dilation, g groups of channels" in text
    assert "stride" not in operator_table(described(SHORT))


def test_a_word_wider_than_a_line_is_cut_and_nothing_is_lost() -> None:
    name = "x" * 50 + ".tail"
    assert folded(name, 20).replace("\n", "") == name
    assert max(map(len, folded(name, 20).splitlines())) == 20
    assert folded("node_prelu.halves.relu", 14) == "node_prelu.\nhalves.relu"
