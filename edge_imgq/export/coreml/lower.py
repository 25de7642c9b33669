"""Writing a network as a Core ML package: float16, or 8-bit weights and activations."""

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
"""The only passes of coremltools that run on our programs, beside its back end's own.

The graph comes here already optimised. The default pipeline would move scales and zero points
between `quantize`, `dequantize` and their neighbours, and take seconds. The first pass states the
size of transposed convolutions, as every converted model in the field does; the second stores equal
constants once.
"""


def save(network: Network, note: FileNote, path: Path) -> None:
    """Write a network as an ML Program with images at its edges.

    A float network becomes float16 for iOS 16, a quantized one int8 weights and activations
    for iOS 17. The same network and note give the same bytes.

    Args:
        network: one image in, one image out, static shapes.
        note: what the file says about itself.
        path: the package's folder, which must not exist; a failure leaves nothing behind.

    Raises:
        UnsupportedOperatorError: names every operation that has no form in Core ML.
        ModelError: a value does not fit in float16, or the network's ends are no images.
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
    """Return coremltools' model of a network, which lies in a draft package."""
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
    """Return coremltools' model of a MIL program, for the version that its `main` is written for.

    coremltools collects garbage meanwhile, which takes half a second where torch is loaded; what
    exists already is kept out of that.
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
    """Turn what coremltools raises about a program into a sentence."""
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
