"""Setting up the software Vulkan driver, by stand-ins for apt's programs and a package's files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_imgq.devices.gpu import setup as gpu_setup
from edge_imgq.devices.gpu.setup import read_driver, set_up
from edge_imgq.errors import RuntimeUnavailableError

APT = """#!/bin/sh
# Knows Mesa {own}, and in its backports {newer}; "fetches" three packages.
echo "$*" >>"$FAKE_APT_LOG"
case "$*" in
*indextargets*) echo "Packages https://mirror.example/debian/ oldie main"
                echo "Packages https://other.example/tools/ oldie-tools main" ;;
*--simulate*oldie-backports*) echo "Inst mesa-vulkan-drivers ({newer} Debian:12 [amd64])" ;;
*--simulate*) echo "Inst mesa-vulkan-drivers ({own} Debian:12 [amd64])" ;;
*--download-only*)
  for word in "$@"; do case $word in Dir::Cache::archives=*) archives=${{word#*=}} ;; esac; done
  for name in libc6 libvulkan1 mesa-vulkan-drivers; do
    touch "$archives/${{name}}_1_amd64.deb"
  done ;;
esac
"""

DPKG_DEB = """#!/bin/sh
libraries="$3/usr/lib/x86_64-linux-gnu"; icd="$3/usr/share/vulkan/icd.d"
mkdir -p "$libraries" "$icd"
case "$2" in
*libc6_*) touch "$libraries/libc.so.6" ;;
*libvulkan1_*) touch "$libraries/libvulkan.so.1" ;;
*) touch "$libraries/libvulkan_lvp.so" "$libraries/libvulkan_radeon.so"
   echo '{"ICD": {"api_version": "1.4", "library_path": "libvulkan_lvp.so"}}' >"$icd/lvp_icd.json"
   echo '{"ICD": {"library_path": "libvulkan_radeon.so"}}' >"$icd/radeon_icd.json" ;;
esac
"""

Distribution = Callable[[str, str], Path]


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distribution:
    """Return what puts stand-ins for apt on the path, for a distribution with two Mesas."""

    def make(own: str, newer: str) -> Path:
        programs = tmp_path / "programs"
        programs.mkdir()
        texts = {
            "apt-get": APT.format(own=own, newer=newer),
            "dpkg-deb": DPKG_DEB,
            "dpkg": "#!/bin/sh\necho amd64\n",
        }
        for name, text in texts.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setenv("FAKE_APT_LOG", str(tmp_path / "log"))
        monkeypatch.setattr("platform.system", lambda: "Linux")
        monkeypatch.setattr(gpu_setup, "os_release", lambda: "ID=debian\nVERSION_CODENAME=oldie")
        monkeypatch.setattr(gpu_setup, "try_driver", lambda driver: None)
        return tmp_path / "log"

    return make


def test_an_old_mesa_is_passed_over_for_the_backports_of_the_same_mirror(
    distribution: Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = distribution("22.3.6-1+deb12u2", "25.0.7-2~bpo12+1")
    sources: list[str] = []
    fetch = gpu_setup.Apt.fetch

    def reading(apt: gpu_setup.Apt, *packages: str, release: str = "") -> None:
        (option,) = (o for o in apt.options if o.startswith("Dir::Etc::sourcelist="))
        sources.append(Path(option.partition("=")[2]).read_text())
        fetch(apt, *packages, release=release)

    monkeypatch.setattr(gpu_setup.Apt, "fetch", reading)
    folder = tmp_path / "cache" / "gpu"
    steps: list[str] = []
    driver = set_up(folder, steps.append)
    assert sources[0].endswith("deb https://mirror.example/debian/ oldie-backports main\n")
    assert "fetch Mesa 25.0.7-2~bpo12+1" in steps
    assert "-t oldie-backports install mesa-vulkan-drivers libvulkan1" in log.read_text()
    assert read_driver(folder) == driver
    manifest = json.loads((folder / "lavapipe.json").read_text())
    library = Path(manifest["ICD"]["library_path"])
    assert library.is_relative_to(folder)
    assert library.is_file()
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left == {"gpu.json", "lavapipe.json", "libvulkan_lvp.so", "libvulkan.so.1"}
    assert driver.environment["VK_ICD_FILENAMES"] == str(folder / "lavapipe.json")
    assert driver.environment["LD_LIBRARY_PATH"] == str(library.parent)


def test_a_new_mesa_is_taken_from_the_distribution(
    distribution: Distribution, tmp_path: Path
) -> None:
    log = distribution("25.2.8-0ubuntu1", "26.0.0")
    assert set_up(tmp_path / "gpu", lambda what: None).mesa == "25.2.8-0ubuntu1"
    assert "backports" not in log.read_text()


def test_where_all_are_too_old_it_says_what_is_needed_and_leaves_nothing(
    distribution: Distribution, tmp_path: Path
) -> None:
    distribution("20.3.5-1", "22.0.0-1~bpo11+1")
    said = r"need Mesa 25 or newer, and oldie has 20\.3\.5-1, its backports 22\.0\.0-1~bpo11\+1\. "
    with pytest.raises(RuntimeUnavailableError, match=said + r"Set up on Debian 12"):
        set_up(tmp_path / "cache" / "gpu", lambda what: None)
    assert not (tmp_path / "cache").exists()


def test_a_driver_that_does_not_run_leaves_nothing(
    distribution: Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution("25.0.7", "25.0.7")
    (tmp_path / "failing.py").write_text("import sys; sys.exit('the kernels are off')")
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_APT_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(gpu_setup, "WORKER", "failing")
    with pytest.raises(RuntimeUnavailableError, match="software Vulkan driver could not be set up"):
        set_up(tmp_path / "cache" / "gpu", lambda what: None)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("system", "said"), [("Darwin", "needs Linux, and this is Darwin"), ("Linux", "no apt-get")]
)
def test_a_machine_that_cannot_set_it_up_says_why(
    system: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(RuntimeUnavailableError, match=said):
        set_up(tmp_path / "gpu", print)


def test_what_is_not_whole_is_not_set_up(tmp_path: Path) -> None:
    assert read_driver(tmp_path) is None
    (tmp_path / "gpu.json").write_text('{"libraries": [], "manifest": "gone.json", "mesa": "25"}')
    assert read_driver(tmp_path) is None
