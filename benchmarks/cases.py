"""What every converter and quantizer is given: one network, the same images, as files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import onnxsim
import torch

from benchmarks import networks
from benchmarks.networks import BenchmarkNetwork
from edge_imgq.artifact import sha256_of
from edge_imgq.export.torch_network import export_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.images.layout import from_nchw, to_nchw, to_nhwc
from edge_imgq.images.samples import ImageSet, samples
from edge_imgq.pipeline.image_selection import calibration_images, evaluation_images
from edge_imgq.recipe.folders import PACKAGE
from edge_imgq.runtime.onnxruntime import inference_session
from tests.families import convert

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL, OPEN, PROGRAM, CALIBRATION = "model.onnx", "open.onnx", "network.pt2", "calibration.npy"
IMAGES, REFERENCE, SOURCES = "images.npy", "reference.npy", "sources.txt"


@dataclass(frozen=True)
class Case:
    """A network, and the folder of its files.

    Attributes:
        name: of the network.
        network: its row in the table.
        model: float ONNX, height and width open.
        folder: holds `model.onnx` (fixed size), `open.onnx`, `network.pt2` (the same for torch),
            `calibration.npy` (float32 (N, H, W, C) in [0, 1]), `images.npy` (uint8 (N, H, W, C))
            and `reference.npy` (what the float model makes of these, uint8).
        calibration: the calibration images as 8-bit (H, W, C).
        key: digest of the model and the calibration images; a file made from them depends on
            nothing else of the case.
    """

    name: str
    network: BenchmarkNetwork
    model: ir.Model
    folder: Path
    calibration: tuple[NDArray[np.uint8], ...]
    key: str


def case_of(name: str, network: BenchmarkNetwork, folder: Path) -> Case:
    """Return a network with its files in a folder, written unless the same code wrote them."""
    sources = _digest(network)
    done = folder / SOURCES
    if not done.is_file() or done.read_text() != sources:
        _write(name, network, folder)
        done.write_text(sources)
    levels = np.rint(np.load(folder / CALIBRATION) * 255).astype(np.uint8)
    key = sha256_of(folder / MODEL)[:16] + sha256_of(folder / CALIBRATION)[:16]
    return Case(name, network, ir.load(folder / OPEN), folder, tuple(levels), key)


def _digest(network: BenchmarkNetwork) -> str:
    """Digest the code that a network and its ONNX files come from."""
    ships = network.is_trained and network.weights is None
    families = PACKAGE / "models" if ships else Path(convert.__file__).parent
    files = [Path(networks.__file__), *(PACKAGE / "graph" / "load").glob("*.py")]
    files += [file for file in families.rglob("*.*") if file.suffix in (".py", ".safetensors")]
    files += [network.weights] if network.weights else []
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _write(name: str, network: BenchmarkNetwork, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    calibration = _read(calibration_images(None), network)
    image = torch.from_numpy(to_nchw(calibration[0], 1.0))
    module = network.with_weights(image)
    model = export_network(module, name, network.contract)
    simple, _ = onnxsim.simplify(ir.to_proto(bind_size(model, network.size)))
    fixed = simple.SerializeToString(deterministic=True)
    (folder / MODEL).write_bytes(fixed)
    ir.save(model, folder / OPEN)
    torch.export.save(torch.export.export(module, (image,)), folder / PROGRAM)
    np.save(folder / CALIBRATION, np.concatenate([to_nhwc(one, 1.0) for one in calibration]))
    images = _read(evaluation_images(None), network)
    np.save(folder / IMAGES, np.stack(images))
    enhance = reference(fixed)
    np.save(folder / REFERENCE, np.stack([enhance(one) for one in images]))


def reference(model: bytes) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return the float model as a function of 8-bit images."""
    session = inference_session(model, threads=1)
    entry = session.get_inputs()[0].name

    def enhance(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return from_nchw(session.run(None, {entry: to_nchw(pixels, 1.0)})[0], 1.0)

    return enhance


def _read(images: ImageSet, network: BenchmarkNetwork) -> tuple[NDArray[np.uint8], ...]:
    return tuple(
        sample.pixels for sample in samples(images, network.contract, network.size, smallest=1)
    )
