"""Conversion of a network to a Core ML package: float16, or int8 weights and activations."""

from __future__ import annotations

import contextlib
import gc
import importlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_imgq.contract import FileNote
from edge_imgq.errors import EdgeImgqError, ModelError
from edge_imgq.export.coreml import package
from edge_imgq.export.coreml.program import (
    IMAGE,
    RESULT,
    build,
    check,
    input_names,
    output_names,
    returns_picture,
    takes_picture,
)
from edge_imgq.graph.network import Network
from edge_imgq.runtime.mil.silence import coremltools, silenced

PASSES = ["common::add_conv_transpose_output_shape", "common::const_deduplication"]
"""The coremltools passes that run on the program, in addition to those of its back end.

The graph is already optimised. The default pipeline would move scales and zero points between
`quantize`, `dequantize` and their neighbours, and take seconds. The first pass states the output
shape of transposed convolutions, as in every converted model; the second merges equal constants.
"""


def save(network: Network, note: FileNote, path: Path) -> None:
    """Write a network as an ML Program with image inputs and outputs, deterministically.

    A float network computes in float16 and needs iOS 16; a quantized one has int8 weights and
    activations and needs iOS 17. Images have 8-bit levels, 0 to 255.

    Args:
        network: (1, C, H, W) inputs and outputs of static shape.
        note: metadata to embed.
        path: folder of the package, which must not exist; removed on failure.

    Raises:
        UnsupportedOperatorError: lists every operation that Core ML cannot express.
        ModelError: a value exceeds float16, or inputs or outputs contradict the contract.
        OSError: the disk is full or the folder cannot be written.
    """
    check(network, note.contract)
    path.mkdir()
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".coreml-") as scratch:
            model = _convert(network, note, Path(scratch) / "draft.mlpackage")
            package.write(path, _described(model, note), _weights(model))
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def _convert(network: Network, note: FileNote, draft: Path) -> Any:
    """Convert a network with coremltools; the model's weights are in the `draft` package."""
    ct = coremltools()
    layout = ct.colorlayout.GRAYSCALE if note.contract.colour == "y" else ct.colorlayout.RGB
    with silenced(), _explained(note):
        program = build(network, note.contract)
        function = program.functions["main"]
        # `convert` hands output types to its other front ends only.
        if returns_picture(note.contract):
            gray = note.contract.result_channels == 1
            returned = ct.colorlayout.GRAYSCALE if gray else ct.colorlayout.RGB
            first = ct.ImageType(RESULT, color_layout=returned)
            others = [ct.TensorType(name) for name in output_names(note.contract)[1:]]
            function.set_output_types([first, *others])
        arrays = [
            ct.TensorType(name, shape=tensor.shape)
            for name, tensor in zip(input_names(network), network.inputs, strict=True)
        ]
        image = ct.ImageType(IMAGE, shape=network.inputs[0].shape, color_layout=layout)
        taken = image if takes_picture(note.contract) else arrays[0]
        return convert(program, inputs=[taken, *arrays[1:]], package_dir=str(draft))


def convert(program: Any, **settings: Any) -> Any:
    """Convert a MIL program with coremltools, for the version that its `main` function targets.

    Existing objects are frozen meanwhile, because coremltools collects garbage, which takes half a
    second if torch is loaded. Only coremltools' passes in PASSES run, and the model is not loaded.
    `settings` are further keyword arguments of `coremltools.convert`, whose result is returned.
    """
    ct = coremltools()
    gc.freeze()
    try:
        return ct.convert(
            program,
            convert_to="mlprogram",
            minimum_deployment_target=program.functions["main"].opset_version,
            pass_pipeline=ct.PassPipeline(pass_names=list(PASSES)),
            skip_model_load=True,
            **settings,
        )
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _explained(note: FileNote) -> Iterator[None]:
    """Convert exceptions of coremltools to ModelError."""
    try:
        yield
    except (EdgeImgqError, OSError):
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"coremltools cannot write {note.model} for {note.target}: {reason}"
        ) from error


def _described(model: Any, note: FileNote) -> Any:
    """Return the model's protobuf message with the note in its metadata."""
    models = importlib.import_module("coremltools.models.model")
    specification = model.get_spec()
    metadata = specification.description.metadata
    contract = note.contract
    stated = note.authorship
    metadata.author = stated.author or f"edge-imgq {note.version}"
    metadata.versionString = stated.version or note.version
    metadata.license = stated.licence
    metadata.shortDescription = (
        f"{note.model}, {contract.task} x{contract.scale}, written for target {note.target}"
    )
    # The date of conversion would make every export differ from the one before.
    metadata.userDefined.pop(models._METADATA_CONVERSION_DATE, None)
    for key, value in note.to_strings().items():
        metadata.userDefined[key] = value
    return specification


def _weights(model: Any) -> Path | None:
    return Path(model.weights_dir) if model.weights_dir else None
