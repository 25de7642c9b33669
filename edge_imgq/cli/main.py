"""`edge-imgq`: builds the parser, prints every error and sets the exit code."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import NoReturn, Protocol

from edge_imgq.cli import (
    align,
    assess,
    bench,
    bundle,
    check,
    doctor,
    enhance,
    evaluate,
    export,
    history,
    init,
    inspect,
    models,
    sensitivity,
    train,
    validate,
    verify,
)
from edge_imgq.cli.messages import say
from edge_imgq.cli.options import Subparsers
from edge_imgq.cli.parser import Parser
from edge_imgq.errors import INTERRUPTED, TERMINATED, EdgeImgqError, FaultError, Terminated
from edge_imgq.library_warnings import without_library_warnings
from edge_imgq.version import __version__

BROKEN_PIPE = 141
"""Exit code if the reader of stdout is gone, as shells report it: 128 + SIGPIPE."""


class Command(Protocol):
    """A command: one module of this package."""

    def add(self, subparsers: Subparsers) -> None:
        """Add the parser of the command to `subparsers`, with its options and help."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work, print the result on stdout and return the exit code: 0 if all is well.

        `arguments` are parsed by the parser that `add` made.

        Raises:
            EdgeImgqError: the command failed; `main` prints the message and takes its exit code.
        """


COMMANDS: dict[str, Command] = {
    "export": export,
    "verify": verify,
    "bench": bench,
    "check": check,
    "bundle": bundle,
    "history": history,
    "align": align,
    "train": train,
    "evaluate": evaluate,
    "assess": assess,
    "enhance": enhance,
    "sensitivity": sensitivity,
    "models": models,
    "inspect": inspect,
    "doctor": doctor,
    "init": init,
    "validate": validate,
}
"""Module of each command, in the order of `--help`."""

EPILOG = """\
examples:
  edge-imgq export                            the default network, --target all
  edge-imgq export my.onnx --target tflite --size 360x640
  edge-imgq enhance photo.jpg --model fsrcnn-x2 -o out

exit codes:
  0  done
  1  a file lost more than it may, or check/bundle found it changed
  2  a wrong command line, path or name; a goal out of reach
  3  a recipe, manifest, baseline, report or history is wrong
  4  an image is damaged, too small, or used for two purposes
  5  a model cannot be read or cannot be carried by any target
  6  a target cannot express some of the model's operators
  7  a runtime, package or device is missing, or cannot run the file
  8  a file could not be written
  9  a file produced NaN or infinity
  70   a fault in edge-imgq itself
  130  interrupted with Ctrl-C
  143  ended by SIGTERM, or because the terminal closed
"""

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""Signals on which a command first removes what it has half written."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `edge-imgq` and return its exit code.

    Errors, a fault in edge-imgq included, are printed on stderr and not raised; with `--json` those
    that a user can act on are also printed as a JSON object on stdout.

    Args:
        argv: words after `edge-imgq`; None for those of the process.

    Raises:
        SystemExit: `--help` or `--version` was printed.
    """
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = build_parser(words[0] if words else "").parse_args(words)
    except EdgeImgqError as error:
        if "--json" in words:
            _print_error(error)
        return _failed(str(error), error.exit_code, debug=False)
    return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from edge_imgq.runtime.freed_memory import keep_between_uses

    # Signals that are already ignored or handled stay so: nohup ignores SIGHUP.
    ours = [number for number in ENDINGS if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _terminate)
    try:
        keep_between_uses()
        with nullcontext() if arguments.debug else _hushed():
            code = COMMANDS[arguments.command].run(arguments)
        sys.stdout.flush()
    except EdgeImgqError as error:
        if getattr(arguments, "json", False):
            _print_error(error)
        return _failed(str(error), error.exit_code, arguments.debug)
    except KeyboardInterrupt as error:
        return _failed(
            str(error) or "Interrupted; nothing half-written was left behind.",
            TERMINATED if isinstance(error, Terminated) else INTERRUPTED,
            arguments.debug,
        )
    except BrokenPipeError:
        # Python flushes stdout again at exit, which would raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        return _failed(
            f"This is a fault in edge-imgq, not in your input: {type(error).__name__}: {error}. "
            "Please report it with the lines above.",
            FaultError.exit_code,
            debug=True,
        )
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
    return code


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise Terminated


class CommandList(argparse.RawDescriptionHelpFormatter):
    """Help formatter with room for the longest command, whose indentation argparse ignores."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = max(map(len, COMMANDS)) + 2 * self._indent_increment


def build_parser(command: str = "") -> argparse.ArgumentParser:
    """Return the parser of the command line; parsed arguments have the command's name.

    It is in their attribute `command`, a key of COMMANDS. The parser raises UsageError instead of
    exiting.

    Args:
        command: first word of the command line. If it is a command, only that one is parsed, which
            saves the time that the options of the others take.
    """
    parser = Parser(
        prog="edge-imgq",
        description="Turn a trained image-enhancement network into verified files for phones.",
        epilog=EPILOG,
        formatter_class=CommandList,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"edge-imgq {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        if command == name or command not in COMMANDS:
            module.add(subparsers)
    return parser


def _failed(sentence: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    say(sentence)
    return code


def _print_error(error: EdgeImgqError) -> None:
    """Print an error as a JSON object on stdout."""
    print(json.dumps({"error": str(error), "exit_code": error.exit_code}, ensure_ascii=False))
    sys.stdout.flush()


@contextmanager
def _hushed() -> Iterator[None]:
    """Suppress warnings and logs of libraries; print warnings about recipes as sentences."""
    import logging
    import warnings

    from edge_imgq.recipe.recipe_warning import RecipeWarning

    with without_library_warnings():
        warnings.simplefilter("default", RecipeWarning)
        warnings.showwarning = lambda message, *_: say(str(message))
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
