"""Every error that a person at the terminal can cause, each with its exit code.

The message is a sentence: what was wrong, where, and what to do. The command line prints it in one
place (`edge_imgq.cli.main`) and exits with the code of the class; library code only raises.
"""

from __future__ import annotations

from collections.abc import Sequence


class EdgeImgqError(Exception):
    """A failure that the person at the terminal can act on."""

    exit_code = 1


class DriftError(EdgeImgqError):
    """A file lost more than its budget or baseline allows, or is not the one that was measured."""

    exit_code = 1


class UsageError(EdgeImgqError):
    """The command line does not fit together, or names what is not there or of another kind.

    A path is of another kind where it is a folder for a file, a photograph for a model, or a folder
    without any file of the kind. What is wrong inside a file has the other classes.
    """

    exit_code = 2


class RecipeError(EdgeImgqError):
    """A recipe, manifest, baseline, report or history is damaged, or not as it must be."""

    exit_code = 3


class ImageError(EdgeImgqError):
    """An image is truncated, none, too small for the network, or used for two purposes."""

    exit_code = 4


class ModelError(EdgeImgqError):
    """A model cannot be read, or holds what no target can carry (NaN weights, dynamic shapes)."""

    exit_code = 5


class UnopenedFileError(ModelError):
    """A runtime does not open a file: it is damaged, or nothing that the runtime takes.

    Attributes:
        reason: what the runtime says.
    """

    def __init__(self, runtime: str, path: object, reason: str) -> None:
        super().__init__(
            f"{runtime} cannot open {path}: {reason}. Export it again if it is damaged."
        )
        self.reason = reason


class UnsupportedOperatorError(ModelError):
    """A target has no form for some operators; the message names all of them with their nodes."""

    exit_code = 6


class RuntimeUnavailableError(EdgeImgqError):
    """The runtime or device that a command needs is not here, or cannot run the file."""

    exit_code = 7


class DeviceError(RuntimeUnavailableError):
    """A device went away in the middle, has no room, or could not run a file."""


class OutputError(EdgeImgqError):
    """A file could not be written: no space, no permission, or the folder is a file."""

    exit_code = 8


class NonFiniteOutputError(EdgeImgqError):
    """A file produced NaN or infinity on a real image."""

    exit_code = 9


class FaultError(EdgeImgqError):
    """edge-imgq did something wrong, such as a file that its runtime does not open.

    Other exceptions that reach the command line count as this one (EX_SOFTWARE of sysexits.h).
    """

    exit_code = 70


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells report it (128 + SIGINT)."""

TERMINATED = 143
"""Exit code after SIGTERM, which `timeout` and CI runners send (128 + SIGTERM)."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP arrived: clean up as after Ctrl-C."""


NOT_MADE_FOR = 0
"""Code of a file of a kind that a device is not made for, such as an int8 file on a GPU."""


def code_of_not_run(codes: Sequence[int], *, any_ran: bool) -> int:
    """Return the exit code of a command for the files that a device did not run.

    A file that should have run there counts with its error. One of a kind that the device is not
    made for costs nothing beside files that ran; where none ran, nothing was measured, and that is
    no success. A file that ran is no part of this, whether or not the device has times to report.

    Args:
        codes: of the files that did not run, each its error's, or NOT_MADE_FOR.
        any_ran: whether another one ran.
    """
    return max(codes, default=0) or (
        RuntimeUnavailableError.exit_code if codes and not any_ran else 0
    )
