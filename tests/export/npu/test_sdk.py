"""The table of chips, and where each vendor's compiler is looked for."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from edge_imgq.chips import CHIPS, QUALCOMM, VENDORS, Vendor, chip_of
from edge_imgq.export.npu import sdk
from edge_imgq.export.npu.compiler import litert_folder
from edge_imgq.export.npu.sdk import find_sdk
from edge_imgq.skipped import Skipped

TARGETS = {
    "qualcomm": "ai_edge_litert.aot.vendors.qualcomm.target",
    "mediatek": "ai_edge_litert.aot.vendors.mediatek.target",
    "google": "ai_edge_litert.aot.vendors.google_tensor.target",
    "samsung": "ai_edge_litert.aot.vendors.samsung.target",
}


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look as on Linux x86-64, with no SDK anywhere."""
    monkeypatch.setattr(sdk.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sdk.sys, "platform", "linux")
    monkeypatch.setattr(sdk, "find_spec", lambda name: None)
    for vendor in VENDORS.values():
        monkeypatch.delenv(vendor.variable, raising=False)


@pytest.mark.parametrize("name", CHIPS)
def test_litert_knows_each_chip_by_the_same_words(name: str) -> None:
    chip, maker = CHIPS[name], name.partition(":")[0]
    target = import_module(TARGETS[maker])
    assert chip.model in {model.value for model in target.SocModel}
    assert chip.vendor.name in {vendor.value for vendor in target.SocManufacturer}
    assert name == f"{maker}:{chip.slug}"
    assert chip_of(chip.vendor.name, chip.model) is chip
    assert chip_of(chip.vendor.name, chip.model.lower()) is chip


def test_litert_says_which_chip_wants_another_neuropilot() -> None:
    from ai_edge_litert.aot.vendors.mediatek.target import SocModel, map_soc_to_np_version

    for chip in CHIPS.values():
        if chip.vendor.plugin == "mediatek":
            asked = map_soc_to_np_version(SocModel(chip.model)) == "v9"
            assert bool(chip.flags) == asked


def test_a_chip_that_the_table_lacks_keeps_its_words() -> None:
    assert str(chip_of("Qualcomm", "SM1")) == "SM1 (a chip that edge-imgq does not know)"
    assert chip_of("Qualcomm", "SM1").vendor is QUALCOMM
    assert chip_of("Acme", "A1").vendor.name == "Acme"


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_the_plugin_of_each_vendor_is_in_the_package(vendor: Vendor) -> None:
    if sys.platform == "linux":
        folder = litert_folder() / "vendors" / vendor.plugin / "compiler"
        assert list(folder.glob("libLiteRtCompilerPlugin_*.so"))


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_without_an_sdk_it_says_what_to_get_and_where_to_name_it(vendor: Vendor) -> None:
    found = find_sdk(vendor)
    assert isinstance(found, Skipped)
    assert found.reason.startswith(f"{vendor.name}'s compiler, {vendor.library}, is not installed")
    assert vendor.advice in found.reason
    assert found.reason.endswith(f"{vendor.variable} names the folder of an SDK that was unpacked.")


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_the_variable_names_an_sdk(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(vendor.variable, str(tmp_path))
    found = find_sdk(vendor)
    assert isinstance(found, Skipped)
    assert f"{vendor.variable} names {tmp_path}, and there is no {vendor.library}" in found.reason
    folder = tmp_path / vendor.below[0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / vendor.library).touch()
    found = find_sdk(vendor)
    assert not isinstance(found, Skipped)
    assert found.folders == (folder,)
    assert found.stand_in is None


def test_of_several_versions_of_an_sdk_the_last_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("v8_0_10", "v9_0_3"):
        folder = tmp_path / version / "host" / "lib"
        folder.mkdir(parents=True)
        (folder / "libneuron_adapter.so").touch()
    monkeypatch.setenv("NEUROPILOT_SDK_ROOT", str(tmp_path))
    found = find_sdk(VENDORS["mediatek"])
    assert not isinstance(found, Skipped)
    assert found.folders == (tmp_path / "v9_0_3" / "host" / "lib",)


def test_the_package_of_an_sdk_is_taken_where_it_has_downloaded_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = VENDORS["google"]
    package = ModuleType(vendor.module)
    package.path_to_sdk_libs = lambda: tmp_path  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, vendor.module, package)
    monkeypatch.setattr(sdk, "find_spec", lambda name: name == vendor.module or None)
    assert isinstance(find_sdk(vendor), Skipped)
    (tmp_path / vendor.library).touch()
    found = find_sdk(vendor)
    assert not isinstance(found, Skipped)
    assert found.origin == "the package ai-edge-litert-sdk-google-tensor"


def test_elsewhere_than_on_linux_x86_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk.platform, "machine", lambda: "aarch64")
    assert find_sdk(QUALCOMM) == Skipped("LiteRT's compilers for NPUs run on Linux x86-64 alone.")
