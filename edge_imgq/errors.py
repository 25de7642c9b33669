"""Define the errors that a user at the terminal can cause, each with its exit code.

The message is a sentence: what was wrong, where, and what to do. `edge_imgq.cli.main` prints it and
exits with the code of the class; library code only raises.
"""

from __future__ import annotations

from collections.abc import Sequence


class EdgeImgqError(Exception):
    """Base class of failures that the user can act on."""

    exit_code = 1


class DriftError(EdgeImgqError):
    """A file exceeds its drift budget or baseline, or is not the one that was measured."""

    exit_code = 1


class UsageError(EdgeImgqError):
    """Arguments contradict each other, or name something missing or of the wrong kind.

    A path is of the wrong kind if it is a folder instead of a file, a photograph instead of a
    model, or a folder without any suitable file. Faults inside a file raise other classes.
    """

    exit_code = 2


class RecipeError(EdgeImgqError):
    """A recipe, manifest, baseline, report or history is damaged or invalid."""

    exit_code = 3


class ImageError(EdgeImgqError):
    """A file is not an image, or an image is truncated, too small, or used for two purposes."""

    exit_code = 4


class ModelError(EdgeImgqError):
    """A model cannot be read, or no target supports it (NaN weights, dynamic shapes)."""

    exit_code = 5


class UnopenedFileError(ModelError):
    """A runtime cannot open a file: it is damaged, or of a kind that the runtime does not support.

    Attributes:
        reason: the runtime's own message.
    """

    def __init__(self, runtime: str, path: object, reason: str) -> None:
        super().__init__(
            f"{runtime} cannot open {path}: {reason}. Export it again if it is damaged."
        )
        self.reason = reason


class UnsupportedOperatorError(ModelError):
    """A target cannot express some operators; the message names each of them with its nodes."""

    exit_code = 6


class RuntimeUnavailableError(EdgeImgqError):
    """A runtime or device is not available here, or cannot run the file."""

    exit_code = 7


class DeviceError(RuntimeUnavailableError):
    """A device disconnected, ran out of memory or storage, or failed to run a file."""


class OutputError(EdgeImgqError):
    """A file could not be written: disk full, no permission, or a file where a folder must be."""

    exit_code = 8


class NonFiniteOutputError(EdgeImgqError):
    """A file returned NaN or infinity for an image."""

    exit_code = 9


class FaultError(EdgeImgqError):
    """A bug in edge-imgq, such as a written file that its runtime does not open.

    The command line treats any other exception alike (EX_SOFTWARE of sysexits.h).
    """

    exit_code = 70


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells report it (128 + SIGINT)."""

TERMINATED = 143
"""Exit code after SIGTERM, which `timeout` and CI runners send (128 + SIGTERM)."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP was received; clean up as after Ctrl-C."""


NOT_MADE_FOR = 0
"""Code of a file whose kind a device does not support by design, such as int8 on a GPU."""


def code_of_not_run(codes: Sequence[int], *, any_ran: bool) -> int:
    """Return the exit code of a command for the files that a device did not run.

    The code is the largest among them; 0 if there are none. If all are NOT_MADE_FOR, it is 0 when
    another file ran, and 7, that of RuntimeUnavailableError, when none did: nothing was measured.

    Args:
        codes: one per file that did not run: the exit code of its error, or NOT_MADE_FOR.
        any_ran: True if another file ran, with or without a reported time.
    """
    return max(codes, default=0) or (
        RuntimeUnavailableError.exit_code if codes and not any_ran else 0
    )
