"""Write the shell script that makes a bundle again from scratch."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.bundle.archive import SUMS
from edge_imgq.pipeline.image_selection import calibration_images, evaluation_images
from edge_imgq.recipe.export import recipe_name
from edge_imgq.recipe.folders import valid_recipes

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote
    from edge_imgq.report.report import Report, TargetReport

FILE = "make-again.sh"

SCRIPT = """\
#!/bin/sh
# Makes the files of this bundle again, in a temporary folder, and compares them byte for byte.
# Run it from any folder: sh BUNDLE/make-again.sh. Nothing is written into the bundle.
# Needs edge-imgq {version} with the versions of made-with.txt.
set -eu
{needs}bundle=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
trap 'exit 130' HUP INT TERM
# 1 says that a file loses more than its recipe allows; it may be in a bundle all the same.
code=0
edge-imgq export {export} --no-bench --output "$again/files" || code=$?
[ "$code" -le 1 ] || exit "$code"
edge-imgq bundle "$again/files/"{model} {bundle}--json --output "$again/bundle" > "$again/list"
differ=
while read -r _ name; do
  cmp -s "$bundle/$name" "$again/bundle/$name" || differ="$differ $name"
done < "$again/bundle/{sums}"
cmp -s "$bundle/{sums}" "$again/bundle/{sums}" || differ="$differ {sums}"
if [ "$differ" ]; then
  echo "Made again, these files of the bundle differ:$differ."
  exit 1
fi
echo "Made again, every file of the bundle is the same, byte for byte."
"""


@dataclass(frozen=True)
class Files:
    """The files of a bundle, as the script's commands describe them.

    Attributes:
        targets: their figures in the report.
        sizes: distinct (height, width) of files with a fixed size.
        options: options of `edge-imgq bundle`, quoted for the shell.
        stated: options of `edge-imgq export` for the authorship in the files.
    """

    targets: Sequence[TargetReport]
    sizes: Sequence[tuple[int, int]]
    options: Sequence[str]
    stated: Sequence[str] = ()


def command_again(report: Report, reference: FileNote, files: Files, *, ships: bool) -> str:
    """Return a POSIX shell script that makes a bundle again and compares it byte for byte.

    The script asks the user for models that do not ship and for images outside the manifest, each
    identified by its digest.

    Args:
        report: report of the export.
        reference: note of the float model.
        files: files of the bundle.
        ships: True if the network ships with edge-imgq.

    Raises:
        ImageError: the manifest's images are missing.
        RecipeError: the manifest cannot be read.
    """
    needs, words = [], []
    if ships:
        words.append(shlex.quote(report.model))
    else:
        own = reference.given_sha256 or reference.original_sha256
        digest = own or report.reference_sha256
        needs.append(_needed("MODEL", f"the file of the model {report.model} (SHA-256 {digest})"))
        words.append('"$MODEL"')
    recipes = dict.fromkeys(recipe_name(target.target) for target in files.targets)
    words += ["--target", *map(shlex.quote, recipes)]
    words += _range(reference)
    words += map(shlex.quote, reference.contract.port_options)
    words += files.stated
    if files.sizes:
        words += ["--size", ",".join(f"{height}x{width}" for height, width in files.sizes)]
    words += _scheme(report, list(recipes))
    if report.calibration and report.calibration_sha256 != calibration_images(None).sha256:
        said = f"the folder of images to calibrate on ({report.calibration})"
        needs.append(_needed("CALIBRATION", said))
        words += ["--calibration", '"$CALIBRATION"']
    if report.evaluation_sha256 != evaluation_images(None).sha256:
        said = f"the folder of images to measure on ({report.evaluation})"
        needs.append(_needed("IMAGES", said))
        words += ["--images", '"$IMAGES"']
    return SCRIPT.format(
        version=report.version,
        sums=SUMS,
        needs="".join(needs),
        export=" ".join(words),
        model=shlex.quote(report.model),
        bundle="".join(f"{word} " for word in files.options),
    )


def _needed(name: str, what: str) -> str:
    return f": ${{{name}:?say where {what} is}}\n"


def _range(note: FileNote) -> list[str]:
    pixels = note.original_pixels
    if (pixels.low, pixels.high) == (0.0, 1.0):
        return []
    if pixels.low == 0:
        return ["--range", f"{pixels.high:g}"]
    return [f"--range={pixels.low:g},{pixels.high:g}"]


def _scheme(report: Report, targets: Sequence[str]) -> list[str]:
    """Return the --scheme option if the files' quantization recipe is not their targets'."""
    own = {recipe.scheme for recipe in valid_recipes(targets) if recipe.name in targets}
    others = [scheme.scheme for scheme in report.schemes if scheme.scheme not in own]
    return ["--scheme", shlex.quote(others[0])] if len(others) == 1 else []
