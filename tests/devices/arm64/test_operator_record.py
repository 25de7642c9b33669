"""What an emulator recorded becomes a row for each operator, with its kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.devices.arm64.elf_symbols import Symbols
from edge_imgq.devices.arm64.kernel_names import ELSEWHERE, names_of_kernels
from edge_imgq.devices.arm64.operator_record import read_record, write_order
from edge_imgq.devices.arm64.operators import (
    OWN,
    Beginning,
    Library,
    joined,
    operator_costs,
)
from edge_imgq.errors import DeviceError

CALL = """\
operator 0 20 8 4 1 1 1 0 1 0
ran 0 10
piece 0 0 0
operator 1 1150 640 320 15 30 20 0 12 3
ran 1 100
ran 2 50
ran 3 10
piece 1 1 2
piece 2 3
operator -1 50 0 0 0 0 0 0 0 0
ran 4 50
"""
BLOCKS = """\
block 0 1100 d503201f4f80f020
block 1 1200 4f80f0204f80f0204f80f0204f80f0204f80f0204f80f0204f80f020d503201f
block 2 1300 d503201fd503201fd503201fd503201fd503201f
block 3 9000 d503201fd503201fd503201fd503201fd503201fd503201fd503201fd503201fd503201fd503201f
block 4 400 d503201f
"""
NAMES = (
    f"{OWN}8quantize4EvalILNS2_10KernelTypeE0EEE12TfLiteStatusP13TfLiteContextP10TfLiteNode",
    "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma",
    "xnn_run_operator_with_index",
    "end",
)
LIBRARY = Library(
    Symbols((0x100, 0x200, 0x300, 0x7000), NAMES),
    (Beginning(0x100, "quantize"), Beginning(0x300, "")),
)
LIBRARY_AT = 0x1000


def test_the_second_call_is_read_operator_by_operator(tmp_path: Path) -> None:
    warm = CALL.replace("640 320 15 30 20 0 12 3", "640 320 15 30 20 0 99 9")
    (tmp_path / "record").write_text(warm + CALL + BLOCKS)
    record = read_record(tmp_path)
    assert [span.begins for span in record.spans] == [0, 1]
    names = ("QUANTIZE", "CONV_2D 1x1 3→8")
    first, second = operator_costs(record, LIBRARY, LIBRARY_AT, names, (5, None), 2)
    assert first.operator == "QUANTIZE"
    assert first.kernel == "tflite::ops::builtin::quantize::Eval"
    assert (first.cycles, second.cycles) == (5, None)
    assert second.kernel == "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma"
    assert second.share == pytest.approx(800 / 1150)  # 100 runs of 8 instructions
    assert (second.instructions, second.loaded, second.stored) == (1150, 640, 320)
    assert (second.touched, second.fetched, second.written) == (15 * 64, 12 * 64, 3 * 64)
    assert second.misses == (30, 20)


def test_code_behind_the_library_is_elsewhere_and_unmatched_operators_have_no_name(
    tmp_path: Path,
) -> None:
    text = CALL.replace("ran 1 100\nran 2 50\n", "")
    (tmp_path / "record").write_text(text + text + BLOCKS)
    symbols = Symbols(LIBRARY.symbols.addresses, (*NAMES[:3], ""))
    library = Library(symbols, LIBRARY.beginnings)
    record = read_record(tmp_path)
    first, second = operator_costs(record, library, LIBRARY_AT, ("ADD",), (None, None), 3)
    assert (first.operator, second.operator) == ("QUANTIZE", "")
    assert second.kernel == ELSEWHERE


def test_two_calls_that_differ_are_refused(tmp_path: Path) -> None:
    (tmp_path / "record").write_text(CALL + CALL.replace("operator 1", "operator 0") + BLOCKS)
    with pytest.raises(DeviceError, match="different operators"):
        read_record(tmp_path)
    (tmp_path / "record").unlink()
    with pytest.raises(DeviceError, match="recorded no operators"):
        read_record(tmp_path)


def test_a_function_that_only_calls_another_is_part_of_its_operator(tmp_path: Path) -> None:
    inner = CALL.replace("operator 1 1150", "operator 2 1150")
    (tmp_path / "record").write_text(inner + inner + BLOCKS)
    both = (Beginning(0x100, "quantize"), Beginning(0x300, ""), Beginning(0x200, "quantize"))
    library = Library(LIBRARY.symbols, both)
    (span,) = joined(read_record(tmp_path), library).spans
    assert (span.instructions, span.loaded, span.lines) == (1170, 648, 16)
    assert span.ran == {0: 10, 1: 100, 2: 50, 3: 10}
    other = (*both[:2], Beginning(0x200, "dequantize"))
    apart = joined(read_record(tmp_path), Library(LIBRARY.symbols, other))
    assert len(apart.spans) == 2


GEMM, ADDED, CLAMPED = "xnn_f32_igemm_6x8", "xnn_f32_vadd_ukernel", "xnn_f32_vclamp_ukernel"


@pytest.mark.parametrize(
    ("names", "kernels", "found"),
    [
        (["CONV_2D 3x3 1→4", "ADD"], [GEMM, ADDED], ["CONV_2D 3x3 1→4", "ADD"]),
        (["PAD", "CONV_2D 3x3 1→4"], [GEMM], ["CONV_2D 3x3 1→4"]),
        (
            ["ADD", "CONV_2D 1x1 4→4"],
            [ADDED, CLAMPED, GEMM],
            ["ADD", "ADD: clamp", "CONV_2D 1x1 4→4"],
        ),
        (["CONV_2D 1x1 4→4", "RELU"], [GEMM, CLAMPED], ["CONV_2D 1x1 4→4", "RELU"]),
        (
            ["CONCATENATION", "DEPTH_TO_SPACE", "ADD"],
            [ELSEWHERE, ELSEWHERE, "xnn_x32_transposec", ADDED],
            ["CONCATENATION", "CONCATENATION", "DEPTH_TO_SPACE", "ADD"],
        ),
        (["ADD", "RESHAPE"], ["tflite::reference_ops::Add"], ["ADD"]),
        (["ADD", "CONV_2D 1x1 4→4"], [GEMM, ADDED], []),
        (["ADD", "MUL"], [ADDED], []),
    ],
)
def test_operators_that_ran_are_matched_to_the_files(
    names: list[str], kernels: list[str], found: list[str]
) -> None:
    assert names_of_kernels(names, kernels) == found


def test_the_order_is_what_the_plugin_reads(tmp_path: Path) -> None:
    write_order(tmp_path, [0x1100, 0x1300], (0x400, 0x500), [(65536, 4)])
    assert (tmp_path / "order").read_text() == (
        "begin 1100\nbegin 1300\noutside 400 500\ncache 65536 4\n"
    )
