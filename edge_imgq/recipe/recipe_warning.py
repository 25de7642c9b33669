"""Warnings about recipes, which the command line prints as sentences."""

from __future__ import annotations


class RecipeWarning(UserWarning):
    """A recipe is used otherwise than it says, or not at all; the message says which and why."""


class InvalidRecipeWarning(RecipeWarning):
    """A recipe is not valid: the targets that need it are left out, and others are written."""
