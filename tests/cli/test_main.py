"""The parser as a whole: help, exit codes, and the one place that prints errors."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import edge_imgq
from edge_imgq import errors
from edge_imgq.cli.main import COMMANDS, EPILOG, build_parser
from tests.cli.conftest import Run

PROGRAM = [sys.executable, "-m", "edge_imgq"]


def test_help_imports_nothing_of_others() -> None:
    """Which is what makes it quick: how quick, `benchmarks/quickness.py` measures."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from edge_imgq.cli.main import build_parser; build_parser().format_help()\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    foreign = set(done.stdout.split()) - sys.stdlib_module_names - {"edge_imgq"}
    assert not foreign


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_its_own_parser_takes(run: Run, name: str) -> None:
    outcome = run(name, "--help")
    assert outcome.code == 0
    example = outcome.out.split("example:\n")[1]
    assert f"edge-imgq {name}" in example
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_a_command_does_not_wait_for_the_options_of_the_others() -> None:
    assert build_parser("doctor").parse_args(["doctor"]).command == "doctor"
    with pytest.raises(errors.UsageError, match="models"):
        build_parser("doctor").parse_args(["models"])
    assert build_parser("no command").parse_args(["models"]).command == "models"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_listed_in_the_help(run: Run, name: str) -> None:
    assert re.search(rf"^    {name} ", run("--help").out, re.MULTILINE)


def test_the_end_of_the_help_is_80_columns_wide() -> None:
    assert max(map(len, EPILOG.splitlines())) <= 80


def test_the_exit_codes_in_the_help_are_those_of_the_errors() -> None:
    documented = {int(code) for code in re.findall(r"^  (\d+) ", EPILOG, re.MULTILINE)}
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    used = {kind.exit_code for kind in classes if issubclass(kind, errors.EdgeImgqError)}
    assert documented == used | {0, 70, errors.INTERRUPTED, errors.TERMINATED}


def test_version(run: Run) -> None:
    assert run("--version").out.strip() == f"edge-imgq {edge_imgq.__version__}"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("exprot",),
        ("export", "--sise", "1x1"),
        ("export", "--size", "180"),
        ("export", "--size", "0x10"),
        ("export", "--range", "2,1"),
        ("export", "--threads", "0"),
        ("bench",),
        ("check", "report.json"),
    ],
)
def test_a_command_line_that_makes_no_sense_exits_with_2(run: Run, words: tuple[str, ...]) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert re.fullmatch(r"edge-imgq: \S.*[.?] See `edge-imgq( \w+)? --help`\.\n", outcome.err)
    assert not outcome.out


def test_a_value_with_a_minus_is_told_to_be_joined_to_its_option(run: Run) -> None:
    outcome = run("export", "fsrcnn-x2", "--range", "-1,1")
    assert outcome.code == 2
    assert "is joined by '=', as in --range=-1,1" in " ".join(outcome.err.split())


def test_a_word_that_is_none_of_those_known_is_answered_with_them(run: Run) -> None:
    said = run("exprot").err
    assert "There is no command 'exprot'. Did you mean 'export'? There are export, verify" in said
    words = ("evaluate", "fsrcnn-x2", "--set", ".", "--task", "blur")
    assert "no --task 'blur'. Did you mean 'deblur'? There are super-res" in run(*words).err
    assert "This is missing: PATH." in run("bench").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "--tagret", "all"), "There is no option --tagret. Did you mean '--target'?"),
        (("enhance", ".", "--modle=x"), "There is no option --modle. Did you mean '--model'?"),
        (("bench", "--xyzzy", "."), "There is no option --xyzzy. See"),
        (("verify", ".", "--device", "hots"), "There is no device 'hots'. Did you mean 'host'?"),
        (("bench", ".", "--delegate", "gup"), "no delegate 'gup'. Did you mean 'gpu'?"),
        (("bench", ".", "--target", "x-int8"), "export MODEL --target x-int8` writes it."),
        (("verify", "--target", "x"), "`verify` takes files, not targets: name the file itself"),
        (("bench", "espcn-x2"), "`edge-imgq export espcn-x2` writes its files to artifacts/espcn"),
        (("init", "a", "b"), "There is no place for 'b' here."),
        (("--jsn", "models"), "There is no place for '--jsn' here."),
    ],
)
def test_a_misspelt_word_is_answered_with_what_it_may_be(
    run: Run, shared_export: Path, words: tuple[str, ...], said: str
) -> None:
    outcome = run(*(shared_export if word == "." else word for word in words))
    assert outcome.code == 2
    assert said in outcome.err


@pytest.mark.parametrize(
    "words",
    [
        ("export", "gone.onnx"),
        ("export", "--images", "gone"),
        ("export", "--calibration", "gone"),
        ("verify", "gone"),
        ("verify", "gone.tflite"),
        ("bench", "gone"),
        ("check", "gone", "--baseline", "b.json"),
        ("check", ".", "--baseline", "gone"),
        ("history", "gone"),
        ("align", "gone", ".", "-o", "out"),
        ("evaluate", "fsrcnn-x2", "--set", "gone"),
        ("evaluate", "gone.tflite", "--set", "."),
        ("enhance", "gone.png", "-m", "fsrcnn-x2", "-o", "out"),
        ("enhance", __file__, "-m", "gone.mlpackage", "-o", "out"),
        ("sensitivity", "gone.onnx"),
        ("inspect", "gone.onnx"),
    ],
)
def test_a_path_that_is_not_there_is_2_everywhere(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*words)
    assert outcome.code == 2
    assert "gone" in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_misspelt_path_is_answered_with_what_lies_beside(run: Run, shared_export: Path) -> None:
    said = run("inspect", shared_export / "tflite-int4.tflite").err
    assert f"Did you mean '{shared_export / 'tflite-int8.tflite'}'?" in said


def test_a_misspelt_path_in_the_working_directory_is_answered_without_a_folder(
    run: Run, shared_export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared_export)
    assert "Did you mean 'tflite-int8.tflite'?" in run("inspect", "tflite-int4.tflite").err
    monkeypatch.chdir(shared_export.parent)
    relative = f"{shared_export.name}/tflite-int4.tflite"
    said = run("inspect", relative).err
    assert f"Did you mean '{shared_export.name}/tflite-int8.tflite'?" in said


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--output", "file/out"),
        ("export", "--output", "file"),
        ("export", "--pictures", "file"),
        ("verify", ".", "--history", "folder"),
        ("bench", ".", "--history", "file/h.jsonl"),
        ("check", ".", "--baseline", "folder", "--update"),
        ("evaluate", "fsrcnn-x2", "--set", ".", "--sheet", "folder.png"),
        ("enhance", "file", "-m", "fsrcnn-x2", "-o", "file"),
        ("sensitivity", "fsrcnn-x2", "--output", "file"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr(COMMANDS[words[0]], "run", lambda arguments: pytest.fail("work began"))
    outcome = run(*words)
    assert outcome.code == 8
    assert "cannot be written: " in outcome.err


def test_a_baseline_that_may_only_be_read_is_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing may be written here, as in a job's read-only checkout."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.R_OK)
    (tmp_path / "baseline.json").write_text("[]")
    outcome = run("check", tmp_path, "--baseline", tmp_path / "baseline.json")
    assert outcome.code == errors.RecipeError.exit_code
    assert "cannot be written" not in outcome.err


def test_an_error_is_one_line_without_traceback_unless_asked_for(run: Run) -> None:
    plain = run("inspect", __file__)
    assert plain.err.startswith(f"edge-imgq: {__file__} is not one of .onnx, ")
    assert plain.err.count("\n") == 1
    debugged = run("inspect", __file__, "--debug")
    assert debugged.err.startswith("Traceback")
    assert debugged.err.endswith(plain.err)
    assert plain.code == debugged.code == errors.UsageError.exit_code


def test_a_fault_of_ours_is_called_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COMMANDS["models"], "run", lambda arguments: 1 // 0)
    outcome = run("models")
    assert outcome.code == 70
    assert "Traceback" in outcome.err
    assert "This is a fault in edge-imgq, not in your input: ZeroDivisionError" in outcome.err


def test_warnings_of_libraries_are_shown_only_for_debugging(
    run: Run, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def chatty(arguments: object) -> int:
        warnings.warn("an old function", DeprecationWarning, stacklevel=1)
        logging.getLogger("library").warning("an old version")
        return 0

    monkeypatch.setattr(COMMANDS["models"], "run", chatty)
    assert run("models").err == ""
    assert not recwarn.list
    logging.disable(logging.NOTSET)
    warnings.simplefilter("always")
    run("models", "--debug")
    assert len(recwarn.list) == 1


def test_a_warning_about_our_own_code_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def overflows(arguments: object) -> int:
        text, line, module = "overflow", 1, "edge_imgq.metrics.psnr"
        warnings.warn_explicit(text, RuntimeWarning, f"{module}.py", line, module)
        return 0

    monkeypatch.setattr(COMMANDS["models"], "run", overflows)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run("models").err == "edge-imgq: overflow\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "from edge_imgq.cli.main import *; sys.exit(main(['models']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert err == b""


def test_python_dash_m_is_the_same_program(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [*PROGRAM, "check", "gone", "--baseline", "b"], capture_output=True, text=True, cwd=tmp_path
    )
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("edge-imgq: PATH: there is no file or folder gone.")
