"""What every test may ask for."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edge_imgq.devices.gpu import device as gpu

CHECKOUT = Path(__file__).resolve().parent.parent

LONGEST = (
    "pipeline/test_zoo.py",
    "export/coreml/test_int8_node_cases.py",
    "export/coreml/test_coreml_node_cases.py",
    "export/tflite/test_int8_node_cases.py",
    "export/tflite/test_node_cases.py",
    "graph/load/test_opset.py",
    "docs/test_commands.py",
    "families/test_others.py",
    "train/test_processes.py",
    "cli/test_over_budget.py",
    "random_networks/test_random_coreml.py",
)
"""Files that take longest: they go first, so that processes which share the suite end together."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while thousands of tests are collected, nor later among what they are."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others keep their order."""
    first = {CHECKOUT / "tests" / file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the files among processes, those of ONNX's node cases together."""
    from tests.scheduling import NodeCasesTogether

    return NodeCasesTogether(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give this process and those that it starts a folder for temporary files, of its own."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        # torch's compiler, which its exporter imports, makes a folder there and leaves it.
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("compiler")))
        yield folder


@pytest.fixture(autouse=True)
def nothing_left_behind(temporary_folder: Path) -> Iterator[None]:
    """Fail a test that leaves files in the folder for temporary ones; `tmp_path` is for them.

    What a library removes when Python ends stays where pytest's workers end without that.
    """
    before = set(temporary_folder.iterdir())
    yield
    left = sorted(set(temporary_folder.iterdir()) - before)
    assert not left, (
        f"left in the folder for temporary files: {', '.join(path.name for path in left)}"
    )


@pytest.fixture(scope="session", autouse=True)
def no_gpu() -> Iterator[None]:
    """Let exports find no Vulkan driver, whatever this machine has: they would run on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu, "vulkan_drivers", lambda: ())
        yield


@contextmanager
def patches_of_small_images() -> Iterator[None]:
    """Let the quantizer learn from patches that fit into the small images of tests.

    Smaller images are mirrored until they fill a patch: six times the work on the same pixels. The
    few channels of small networks have their gains after fewer steps of descent, too.
    """
    from edge_imgq.quantize.calibration import patch_sampler
    from edge_imgq.quantize.steps import equalization

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patch_sampler, "SIDE", 32)
        patch.setattr(equalization, "STEPS", 50)
        yield


@pytest.fixture(scope="module")
def small_patches() -> Iterator[None]:
    """Quantize on small patches; what a whole session shares is made before and does so itself."""
    with patches_of_small_images():
        yield


@pytest.fixture(scope="session")
def torch_operators() -> Iterator[None]:
    """Let torch's exporter look up its operators once in a process, not half a second each time."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib))
        )
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of published image sets, which is not part of the project."""
    if "EDGE_IMGQ_DATA" not in os.environ:
        pytest.skip("no image sets: set EDGE_IMGQ_DATA to a folder with Set5, Set14, …")
    return Path(os.environ["EDGE_IMGQ_DATA"])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny network as a file."""
    import onnx

    from tests.small_models import tiny_model

    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    onnx.save(tiny_model(), path)
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `calibration/` and `evaluation/`: cuts of the manifest's photographs."""
    from PIL import Image

    from edge_imgq.images.files import read_rgb
    from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest

    folder = tmp_path_factory.mktemp("photos")
    for image in read_manifest(default_manifest(Path("/nowhere"))):
        (folder / image.split).mkdir(exist_ok=True)
        pixels = read_rgb(image_path(image))[100:160, 100:180]
        Image.fromarray(pixels).save(folder / image.split / f"{image.name}.png")
    return folder


@pytest.fixture(scope="session")
def exporting(tiny: Path, photos: Path) -> tuple[object, ...]:
    """Return the words of a quick export; `--output` is left to the test."""
    calibration, evaluation = photos / "calibration", photos / "evaluation"
    return (
        *("export", tiny, "--size", "48x64", "--target", "onnx", "tflite"),
        *("--calibration", calibration, "--images", evaluation),
    )


@pytest.fixture(scope="session")
def shared_export(exporting: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model's folder that `export` wrote; read it, do not change it."""
    from edge_imgq.cli.main import main

    output = tmp_path_factory.mktemp("artifacts")
    assert main([*map(str, exporting), "--output", str(output), "--json"]) in (0, 1)
    return output / "tiny"
