"""Bundles: the same bytes twice, and every thing that is altered in one is found."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_imgq.api.arguments import unwatched
from edge_imgq.bundle import tile_vectors
from edge_imgq.bundle.model_card import DataSet, data_sets
from edge_imgq.bundle.photo import from_netpbm, sample_photo, to_netpbm
from edge_imgq.images.tile_plan import mirrored
from edge_imgq.pipeline.bundle.bundle_check import check_bundle
from edge_imgq.runtime.open import open_session
from edge_imgq.verify.drift import Drop
from tests.cli.conftest import CARD, STATED, Run, validator


def test_a_bundle_is_right_by_its_own_files(bundled: Path, run: Run, photos: Path) -> None:
    outcome = run("bundle", "--verify", bundled, "--images", photos / "evaluation", "--json")
    found = json.loads(outcome.out)
    assert outcome.code == 0
    assert {one["state"] for one in found} == {"same"}
    assert {"what": "drift of tflite-int8", "state": "same", "detail": ""} in found
    plain = run("bundle", "--verify", bundled, "--images", photos / "evaluation")
    assert plain.out == f"{len(found)} statements of the bundle hold.\n"


def test_drift_on_images_that_are_not_here_is_skipped(bundled: Path, run: Run) -> None:
    outcome = run("bundle", "--verify", bundled)
    assert outcome.code == 0
    assert "skipped: drift: it was measured on" in outcome.out


def test_it_holds_what_an_app_needs(bundled: Path) -> None:
    contract = json.loads((bundled / "contract.json").read_text())
    validator((bundled / "contract.schema.json").read_text()).validate(contract)
    (file,) = contract["files"]
    (signature,) = file["signatures"]
    assert signature["name"] == "serving_default"
    assert (signature["image"]["name"], signature["result"]["name"]) == ("image", "image_out")
    assert signature["image"]["shape"] == [1, 48, 64, 3]
    assert (signature["image"]["at_255"], signature["image"]["type"]) == (255.0, "uint8")
    assert file["tiling"] == {"tiles": [[48, 64]], "halo": 1, "overlap": 2, "multiple": 2}
    assert contract["receptive_field"] == {"radius": 1, "diameter": 3, "period": 1}
    assert contract["author"] == "A. Person"
    page = (bundled / "README.md").read_text()
    assert "Licence: CC-BY-4.0. Version: 3." in page
    bill = json.loads((bundled / "bom.json").read_text())
    assert {"Our own", "numpy"} <= {one["name"] for one in bill["components"]}
    script = (bundled / "make-again.sh").read_text()
    assert "--size 48x64 --calibration" in script
    assert "${MODEL:?" in script
    sums = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=bundled, check=False
    )
    assert sums.returncode == 0


def test_the_bill_is_valid_cyclonedx(bundled: Path) -> None:
    validation = pytest.importorskip(
        "cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed"
    )
    schema = pytest.importorskip("cyclonedx.schema")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert validator.validate_str((bundled / "bom.json").read_text()) is None


def test_made_twice_it_has_the_same_bytes(
    exported: Path, shared_bundle: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "card.md").write_text(CARD)
    words = ("bundle", exported, "--target", "tflite-int8", "--card", tmp_path / "card.md")
    assert run(*words, *STATED, "-o", tmp_path / "a" / "app", "--zip").code == 0
    assert run(*words, *STATED, "-o", tmp_path / "a" / "app", "--zip").code == 0
    assert run(*words, *STATED, "-o", tmp_path / "b" / "app", "--zip").code == 0
    zips = [(tmp_path / name / "app.zip").read_bytes() for name in "ab"]
    assert zips[0] == zips[1]
    assert (shared_bundle / "SHA256SUMS").read_bytes() == (
        tmp_path / "a" / "app" / "SHA256SUMS"
    ).read_bytes()
    with zipfile.ZipFile(tmp_path / "a" / "app.zip") as archived:
        assert archived.testzip() is None
        assert archived.read("app/contract.json") == (shared_bundle / "contract.json").read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["app", "app.zip"]


STAND_IN = """#!/bin/sh
# Writes what `edge-imgq` would, into the folder that the last option names.
echo "$*" >> "$SEEN"
for last; do :; done
mkdir -p "$last"
[ "$1" = export ] && exit "$EXPORT_CODE"
cp -r "$WHOLE/." "$last"
"""


@pytest.mark.parametrize("inside", [True, False])
def test_it_is_made_again_from_any_folder_and_stays_as_it_is(
    bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    folder = bundled.rename(tmp_path / "the app")
    whole, scratch = tmp_path / "whole", tmp_path / "scratch"
    shutil.copytree(folder, whole)
    scratch.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "edge-imgq").write_text(STAND_IN)
    (tmp_path / "bin" / "edge-imgq").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    told = {"MODEL": "a.onnx", "CALIBRATION": "c", "IMAGES": "i", "EXPORT_CODE": "1"}
    told |= {"TMPDIR": str(scratch), "SEEN": str(tmp_path / "seen"), "WHOLE": str(whole)}
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    def again() -> subprocess.CompletedProcess[str]:
        place = folder if inside else tmp_path
        script = "make-again.sh" if inside else "the app/make-again.sh"
        words = ["sh", script]
        return subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)

    made = again()
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == "Made again, every file of the bundle is the same, byte for byte.\n"
    assert f"--card {folder}/MODEL_CARD.md" in (tmp_path / "seen").read_text()
    assert sorted(p.relative_to(folder) for p in folder.rglob("*")) == sorted(
        p.relative_to(whole) for p in whole.rglob("*")
    )
    assert list(scratch.iterdir()) == []
    (folder / "bom.json").write_text("{}")
    made = again()
    assert made.returncode == 1
    assert made.stdout == "Made again, these files of the bundle differ: bom.json.\n"
    monkeypatch.setenv("EXPORT_CODE", "5")
    assert again().returncode == 5
    assert list(scratch.iterdir()) == []


def from_rectangles(photo: Any, vector: dict[str, Any], run: Callable[[Any], Any]) -> Any:
    """Cut, run and put together an image by nothing but the rectangles of the vectors."""
    output = np.zeros((*(side * vector["scale"] for side in photo.shape[:2]), 3), np.uint8)
    for (top, left, tall, wide), (down, right), (at, beside, high, broad) in zip(
        vector["read"], vector["crop"], vector["write"], strict=True
    ):
        rows = [mirrored(line, photo.shape[0]) for line in range(top, top + tall)]
        columns = [mirrored(line, photo.shape[1]) for line in range(left, left + wide)]
        tile = run(photo[np.ix_(rows, columns)])
        output[at : at + high, beside : beside + broad] = tile[
            down : down + high, right : right + broad
        ]
    return output


def test_the_rectangles_give_the_image_that_is_bundled_and_that_of_the_whole(
    bundled: Path, shared_export: Path
) -> None:
    photo = from_netpbm((bundled / "vectors" / "photo.ppm").read_bytes())
    assert photo.shape == (49, 65, 3)
    vectors = json.loads((bundled / tile_vectors.FILE).read_text())
    (vector,) = [
        v for v in vectors if v["image"] == [49, 65] and v["tile"] == [48, 64] and v["scale"] == 1
    ]
    assert len(vector["read"]) == 4
    session = open_session(bundled / "models" / "tflite-int8.tflite", 1)
    tiled = from_rectangles(photo, vector, session.run)
    expected = from_netpbm((bundled / "vectors" / "tflite-int8.ppm").read_bytes())
    np.testing.assert_array_equal(tiled, expected)
    whole = open_session(shared_export / "reference" / "int8.onnx", 1).run(photo)
    # The whole image goes on as its mirror image to even sides, so where the halo of one pixel
    # ends, at the last row and column, the graph sees other pixels than a tile that ends there.
    inside = np.s_[:-1, :-1]
    assert np.abs(tiled[inside].astype(int) - whole[inside]).max() <= 1


def test_a_bundle_of_all_files_and_without_a_card(exported: Path, tmp_path: Path, run: Run) -> None:
    assert run("bundle", exported, "-o", tmp_path / "app").code == 0
    card = (tmp_path / "app" / "MODEL_CARD.md").read_text()
    assert "Nobody wrote a card" in card
    names = {path.name for path in (tmp_path / "app" / "models").iterdir()}
    assert {"tflite-gpu.tflite", "onnx-int8.onnx", "reference"} <= names
    found = check_bundle(tmp_path / "app", None, unwatched)
    assert {one.state for one in found} == {"same", "skipped"}


def test_refusals(exported: Path, tmp_path: Path, run: Run) -> None:
    assert "Say where the bundle goes" in run("bundle", exported).err
    assert "holds no report.json" in run("bundle", tmp_path, "-o", tmp_path / "app").err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    assert (
        "holds files that are not a bundle" in run("bundle", exported, "-o", tmp_path / "mine").err
    )
    unknown = run("bundle", exported, "--target", "tflite-int9", "-o", tmp_path / "app")
    assert unknown.code == 2
    assert "Did you mean 'tflite-int8'?" in unknown.err
    assert "holds no contract.json" in run("bundle", "--verify", exported).err
    file = exported / "tflite-int8.tflite"
    file.write_bytes(file.read_bytes() + b"\0")
    other = run("bundle", exported, "-o", tmp_path / "app")
    assert other.code == 1
    assert "its bytes were changed" in other.err
    assert not (tmp_path / "app").exists()


def test_files_that_other_versions_made_are_refused(
    exported: Path, tmp_path: Path, run: Run
) -> None:
    report = json.loads((exported / "report.json").read_text())
    report["versions"][0]["version"] = "0.1"
    (exported / "report.json").write_text(json.dumps(report))
    outcome = run("bundle", exported, "-o", tmp_path / "app")
    assert outcome.code == 2
    assert "made with ai-edge-litert 0.1" in outcome.err


def test_a_card_without_a_table_of_data_is_told_what_it_lacks(
    exported: Path, tmp_path: Path, run: Run
) -> None:
    card = tmp_path / "card.md"
    words = ("bundle", exported, "--target", "tflite-int8", "--card", card, "-o", tmp_path / "app")
    for text, said in ((CARD, False), (CARD.replace("## Data", "## Sets"), True)):
        card.write_text(text)
        outcome = run(*words)
        assert outcome.code == 0
        assert (f"{card} has no table of data sets" in outcome.err) == said


def test_the_data_of_a_card() -> None:
    assert data_sets(CARD) == (DataSet("Our own", "12", "training", "ours"),)
    assert data_sets("# none") == ()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_photograph_is_the_same_everywhere(channels: int) -> None:
    photo = sample_photo(61, 83, channels)
    np.testing.assert_array_equal(from_netpbm(to_netpbm(photo)), photo)
    digests = {
        1: "e09b3ecf6a2fc330b342535808d1f35b19d8eef74fbed849f61911804cb47a7c",
        3: "5717084f7c9d9f5cf95752cb52e577effdf858e8c0fe5f983f2f0dd832da1b16",
    }
    assert hashlib.sha256(photo.tobytes()).hexdigest() == digests[channels]
    assert len(np.unique(photo)) > 100


def test_what_is_wrong_with_the_network_itself_stands_on_the_first_page(
    exported: Path, tmp_path: Path, run: Run
) -> None:
    """As in the report: a file true to a network that does harm does harm."""
    report = json.loads((exported / "report.json").read_text())
    for target in report["targets"]:
        target["drop"] = asdict(Drop(0.1, 0.2, "a", 1.0, 2.0))
    report["range_warning"] = "tiny: its image is odd, say --range 255."
    (exported / "report.json").write_text(json.dumps(report))
    folder = tmp_path / "warned"
    words = ("bundle", exported, "--target", "tflite-int8", "-o", folder)
    assert run(*words).code == 0
    page = (folder / "README.md").read_text()
    assert page.splitlines()[2].endswith("on RGB.")
    assert "\n\n**tiny: its image is odd, say --range 255.**\n" in page
    assert "\n\n**the network is worse than none: 1.00 dB against the truth, " in page
    assert run("bundle", "--verify", folder).code == 0
