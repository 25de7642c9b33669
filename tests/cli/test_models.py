"""`models` lists the networks that ship, and shows one with its card."""

from __future__ import annotations

import json
import re

from edge_imgq.models.zoo import ASSESSORS, UNTRAINED, ZOO, card_path
from tests.cli.conftest import Run


def test_models_lists_the_zoo_with_the_parameters_that_torch_counts(run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(run("models", "--json").out)}
    assert list(rows) == [*ZOO, *ASSESSORS]
    for name, entry in {**ZOO, **ASSESSORS}.items():
        # Every tensor of these networks is trained but the filters of those that assess.
        tensors = entry.build().state_dict().values()
        assert rows[name]["parameters"] == sum(tensor.numel() for tensor in tensors)
    table = run("models").out
    assert all(f"\n{name} " in table for name in ZOO)
    rest = " ".join(table[table.index("Without weights") :].split())
    assert rest.endswith(f": {', '.join(UNTRAINED)}.")
    assert max(len(line) for line in table.splitlines() if "/" not in line) <= 80


def test_models_shows_one_network_with_its_card(run: Run) -> None:
    outcome = run("models", "fsrcnn-x3")
    said = " ".join(outcome.out.replace("\\\n", "").split())
    for word in re.findall(r"\w+", card_path("fsrcnn-x3").read_text()):
        assert word in said
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert not re.search(r"^#|\|---|```", outcome.out, re.MULTILINE)
    (command,) = re.findall(r"edge-imgq train (?:.*\\\n)*.*", outcome.out)
    assert " ".join(command.replace("\\\n", "").split()) in card_path("fsrcnn-x3").read_text()
    assert "espcn" not in outcome.out.split("PSNR:")[0]
    (row,) = json.loads(run("models", "fsrcnn-x3", "--json").out)
    assert row["name"] == "fsrcnn-x3"


def test_models_answers_a_name_that_is_not_there_with_the_nearest(run: Run) -> None:
    outcome = run("models", "fsrcnn-x9")
    assert (outcome.code, outcome.out) == (2, "")
    assert "There is no network 'fsrcnn-x9'. Did you mean 'fsrcnn-x2'" in outcome.err
    untrained = next(iter(UNTRAINED))
    assert f"{untrained} ships without weights" in run("models", untrained).err
