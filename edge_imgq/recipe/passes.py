"""Names of the graph passes that a recipe may list, with deprecated aliases."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from edge_imgq.recipe.recipe_warning import RecipeWarning
from edge_imgq.recipe.toml_reader import TomlTable

PASS_NAMES = (
    "canonical",
    "sub-pixel",
    "crd-to-dcr",
    "sign-split",
    "cheap-sign-split",
    "merge-skip-branches",
    "pixel-shuffle-to-deconv",
    "zero-insertion",
)
"""The keys of `edge_imgq.graph.rewrite.PASSES`."""

RENAMED = {
    "shuffle-order": "crd-to-dcr",
    "skips": "merge-skip-branches",
    "transposed": "pixel-shuffle-to-deconv",
}
"""Deprecated pass names, which recipes may still use, and their replacements."""


class RenamedPassWarning(RecipeWarning):
    """A recipe uses a deprecated pass name; the replacement runs and the message names it."""


def read_passes(table: TomlTable, default: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the passes that a recipe lists, in order, with deprecated names replaced.

    Each deprecated name emits a `RenamedPassWarning`. Names that do not exist are recorded as
    errors of the table and left out.

    Args:
        table: table of the recipe, with the key "passes".
        default: passes of a recipe without the key; None makes the key required.
    """
    names = table.texts("passes", (*PASS_NAMES, *RENAMED), default)
    for name in names:
        if name in RENAMED:
            warnings.warn(
                f"{table.where}: the pass '{name}' is now called '{RENAMED[name]}'. The old name "
                "still works; please write the new one.",
                RenamedPassWarning,
                stacklevel=2,
            )
    return tuple(RENAMED.get(name, name) for name in names)
