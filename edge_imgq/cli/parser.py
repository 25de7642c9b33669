"""Argument parser whose errors are sentences with suggestions."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from edge_imgq.errors import UsageError
from edge_imgq.wording import did_you_mean, no_such

if TYPE_CHECKING:
    from collections.abc import Iterable


class Parser(argparse.ArgumentParser):
    """An argument parser that raises errors as sentences instead of exiting."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse arguments, and report unknown options before anything else that is wrong.

        argparse would report missing arguments first. As argparse's method, but the list that it
        returns is always empty.

        Raises:
            UsageError: an option is unknown, in which case the message suggests the nearest one, or
                a word is left over.
        """
        if self._subparsers is None and args is not None:
            self._refuse_unknown(args)
        parsed, extra = super().parse_known_args(args, namespace)
        if extra:
            self.error(f"there is no place for {' '.join(repr(word) for word in extra)} here")
        return parsed, extra

    def error(self, message: str) -> NoReturn:
        """Raise a message of argparse as a UsageError: a sentence that points to `--help`.

        Raises:
            UsageError: always; argparse would print and exit.
        """
        raise UsageError(f"{_sentence(message)} See `{self.prog} --help`.")

    def _refuse_unknown(self, words: Iterable[str]) -> None:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        for word in words:
            if word == "--":
                return
            name = word.partition("=")[0]
            if name.startswith("--") and name not in known:
                self.error(f"there is no option {name}.{did_you_mean(name, known)}")


def _sentence(message: str) -> str:
    """Rewrite an error message of argparse as a sentence."""
    chosen = re.fullmatch(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message)
    if chosen:
        kind, word = {"COMMAND": "command"}.get(chosen[1], chosen[1]), chosen[2]
        return no_such(kind, word, chosen[3].replace("'", "").split(", "))
    said = message.removeprefix("argument ")
    said = said.replace("the following arguments are required", "this is missing")
    if said.endswith(": expected one argument"):
        said = f"{said}; one that begins with a minus is joined by '=', as in --range=-1,1"
    return said[0].upper() + said[1:] + ("" if said.endswith((".", "?")) else ".")
