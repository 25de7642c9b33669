"""`doctor` says which packages are there, and what to install."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from edge_imgq.skipped import Skipped
from tests.cli.conftest import Run


def test_doctor_finds_every_package_here(run: Run) -> None:
    outcome = run("doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(outcome.out)}
    assert outcome.code == 0
    assert findings["torch"]["state"] == "ok"
    assert findings["ai-edge-litert"]["detail"].startswith("2.")
    assert max(map(len, run("doctor").out.splitlines())) <= 80


def test_doctor_names_the_versions_of_optional_packages_that_the_extras_take() -> None:
    from edge_imgq.pipeline.doctor import PACKAGES

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = {name for names in project["optional-dependencies"].values() for name in names}
    assert {p.name + p.optional for p in PACKAGES if p.optional} <= extras


def test_doctor_says_whose_npus_files_are_compiled_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_imgq.chips import QUALCOMM, Vendor
    from edge_imgq.export.npu import sdk
    from edge_imgq.export.npu.sdk import Sdk

    def find(vendor: Vendor) -> Sdk | Skipped:
        return Sdk((), "a test") if vendor is QUALCOMM else Skipped("")

    monkeypatch.setattr(sdk, "find_sdk", find)
    finding = next(row for row in json.loads(run("doctor", "--json").out) if row["what"] == "NPUs")
    assert finding["state"] == "ok"
    assert finding["detail"] == (
        "compiled for Qualcomm (a test); no compiler for MediaTek, Google, Samsung"
    )
    monkeypatch.setattr(sdk, "find_sdk", lambda vendor: Skipped(f"Install {vendor.name}'s."))
    finding = next(row for row in json.loads(run("doctor", "--json").out) if row["what"] == "NPUs")
    assert finding["state"] == "absent"
    assert finding["advice"].splitlines() == [
        "Install Qualcomm's.", "Install MediaTek's.", "Install Google's.", "Install Samsung's.",
    ]  # fmt: skip
    monkeypatch.setattr(sdk, "find_sdk", lambda vendor: Skipped("Linux alone."))
    assert "NPUs: Linux alone.\n" in run("doctor").out


def test_doctor_names_a_missing_package_and_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_imgq.pipeline import doctor

    gone = doctor.Requirement("no-such-package", "nothing", "nothing")
    monkeypatch.setattr(doctor, "PACKAGES", (gone,))
    outcome = run("doctor")
    assert outcome.code == 7
    assert "no-such-package: pip install 'no-such-package'" in outcome.out
