"""The wheel carries all that it needs, and works with no checkout in sight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from edge_imgq.models.zoo import ZOO
from tests.conftest import CHECKOUT

pytestmark = pytest.mark.slow

STAGES = ("export", "quantize", "calibration_data")
MAX_WEIGHTS = 5_000_000


def pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    pip("wheel", *options, str(CHECKOUT))
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment that borrows this one's other packages."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (packages,) = folder.glob("lib/python*/site-packages")
    # A .pth file in a folder that is itself borrowed is not read, so the checkout stays hidden.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "edge-imgq"


def run(program: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [str(program), *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_recipes_weights_cards_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        weights = [archive.getinfo(f"edge_imgq/models/weights/{name}.safetensors") for name in ZOO]
    for stage in STAGES:
        for file in (CHECKOUT / stage).iterdir():
            assert f"edge_imgq/recipes/{stage}/{file.name}" in names
    assert {f"edge_imgq/models/cards/{name}.md" for name in ZOO} <= names
    assert sum(info.file_size for info in weights) <= MAX_WEIGHTS
    assert "edge_imgq/py.typed" in names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "benchmarks/", "docs/")) for name in names)


def test_every_program_template_and_schema_of_the_checkout_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    kinds = ("*.py", "*.j2", "*.json", "*.yml")
    found = [path for kind in kinds for path in CHECKOUT.glob(f"edge_imgq/**/{kind}")]
    files = {path.relative_to(CHECKOUT).as_posix() for path in found}
    assert files <= names


def test_the_installed_wheel_is_what_runs(program: Path, tmp_path: Path) -> None:
    python = program.parent / "python"
    code = "import edge_imgq; print(edge_imgq.__file__)"
    found = run(python, tmp_path, "-c", code).stdout.strip()
    assert Path(found).is_relative_to(program.parent.parent)


def test_the_installed_wheel_exports_with_what_it_carries(program: Path, tmp_path: Path) -> None:
    outcome = run(program, tmp_path, "export", "--target", "onnx-float", "--json")
    assert outcome.returncode == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    assert report["targets"][0]["conversion"]["equal"] == 1.0
    assert (tmp_path / "artifacts" / "fsrcnn-x2" / "onnx-float.onnx").is_file()


def test_the_installed_wheel_writes_its_recipes(program: Path, tmp_path: Path) -> None:
    outcome = run(program, tmp_path, "init")
    assert outcome.returncode == 0, outcome.stderr
    for stage in STAGES:
        for file in (CHECKOUT / stage).iterdir():
            assert (tmp_path / stage / file.name).read_bytes() == file.read_bytes()


SCRIPT = """
import edge_imgq as eiq

model = eiq.open("fsrcnn-x2")
result = eiq.export(model, targets="onnx-float", bench=False)
pixels = eiq.enhance(result.folder / "photo.png", result["onnx-float"])
print(result["onnx-float"].path, pixels.shape)
"""


def test_the_installed_wheel_is_imported_and_says_nothing_of_its_own(
    program: Path, tmp_path: Path
) -> None:
    from skimage import data, io

    folder = tmp_path / "artifacts" / "fsrcnn-x2"
    folder.mkdir(parents=True)
    io.imsave(folder / "photo.png", data.chelsea()[:40, :50])
    python = program.parent / "python"
    outcome = run(python, tmp_path, "-c", SCRIPT)
    assert outcome.stdout.split("\n")[0].endswith("onnx-float.onnx (80, 100, 3)"), outcome.stderr
    assert outcome.stderr == ""
