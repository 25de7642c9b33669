"""What a lowering raises when TFLite has no exact form for an operation."""

from __future__ import annotations


class RefusedError(Exception):
    """One operation cannot be lowered; the message says why and what to do.

    It never leaves this package: `lower` collects all of them into one error.
    """
