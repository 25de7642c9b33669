"""What is known of kernels stands in `edge_imgq/kernels/`, and is passed to those who count."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import edge_imgq
from tests.modules import MODULES, imported, name

PACKAGE = Path(edge_imgq.__file__).parent

CHOICES = {
    "graph/cost/conv_cost.py": {"BLOCKS", "WORTHWHILE"},
    "graph/cost/conv_slots.py": set(),
    "graph/cost/operation_time.py": set(),
    "graph/passes/by_name/sign_split_cost.py": {"MAX_COST"},
    "quantize/steps/free_channels.py": set(),
    "quantize/mixed_precision/layer_time.py": set(),
    "export/tflite/float_fallback.py": {"EXACT_DENOMINATORS", "WHOLE"},
    "export/tflite/kernel_rewrites/choose_rewrites.py": set(),
    "export/tflite/kernel_rewrites/space_to_depth_input.py": set(),
    "export/tflite/kernel_rewrites/depth_to_space_output.py": set(),
    "export/tflite/kernel_rewrites/row_parity_split.py": {"BLOCK"},
    "export/tflite/kernel_rewrites/large_depthwise.py": {"GROUPS"},
    "export/tflite/kernel_rewrites/remainder_output.py": set(),
    "export/tflite/kernel_rewrites/winograd_f23.py": {"ROWS", "UPPER", "LOWER"},
    "export/tflite/kernel_rewrites/row_parity_operators.py": set(),
    "export/tflite/kernel_rewrites/same_convolution.py": set(),
    "export/tflite/kernel_rewrites/winograd_region.py": {"WORTHWHILE"},
    "export/tflite/kernel_rewrites/strided_space_to_depth.py": set(),
}
"""Files that weigh what kernels cost, and their own numbers: what is tried, what a gain must be,
algebra. None of these is a property of a kernel."""

WHERE_A_PROCESSOR_IS_CHOSEN = {
    "devices/kernels.py",
    "export/tflite/lowering_options.py",
    "graph/prepared.py",
    "graph/rewrite.py",
    "pipeline/quantize.py",
    "pipeline/open_model/source.py",
    "quantize/mixed_precision/layer_time.py",  # stands in for processors that nobody timed
    "recipe/export.py",
}
"""Files that take a profile from the table: those who count are given one."""


def numbers(path: Path) -> set[str]:
    """Return the module's constants that hold numbers."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.value is not None:
            parts = list(ast.walk(node.value))
            if any(isinstance(p, ast.Constant) and type(p.value) in (int, float) for p in parts):
                targets = [t for target in node.targets for t in ast.walk(target)]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("file", CHOICES)
def test_who_weighs_costs_has_no_number_of_a_kernel(file: str) -> None:
    assert numbers(PACKAGE / file) == CHOICES[file]


def test_every_form_is_looked_at() -> None:
    forms = {name(path) for path in MODULES if path.parent.name == "forms"}
    assert forms - {"export/tflite/kernel_rewrites/__init__.py"} <= CHOICES.keys()


def test_profiles_are_taken_where_a_processor_is_chosen_and_passed_on() -> None:
    own = ("processors", "x86", "arm")
    takers = {
        name(path)
        for path in MODULES
        if "edge_imgq.kernels." in path.read_text(encoding="utf-8")
        for other in imported(path)
        if other.startswith("edge_imgq.kernels.") and other.split(".")[2] in own
    }
    assert {
        file for file in takers if not file.startswith("kernels/")
    } == WHERE_A_PROCESSOR_IS_CHOSEN


def test_the_check_sees_a_number(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("A = 16\nB, C = 20, 60\nD = frozenset({'Abs'})\nE = range(4)\n")
    assert numbers(wrong) == {"A", "B", "C", "E"}
