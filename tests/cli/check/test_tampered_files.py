"""check: files that are not those that were measured are caught, one fault at a time."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_imgq.artifact import sha256_of
from edge_imgq.images import samples
from tests.cli.check.build import FLOAT, INT8, check, verdicts
from tests.cli.check.conftest import Export
from tests.cli.conftest import Run
from tests.cli.tampering import FAULTS, Edited, not_a_number

WHERE = {
    "weight scale": "c", "one bias": "c", "swapped channels": "c", "bgr": "b", "layout": "b",
    "zero point": "image",
}  # fmt: skip
"""The first tensor that faults move by more than rounding, by its name in the graph."""


def caught(
    run: Run, project: Path, pairs: Path, target: str = INT8, outcome: str = "tampered"
) -> str:
    """Return the reasons why one target fails, after seeing that no other does."""
    checked = check(run, project, "--images", pairs, "--json")
    assert checked.code == 1
    found = verdicts(checked)
    assert {name for name, verdict in found.items() if verdict["fails"]} == {target}
    assert found[target]["outcome"] == outcome
    return "\n".join(found[target]["reasons"])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_file_is_caught_and_measured(
    run: Run, project: Path, pairs: Path, fault: str
) -> None:
    file = Edited(project / "tiny" / f"{INT8}.tflite")
    FAULTS[fault](file)
    file.write()
    reasons = caught(run, project, pairs)
    assert "the file is not the one that was measured: its bytes were changed; export" in reasons
    assert "measured again, it is " in reasons
    moved = "vs_reference_mean went from" in reasons
    assert moved == (fault != "one byte"), reasons
    first = re.search("the first tensor that is off is '(.*?)', which", reasons)
    assert (first and first[1]) == WHERE.get(fault), reasons


def test_a_shifted_bias_is_named_as_the_tint_that_it_is(
    run: Run, project: Path, pairs: Path
) -> None:
    file = Edited(project / "tiny" / f"{INT8}.tflite")
    FAULTS["one bias"](file)
    file.write()
    assert "the mean error went from" in caught(run, project, pairs)


def test_a_float_file_that_returns_nan_is_caught(run: Run, project: Path, pairs: Path) -> None:
    file = Edited(project / "tiny" / f"{FLOAT}.tflite")
    not_a_number(file)
    file.write()
    assert "measured again, it does not run: on image" in caught(run, project, pairs, FLOAT)


def test_a_truncated_and_a_deleted_file_are_caught(run: Run, project: Path, pairs: Path) -> None:
    path = project / "tiny" / f"{INT8}.tflite"
    path.write_bytes(path.read_bytes()[:500])
    assert "is not the one that was measured, and does not open" in caught(run, project, pairs)
    path.unlink()
    assert caught(run, project, pairs).startswith(f"there is no file {path}: export")
    refused = check(run, project, "--update")
    assert refused.code == 1
    assert f"is left as it was: tiny {INT8}: there is no file {path}" in refused.err


def test_another_networks_file_is_named(run: Run, project: Path, pairs: Path) -> None:
    path = project / "tiny" / f"{INT8}.tflite"
    path.write_bytes(path.read_bytes().replace(b'model": "tiny"', b'model": "else"'))
    reasons = caught(run, project, pairs, outcome="mismatched")
    assert "it is of another network, tflite-int8 of else" in reasons


def test_another_targets_file_is_named(run: Run, project: Path, pairs: Path) -> None:
    shutil.copy(project / "tiny" / f"{FLOAT}.tflite", project / "tiny" / f"{INT8}.tflite")
    reasons = caught(run, project, pairs, outcome="mismatched")
    assert "it is this network's tflite-float" in reasons


def test_an_older_file_of_its_own_is_named(
    run: Run, project: Path, pairs: Path, worse: Path
) -> None:
    shutil.copy(worse / f"{INT8}.tflite", project / "tiny" / f"{INT8}.tflite")
    reasons = caught(run, project, pairs, outcome="mismatched")
    assert "it was made from another float model, in an earlier or later export" in reasons


def test_a_file_that_was_calibrated_otherwise_is_not_called_tampered(
    run: Run, project: Path, pairs: Path, photos: Path, export: Export
) -> None:
    """A file of a later export beside an earlier export's report."""
    other = project / "calibration"
    other.mkdir()
    for photo in sorted((photos / "calibration").iterdir())[:2]:
        Image.fromarray(np.asarray(Image.open(photo)) // 3).save(other / photo.name)
    later = export(1.0, (INT8,), other)
    shutil.copy(later / f"{INT8}.tflite", project / "tiny" / f"{INT8}.tflite")
    reasons = caught(run, project, pairs, outcome="mismatched")
    assert "quantized in another export, with other calibration images or another" in reasons
    assert "keep the files and the report.json of one export together" in reasons
    asset = project / "asset.tflite"
    shutil.copy(later / f"{INT8}.tflite", asset)
    found = verdicts(check(run, project, "--images", pairs, "--shipped", asset, "--json"))
    assert found[str(asset)]["outcome"] == "mismatched"


def test_other_weights_that_make_the_network_worse_fail_for_that_reason(
    run: Run, project: Path, worse: Path, pairs: Path
) -> None:
    shutil.rmtree(project / "tiny")
    shutil.copytree(worse, project / "tiny")
    outcome = check(run, project)
    assert outcome.code == 1
    text = " ".join(outcome.out.split())
    assert text.startswith("FAIL: 2 of 2 targets (2 regressed).")
    assert "the network got worse: the float model's PSNR against the truth went from" in text
    assert "so it is worse than no network" in text
    assert "tiny: the float model's weights changed; its graph is as before" in text
    first = "tensors not as in the baseline, the first is"
    assert re.search(rf"the float model: \d of \d {first} 'w.': other values", text), text
    assert re.search(rf"the graph of int8-fast: \d+ of \d+ {first} ", text), text
    assert "measured again" not in text
    images = " ".join(check(run, project, "--images", pairs).out.split())
    assert "the file computes what its graph does: the graph is what got worse" in images


def test_a_worse_network_has_pictures_or_the_reason_why_not(
    run: Run, project: Path, worse: Path, pairs: Path
) -> None:
    shutil.rmtree(project / "tiny")
    shutil.copytree(worse, project / "tiny")
    page = project / "page.html"
    assert check(run, project, "--images", pairs, "--html", page).code == 1
    shown = page.read_text()
    assert shown.count('<section class="picture"') == 3
    assert "no pictures" not in shown
    assert len(shown) < 3_000_000
    unnamed = check(run, project, "--html", page)
    assert unnamed.code == 1
    words = "tiny: no pictures of what fails: its images (4 pairs in "
    assert words in unnamed.err
    assert words in page.read_text()


def test_images_are_hashed_once_however_many_targets_fail(
    run: Run, project: Path, worse: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(project / "tiny")
    shutil.copytree(worse, project / "tiny")
    hashed: Counter[Path] = Counter()

    def counted(path: Path) -> str:
        hashed[path] += 1
        return sha256_of(path)

    monkeypatch.setattr(samples, "sha256_of", counted)
    words = ("--images", pairs, "--html", project / "page.html")
    assert check(run, project, *words).code == 1
    assert len(hashed) == 8
    assert set(hashed.values()) == {1}, hashed


def test_calibration_images_swapped_for_noise_are_caught(
    run: Run, project: Path, photos: Path, export: Export
) -> None:
    noise = project / "calibration"
    noise.mkdir()
    rng = np.random.default_rng(1)
    for photo in (photos / "calibration").iterdir():
        Image.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8)).save(noise / photo.name)
    shutil.rmtree(project / "tiny")
    shutil.copytree(export(1.0, (INT8,), noise), project / "tiny")
    found = verdicts(check(run, project, "--json"))
    assert found[INT8]["outcome"] == "mismatched"
    (said,) = (line for line in found[INT8]["reasons"] if line.startswith("calibrated on other"))
    assert said == (
        "calibrated on other images than the baseline, under the same names: export again with "
        "--calibration DIR of those, or accept these figures with --update"
    )
    assert found[FLOAT]["outcome"] == "regressed"
    assert found[FLOAT]["reasons"] == [
        "the report has no such target: export it together with the others, or drop it from the "
        "baseline with --update"
    ]


def test_evaluation_images_swapped_under_their_names_are_caught(
    run: Run, project: Path, pairs: Path
) -> None:
    other = Path(shutil.copytree(pairs, project / "pairs"))
    for name in ("input", "truth"):
        for path in (other / name).iterdir():
            pixels = np.asarray(Image.open(path))[::-1]
            Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    found = verdicts(check(run, project, "--images", other, "--json"))
    for verdict in found.values():
        assert verdict["outcome"] == "mismatched"
        assert verdict["reasons"][0].startswith("measured on other images than the baseline")


def test_clean_files_pass_whenever_they_are_measured(run: Run, project: Path, pairs: Path) -> None:
    for words in [(), ("--images", pairs), *[("--images", pairs, "--no-cache")] * 2]:
        outcome = check(run, project, *words, "--json")
        assert outcome.code == 0, outcome.out
        assert {v["outcome"] for v in verdicts(outcome).values()} == {"pass"}
