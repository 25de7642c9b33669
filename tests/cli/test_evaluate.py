"""`evaluate` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_table_and_json_have_the_same_figures(run: Run, tiny: Path, photos: Path) -> None:
    words = ("evaluate", tiny, "--set", photos / "evaluation", "--task", "deblur", "--threads", 1)
    table, form = run(*words), run(*words, "--json")
    assert (table.code, form.code) == (0, 0), table.err + form.err
    rows = json.loads(form.out)["rows"]
    assert [row["method"] for row in rows] == ["input", "model"]
    for row in rows:
        assert f"{row['mean']['psnr']:.2f}" in table.out
        assert f"{row['mean']['ssim']:.4f}" in table.out
    assert max(map(len, table.out.splitlines())) <= 80


def test_a_missing_folder_is_a_sentence(run: Run, tiny: Path) -> None:
    outcome = run("evaluate", tiny, "--set", "gone", "--task", "jpeg")
    assert outcome.code == 2
    assert "there is no file or folder gone" in outcome.err
