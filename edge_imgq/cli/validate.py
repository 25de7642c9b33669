"""`edge-imgq validate`: check recipes, manifests and baselines before they are committed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.cli.options import Subparsers, add_command, add_json
from edge_imgq.cli.paths import existing
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.wording import count_of

DETAILS = """\
Read recipes of export/ and quantize/, manifests of calibration_data/ and baselines (.json), and
report every error in them, for TOML files with its line. In a folder with these subfolders, or in
one of them, all recipes and manifests are read. Nothing is run, so this suits a pre-commit hook.
The scheme that a recipe of export/ names is read too: from quantize/ beside export/ if there is
such a folder, else from those that ship. Exits with 3 if a file is wrong."""

EXAMPLE = """\
edge-imgq validate export/tflite-int8.toml baseline.json
edge-imgq validate my-app/models"""

FOLDERS = ("export", "quantize", "calibration_data")
"""Names of the folders whose .toml files are read."""


@dataclass(frozen=True)
class Validated:
    """A file that was checked.

    Attributes:
        path: path of the file.
        errors: what is wrong with it, in the order of its lines; empty if it is valid.
    """

    path: str
    errors: tuple[str, ...]


def add(subparsers: Subparsers) -> None:
    """Add the parser of `edge-imgq validate` to `subparsers`, with its options and its help."""
    parser = add_command(
        subparsers, "validate", "report errors in recipes and baselines", DETAILS, EXAMPLE
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=existing,
        metavar="PATH",
        help="recipe, manifest or baseline, or a folder of recipes and manifests",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check every file and print the errors as lines or JSON; return 3 if there are any, else 0.

    Raises:
        UsageError: a file is not a recipe, manifest or baseline, or a folder has none.
    """
    files = dict.fromkeys(file for path in arguments.paths for file in _files(path))
    readers = [(path, _reader(path)) for path in files]
    results = tuple(Validated(str(path), _errors(path, read)) for path, read in readers)
    wrong = [one for one in results if one.errors]
    if arguments.json:
        from edge_imgq.report.json_form import to_json
        from edge_imgq.report.typed import plain

        print(to_json(plain(results)))
    else:
        said = [error for one in wrong for error in one.errors]
        print("\n".join([*said, f"{count_of(len(results), 'file')}, {len(wrong)} wrong."]))
    return RecipeError.exit_code if wrong else 0


def _files(path: Path) -> tuple[Path, ...]:
    """Return a file itself, or the recipes and manifests of a folder, by subfolder and name.

    Raises:
        UsageError: a folder has none.
    """
    if not path.is_dir():
        return (path,)
    folders = [path] if path.resolve().name in FOLDERS else [path / name for name in FOLDERS]
    files = tuple(file for folder in folders for file in sorted(folder.glob("*.toml")))
    if not files:
        raise UsageError(
            f"{path} has no recipes: neither it nor a subfolder {', '.join(FOLDERS)} holds .toml "
            "files of that kind. Name a recipe, a manifest, a baseline or the folder above export/."
        )
    return files


def _errors(path: Path, read: Callable[[Path], object]) -> tuple[str, ...]:
    try:
        read(path)
    except RecipeError as error:
        return tuple(str(error).splitlines())
    return ()


def _reader(path: Path) -> Callable[[Path], object]:
    """Return the function that reads a file, chosen by its folder or suffix.

    Raises:
        UsageError: it is not a recipe, manifest or baseline.
    """
    from edge_imgq.recipe.manifest import read_manifest
    from edge_imgq.recipe.quantize import read_quantize_recipe
    from edge_imgq.report.baseline_file import read_baseline

    readers: dict[str, Callable[[Path], object]] = {
        "export": _read_export,
        "quantize": read_quantize_recipe,
        "calibration_data": read_manifest,
    }
    if path.suffix == ".json":
        return read_baseline
    stage = path.resolve().parent.name
    if path.suffix != ".toml" or stage not in readers:
        raise UsageError(
            f"{path} is neither a recipe of export/ or quantize/, nor a manifest of "
            "calibration_data/, nor a baseline (.json); `validate` reads nothing else."
        )
    return readers[stage]


def _read_export(path: Path) -> None:
    """Read an export recipe, and the quantize recipe that it names.

    Raises:
        RecipeError: it is invalid, or its scheme is, or does not exist.
    """
    from edge_imgq.recipe.export import read_export_recipe
    from edge_imgq.recipe.folders import quantize_recipe_path
    from edge_imgq.recipe.quantize import read_quantize_recipe

    recipe = read_export_recipe(path)
    if not recipe.scheme:
        return
    try:
        scheme = quantize_recipe_path(recipe.scheme, path.resolve().parent.parent)
        if not scheme.is_file():  # a name that ends in .toml is a path
            raise RecipeError(f"There is no file {scheme}; correct the path.")
    except RecipeError as error:
        raise RecipeError(f"{path}: 'scheme' names no recipe. {error}") from error
    try:
        read_quantize_recipe(scheme)
    except RecipeError as error:
        said = (f"{path}: its scheme is wrong. {line}" for line in str(error).splitlines())
        raise RecipeError("\n".join(said)) from error
