"""Every error that a person at the terminal can cause, each with its exit code.

The message is a sentence: what was wrong, where, and what to do. The command line prints it in one
place (`edge_imgq.cli.main`) and exits with the code of the class; library code only raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class EdgeImgqError(Exception):
    """A failure that the person at the terminal can act on."""

    exit_code = 1


class DriftError(EdgeImgqError):
    """A file was made and measured, and lost more than its budget or baseline allows."""

    exit_code = 1


class UsageError(EdgeImgqError):
    """The command line asks for what does not exist, a path included, or does not fit together."""

    exit_code = 2


class RecipeError(EdgeImgqError):
    """A recipe or manifest is not valid TOML, has an unknown key or a value of the wrong kind."""

    exit_code = 3


class ImageError(EdgeImgqError):
    """An image is missing, truncated, not an image, or too small for the network."""

    exit_code = 4


class ModelError(EdgeImgqError):
    """A model cannot be read, or holds what no target can carry (NaN weights, dynamic shapes)."""

    exit_code = 5


class UnsupportedOperatorError(ModelError):
    """A target has no form for some operators; the message names all of them with their nodes."""

    exit_code = 6


class RuntimeUnavailableError(EdgeImgqError):
    """The runtime or device that a command needs is not on this machine."""

    exit_code = 7


class DeviceError(RuntimeUnavailableError):
    """A device went away in the middle, has no room, or could not run a file."""


class OutputError(EdgeImgqError):
    """A file could not be written: no space, no permission, or the folder is a file."""

    exit_code = 8


class NonFiniteOutputError(EdgeImgqError):
    """A file produced NaN or infinity on a real image."""

    exit_code = 9


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells report it (128 + SIGINT)."""

TERMINATED = 143
"""Exit code after SIGTERM, which `timeout` and CI runners send (128 + SIGTERM)."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: clean up as after Ctrl-C."""


NEAR = 0.6
"""Ratio of `difflib.SequenceMatcher` from which a word may be another one misspelt."""

GUESSES = 3
"""More words than this are not offered: what so many are like was not meant to be one of them."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that names the known word nearest to one, or those that are equally near.

    Args:
        word: that is not known.
        known: the words that are.

    Returns:
        " Did you mean 'fsrcnn-x2'?", with the space before it; empty where none is near.
    """
    from difflib import SequenceMatcher

    ratios = {name: SequenceMatcher(None, word.lower(), name.lower()).ratio() for name in known}
    best = max(ratios.values(), default=0.0)
    nearest = [name for name, ratio in ratios.items() if ratio == best]
    if best < NEAR or len(nearest) > GUESSES:
        return ""
    *others, last = (f"'{name}'" for name in nearest)
    return f" Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
