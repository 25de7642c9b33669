"""Breaks passes, operators and quantizer steps: does the test at the same path see it?

    python -m tests.mutation                          every file, until a change is seen
    python -m tests.mutation graph/passes/fold --seed 2 --mutants 5 --every

A mutant is a file with one small change: an operator, a comparison, a number, a condition or a call
within a function. Where a file has none of these, it is what a function returns or a number of its
tables. It lives in a forked process alone, by an import hook, so that no file is touched
and heavy packages are imported once. Exits with 1 if a file has no test at its path, or if its test
stays green for every mutant. A single survivor proves nothing: some changes change nothing.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import io
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGE = CHECKOUT / "edge_imgq"

MUTANTS = 6
"""Tried of each file at most, unless the command line says otherwise."""

LIMIT = 120.0
"""Seconds after which a mutant counts as seen: it runs for ever."""

MUTATED_FOLDERS = (
    "graph/load",
    "graph/passes",
    "graph/passes/tidy",
    "graph/passes/recognise",
    "graph/passes/normalise",
    "graph/passes/protect",
    "graph/passes/express",
    "graph/passes/fold",
    "graph/passes/mark",
    "graph/passes/by_name",
    "export/tflite/operators",
    "export/tflite/kernel_rewrites",
    "export/coreml",
    "export/coreai",
    "export/executorch",
    "export/ncnn",
    "runtime/mil",
    "kernels",
    "quantize/calibration",
    "quantize/ranges",
    "quantize/scales",
    "quantize/qdq",
    "quantize/prepare",
    "quantize/steps",
    "quantize/mixed_precision",
    "quantize/error_model",
    "quantize/torch",
)
"""Folders below the package: steps of loading, passes, operators and steps of int8."""

NO_TEST_OF_ITS_OWN = {
    "export/coreai/arguments.py": "how lowerings read operands; all tests of operators run it",
    "export/coreai/asset.py": "the file as a whole: test_coreai_files.py",
    "export/coreai/describe.py": "what `inspect` prints of a file: test_coreai_files.py",
    "export/coreai/format.py": "a table of functions, which tests/test_formats.py holds",
    "export/coreai/lowerings.py": "a table, which test_coreai_forms.py holds",
    "export/coreai/program.py": "the file as a whole: test_coreai_files.py",
    "export/coreml/describe.py": "what `inspect` prints of a package: tests/cli/test_coreml.py",
    "export/coreml/format.py": "a table of functions, which tests/test_formats.py holds",
    "export/coreml/integer_units.py": "how lowerings read values; all tests of operators run it",
    "export/coreml/lower.py": "the package as a whole: test_coreml_package.py",
    "export/coreml/lowerings.py": "a table, which test_coreml_forms.py holds",
    "export/coreml/package.py": "the package as a whole: test_coreml_package.py",
    "export/coreml/program.py": "the package as a whole: test_coreml_package.py",
    "export/executorch/describe.py": "needs its package: test_executorch_files.py",
    "export/executorch/format.py": "a table of functions, which tests/test_formats.py holds",
    "export/executorch/lower.py": "needs its package: test_executorch_files.py",
    "export/ncnn/builder.py": "how lowerings add layers; all tests of operators run it",
    "export/ncnn/describe.py": "what `inspect` prints of a file: test_ncnn_files.py",
    "export/ncnn/format.py": "a table of functions, which tests/test_formats.py holds",
    "export/ncnn/layers.py": "the file's text and weights: test_ncnn_files.py",
    "export/ncnn/lowerings.py": "a table, which test_ncnn_operators.py holds",
    "graph/load/newer_operators.py": "definitions of newer operators: test_opset.py",
    "quantize/error_model/level_gain.py": "a dataclass, in reports",
    "quantize/mixed_precision/worst_layer.py": "a dataclass, in reports",
    "quantize/steps/quantization_run.py": "what steps share: tests/quantize/test_quantize.py",
    "quantize/steps/quantization_step.py": "dataclasses: tests/quantize/test_quantize.py",
    "quantize/torch/torch_inputs.py": "how operators read inputs: test_torch_operators.py",
    "quantize/torch/torch_shapes.py": "shapes of results: test_torch_operators.py",
    "runtime/mil/arguments.py": "how operators read inputs; all tests of operators run it",
    "runtime/mil/operators.py": "a table, which all tests of operators look things up in",
    "runtime/mil/package.py": "the file as a whole: tests/runtime/test_coreml.py",
    "runtime/mil/program.py": "the file as a whole: tests/runtime/test_coreml.py",
}
"""Files that are no pass, operator or step, with the tests that see them."""

HEAVY = ("numpy", "onnx", "onnx_ir", "onnxruntime", "torch", "hypothesis", "pytest", "scipy")
"""Imported before forking; none of the package itself."""

ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.MatMult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


def tested_files(wanted: Sequence[str]) -> list[str]:
    """Return the files of MUTATED_FOLDERS whose path begins with one of `wanted`, if any is."""
    found = [path for folder in MUTATED_FOLDERS for path in sorted((PACKAGE / folder).glob("*.py"))]
    names = [path.relative_to(PACKAGE).as_posix() for path in found if path.stem != "__init__"]
    names = [name for name in names if name not in NO_TEST_OF_ITS_OWN]
    return [name for name in names if not wanted or name.startswith(tuple(wanted))]


def path_of_test(file: str) -> Path:
    path = CHECKOUT / "tests" / file
    return path.with_name(f"test_{path.name}")


def places(tree: ast.Module) -> list[ast.AST]:
    """Return what can be changed, in the order of the file: inside functions, or else anywhere."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {node: None for function in functions for node in _in_body(function)}
    inside: list[ast.AST] = [node for node in found if _can_change(node)]
    returned: list[ast.AST] = [
        node for node in found if isinstance(node, ast.Return) and node.value is not None
    ]
    return inside or returned or [node for node in ast.walk(tree) if _is_number(node)]


def _in_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    for statement in function.body:
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield from ast.walk(statement)


def _can_change(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return type(node.op) in ARITHMETIC
    if isinstance(node, ast.Compare):
        return type(node.ops[0]) in COMPARISONS
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    return isinstance(node, ast.BoolOp) or _is_number(node)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def change(node: ast.AST) -> str:
    """Change a node in place; return what was done, in words."""
    line = f"line {getattr(node, 'lineno', 0)}"
    before = ast.unparse(node)
    if isinstance(node, ast.BinOp):
        node.op = ARITHMETIC[type(node.op)]()
    elif isinstance(node, ast.Compare):
        node.ops[0] = COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Expr | ast.Return):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        node.value = node.value + 1
    return f"{line}: {before} -> {ast.unparse(node)}"


def mutant(file: str, index: int) -> tuple[CodeType, str]:
    """Return a file's code with its place number `index` changed, and what was changed."""
    path = PACKAGE / file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = change(places(tree)[index])
    return compile(ast.fix_missing_locations(tree), str(path), "exec"), told


class _Mutated(SourceFileLoader):
    """Loads one module from code that is not in its file."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        super().__init__(name, str(path))
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder(importlib.abc.MetaPathFinder):
    """Finds that module."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Mutated(fullname, self._path, self._code)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def is_seen(file: str, index: int | None) -> tuple[bool, str]:
    """Tell whether a file's test fails with one place changed, or as it stands, in a fork."""
    code, told = (None, "unchanged") if index is None else mutant(file, index)
    child = os.fork()
    if child == 0:
        os._exit(_run(file, code))
    started = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0, told
        if time.monotonic() - started > LIMIT:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return True, f"{told} (ran for ever)"
        time.sleep(0.02)


def _run(file: str, code: CodeType | None) -> int:
    """Run a file's test in this process; return pytest's exit code."""
    import pytest

    assert not any(name.partition(".")[0] == "edge_imgq" for name in sys.modules)
    if code is not None:
        name = ".".join(["edge_imgq", *Path(file).with_suffix("").parts])
        sys.meta_path.insert(0, _Finder(name, PACKAGE / file, code))
    # pytest's own import hook, which rewrites assertions, would read the file instead.
    options = ["-q", "-x", "--assert=plain", "-p", "no:cacheprovider", str(path_of_test(file))]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return int(pytest.main(options))


def chosen(file: str, count: int, seed: int) -> list[int]:
    """Return which places of a file are changed."""
    total = len(places(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))))
    return random.Random(f"{seed} {file}").sample(range(total), min(count, total))


def main() -> int:
    """Mutate files and print what their tests saw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", help="beginnings of paths below edge_imgq/")
    parser.add_argument("--mutants", type=int, default=MUTANTS, help="of each file, at most")
    parser.add_argument("--every", action="store_true", help="go on after one that was seen")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in HEAVY:
        importlib.import_module(name)
    os.chdir(CHECKOUT)
    blind, mutants, seen = [], 0, 0
    for file in tested_files(arguments.files):
        if not path_of_test(file).is_file():
            blind.append(f"{file}: no test at {path_of_test(file).relative_to(CHECKOUT)}")
            continue
        tried = saw = 0
        for index in chosen(file, arguments.mutants, arguments.seed):
            red, told = is_seen(file, index)
            tried, saw = tried + 1, saw + red
            if not red:
                print(f"      survived: {told}", flush=True)
            elif not arguments.every:
                break
        print(f"{saw}/{tried} {file}", flush=True)
        mutants, seen = mutants + tried, seen + saw
        if tried and not saw:
            blind.append(f"{file}: its test stays green for all {tried} mutants")
    print(*blind, f"{seen} of {mutants} mutants were seen (seed {arguments.seed}).", sep="\n")
    return 1 if blind else 0


if __name__ == "__main__":
    raise SystemExit(main())
