"""Exception of a lowering that TFLite cannot express exactly."""

from __future__ import annotations


class RefusedError(Exception):
    """One operation cannot be lowered; the message gives the reason and a remedy.

    It never leaves this package: `lower` collects all of them into one error.
    """
