"""What is altered in a bundle is found, whatever it is and however carefully it is done."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_imgq.api.arguments import unwatched
from edge_imgq.bundle import archive
from edge_imgq.errors import UsageError
from edge_imgq.pipeline.bundle.bundle_check import BundleFinding, check_bundle
from tests.cli.conftest import Run
from tests.cli.tampering import Edited, one_bias


def differing(folder: Path) -> list[BundleFinding]:
    """Return what differs by the files alone: measuring drift again takes long."""
    found = check_bundle(folder, None, unwatched, measures=False)
    return [one for one in found if one.state == "differs"]


def cover_up(folder: Path) -> None:
    """Write the digests anew, as a careful hand would."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != archive.SUMS
    }
    (folder / archive.SUMS).write_bytes(archive.sums(files))


def test_what_differs_is_said_field_by_field(bundled: Path, run: Run, photos: Path) -> None:
    path = bundled / "contract.json"
    form = json.loads(path.read_text())
    (file,) = form["files"]
    measured = file["drift"]["vs_float"]
    file["drift"]["vs_float"] = 12.0
    scale = file["signatures"][0]["image"]["scale"]
    file["signatures"][0]["image"]["scale"] = None
    path.write_text(json.dumps(form))
    picture = bundled / "vectors" / "tflite-int8.ppm"
    pixels = picture.read_bytes()
    picture.write_bytes(pixels[:-1] + bytes([pixels[-1] ^ 1]))
    cover_up(bundled)
    outcome = run("bundle", "--verify", bundled, "--images", photos / "evaluation")
    assert outcome.code == 1
    assert max(map(len, outcome.out.splitlines())) <= 80
    image = "contract.json files tflite-int8 signatures 0 image"
    assert outcome.out.splitlines()[:-1] == [
        f"differs: {image} scale: it says null;",
        f"  the files say {scale}",
        "differs: README.md: the files and the contract give another",
        "differs: bom.json: the files and the contract give another",
        "differs: vectors/tflite-int8.ppm: the file gives another image, by up to 1 level",
        f"differs: drift of tflite-int8 vs_float: it says 12.0 dB; measured here: {measured} dB",
    ]


def leaves(form: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a JSON form."""
    pairs = form.items() if isinstance(form, dict) else enumerate(form)
    for key, value in pairs:
        if isinstance(value, (dict, list)) and value:
            yield from leaves(value, (*keys, key))
        else:
            yield (*keys, key)


def altered(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return {"uint8": "int8", "NHWC": "NCHW"}.get(value, f"{value}x" if value else "other")
    return 1


def test_every_value_of_the_contract_that_is_altered_is_found(bundled: Path, photos: Path) -> None:
    """By the files alone: each time the digests are written anew."""
    path = bundled / "contract.json"
    whole = json.loads(path.read_text())
    missed = []
    for keys in leaves(whole):
        # What drift was measured is looked at where a figure of drift is altered, as it takes long.
        figure = "drift" in keys and isinstance(altered(_at(whole, keys)), float)
        form = copy.deepcopy(whole)
        _at(form, keys[:-1])[keys[-1]] = altered(_at(whole, keys))
        path.write_text(json.dumps(form))
        cover_up(bundled)
        found = check_bundle(bundled, photos / "evaluation", unwatched, measures=figure)
        if not any(one.state == "differs" for one in found):
            missed.append(keys)
    assert missed == []


def _at(form: Any, keys: tuple[Any, ...]) -> Any:
    for key in keys:
        form = form[key]
    return form


def test_every_file_that_is_altered_or_gone_is_found(bundled: Path) -> None:
    assert differing(bundled) == []
    for path in sorted(p for p in bundled.rglob("*") if p.is_file()):
        before, name = path.read_bytes(), path.relative_to(bundled).as_posix()
        path.write_bytes(before[:-40] + b"x" + before[-39:])
        found = {one.what for one in differing(bundled)}
        assert name in found or (found and name == "SHA256SUMS"), name
        path.unlink()
        if name == "contract.json":
            with pytest.raises(UsageError, match=r"holds no contract\.json"):
                differing(bundled)
        else:
            assert differing(bundled), name
        path.write_bytes(before)
    (bundled / "more.txt").write_text("more")
    assert [one.what for one in differing(bundled)] == ["more.txt"]


@pytest.mark.parametrize("name", ["README.md", "bom.json", "vectors/tiles.json"])
def test_text_that_is_altered_with_its_digest_is_found(bundled: Path, name: str) -> None:
    path = bundled / name
    path.write_text(path.read_text().replace("1", "2", 1))
    cover_up(bundled)
    assert [one.what for one in differing(bundled)] == [name]


def test_a_bias_that_is_altered_in_the_file_is_found(bundled: Path) -> None:
    edited = Edited(bundled / "models" / "tflite-int8.tflite")
    one_bias(edited)
    edited.write()
    cover_up(bundled)
    found = {one.what for one in differing(bundled)}
    assert {"contract.json files tflite-int8 sha256", "vectors/tflite-int8.ppm"} <= found
