"""Emission of a network's tensors and operations to a .tflite file, in the file's layout.

Every lowering receives an `Emitter` and ends with a call of `emit`. The emitter handles constants,
requantization to a common scale, and fused or separate activations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.fused_clip import ClipOperator, clipping
from edge_imgq.export.tflite.layout import stored_operand, stored_shape, stored_values
from edge_imgq.export.tflite.lowering_options import DEFAULT_OPTIONS, LoweringOptions
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.export.tflite.writer import FileStore, FileWriter
from edge_imgq.graph.network import Quantization, Tensor
from edge_imgq.graph.read_network import same_quantization
from edge_imgq.kernels.xnnpack import FRACTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator
ONE = Quantization(np.ones(1, np.float32), np.zeros(1, np.int32), "int8")


class Emitter:
    """A file being written and the index of each network tensor in it.

    Attributes:
        allows_float: True while the current operation may have tensors without a scale.
        options: processor and constant types of the file.
        writer: collects tensors and operators.
    """

    def __init__(
        self,
        quantized: bool,
        options: LoweringOptions = DEFAULT_OPTIONS,
        store: FileStore | None = None,
    ) -> None:
        self.allows_float = not quantized
        self.options = options
        self.writer = FileWriter(store)
        self._index: dict[str, int] = {}

    def tensor(self, tensor: Tensor) -> int:
        """Return the index in the file of a network tensor, adding it on first use.

        It is stored in the file's layout: (N, C, H, W) as (N, H, W, C).

        Raises:
            RefusedError: it is float in an integer part of the file, or a constant beyond float16.
        """
        if tensor.name not in self._index:
            values = None if tensor.data is None else stored_values(tensor.data)
            shape = stored_shape(tensor.shape)
            self._index[tensor.name] = (
                self.writer.add_tensor(tensor.name, shape, "bool", None, values)
                if tensor.logical
                else self._add(tensor.name, shape, tensor.quantization, values)
            )
        return self._index[tensor.name]

    def operand(self, tensor: Tensor, rank: int) -> int:
        """Return the index of an operand that is broadcast against a tensor of `rank` axes in ONNX.

        A constant is reshaped to that rank, so that it broadcasts alike in the file's layout; one
        number does so at any rank.

        Raises:
            RefusedError: an activation of lower rank and several numbers is broadcast against an
                image, or as for `tensor`.
        """
        if tensor.data is None:
            if len(tensor.shape) != rank and math.prod(tensor.shape) > 1 and rank == 4:
                raise RefusedError(
                    f"its input '{tensor.name}' of rank {len(tensor.shape)} is broadcast "
                    "against an image. Reshape it to rank 4 in the model."
                )
            return self.tensor(tensor)
        values = stored_operand(tensor.data, rank)
        if tensor.logical:
            return self.writer.add_tensor(tensor.name, values.shape, "bool", None, values)
        return self._add(tensor.name, values.shape, tensor.quantization, values)

    def in_float32(self, constant: Tensor) -> int:
        """Add a constant as float32, even if other constants are float16; return its index.

        Its contents are real numbers, transposed from (N, C, H, W) to (N, H, W, C) at rank 4.
        """
        assert constant.data is not None
        values = stored_values(constant.data)
        return self.writer.add_tensor(constant.name, values.shape, "float32", None, values)

    def weights(self, tensor: Tensor, values: NDArray[Any], axis: int) -> int:
        """Add weights in an operator's axis order; return their index.

        Args:
            tensor: constant of the network, for its name and quantization.
            values: contents in the operator's axis order.
            axis: output channel axis of `values`.

        Raises:
            RefusedError: they are float in an integer part of the file, or exceed float16.
        """
        quantization = tensor.quantization
        if quantization is not None and quantization.axis is not None:
            quantization = Quantization(
                quantization.scale, quantization.zero_point, quantization.dtype, axis
            )
        return self._add(tensor.name, values.shape, quantization, np.ascontiguousarray(values))

    def numbers(self, values: Sequence[int] | Sequence[Sequence[int]], name: str) -> int:
        """Add an int32 constant, such as a shape, axes or paddings; return its index.

        Its shape is that of the nested sequence, and values are stored as given, so the caller
        orders them by the file's axes. `name` need not be unique.
        """
        array = np.asarray(values, np.int32)
        return self.writer.add_tensor(name, array.shape, "int32", None, array)

    def number(self, value: int, name: str) -> int:
        """Add an int32 constant of shape (), such as an axis; return its index.

        `name` need not be unique.
        """
        array = np.asarray(value, np.int32)
        return self.writer.add_tensor(name, (), "int32", None, array)

    def intermediate(
        self, name: str, shape: Sequence[int], quantization: Quantization | None
    ) -> int:
        """Add an activation that the network does not have; return its index.

        `shape` is in the file's layout; a quantization of None makes it float32.

        Raises:
            RefusedError: it is float in an integer part of the file.
        """
        return self._add(name, shape, quantization, None)

    def requantized(self, tensor: Tensor, quantization: Quantization | None) -> int:
        """Return the index of a tensor at the given scale and zero point, converted if they differ.

        If `quantization` is None or equal to the tensor's, nothing is added. A constant is rounded
        here, half to even, as ONNX's QuantizeLinear rounds. Else a QUANTIZE is added; but XNNPACK's
        int8-to-int8 QUANTIZE multiplies by a factor rounded to 1/256, an error of some per cent for
        small factors, so if the ratio of the scales is no multiple of 1/256, a MUL by one is added,
        whose factor is a float32 number.

        Raises:
            RefusedError: the tensor is float in an integer part of the file.
        """
        if quantization is None or same_quantization(tensor.quantization, quantization):
            return self.tensor(tensor)
        if tensor.data is not None:
            stored = stored_values(_in_integers(tensor, quantization))
            name = f"{tensor.name}/requantized"
            return self._add(name, stored_shape(tensor.shape), quantization, stored)
        index = self.intermediate(
            f"{tensor.name}/requantized", stored_shape(tensor.shape), quantization
        )
        source = self.tensor(tensor)
        own = tensor.quantization
        if own is None or own.dtype != quantization.dtype or _is_whole(own, quantization):
            self.writer.add_operator(Code.QUANTIZE, [source], [index], schema.QuantizeOptionsT())
        else:
            one = self._add("one", (), ONE, np.ones((), np.int8))
            self.writer.add_operator(Code.MUL, [source, one], [index], schema.MulOptionsT())
        return index

    def emit(
        self, operation: Operation, code: int, inputs: Sequence[int], options: Any = None
    ) -> None:
        """Add the operator that computes the operation's output, and its activation.

        `code` is the schema's BuiltinOperator, `inputs` are tensor indices, −1 for an absent one.
        `options`, the schema's table for the operator, gets the fused activation.

        Raises:
            RefusedError: the output is float in an integer part of the file.
        """
        output = operation.output
        rest = clipping(operation.activation, output.quantization)
        fuses = code != Code.TRANSPOSE_CONV or not self.options.gpu
        if fuses and hasattr(options, "fusedActivationFunction"):
            options.fusedActivationFunction, rest = rest.fused, rest.unfused
        target = self._stage(output, len(rest.operators))
        self.writer.add_operator(code, inputs, [target], options)
        self._follow(output, target, rest.operators)

    def clip(self, operation: Operation, source: int) -> None:
        """Clip tensor `source`, at the output's scale, to the operation's activation bounds.

        Bounds are real values. An integer output rounds each to its nearest level; a bound outside
        its range needs no operator. In float32 clipping is exact. If nothing is left to clip, no
        operator is added: the output is the tensor itself.

        Args:
            operation: gives the bounds (none if it has no activation) and the output.
            source: index in the file of a tensor with the output's stored shape and quantization.

        Raises:
            RefusedError: an operator is needed, and the output is float in an integer part of the
                file.
        """
        output = operation.output
        operators = clipping(operation.activation, output.quantization).operators
        if not operators:
            self._index[output.name] = source
        self._follow(output, source, operators)

    def _follow(self, output: Tensor, source: int, operators: Sequence[ClipOperator]) -> None:
        """Add the operators of a clipping in order, from `source` to `output`."""
        for done, (code, bound) in enumerate(operators, start=1):
            inputs, options = [source], None
            if bound is not None:
                inputs.append(self._scalar(f"{output.name}/bound", bound, output.quantization))
                options = schema.MaximumMinimumOptionsT()
            target = self._stage(output, len(operators) - done)
            self.writer.add_operator(code, inputs, [target], options)
            source = target

    def _stage(self, output: Tensor, remaining: int) -> int:
        """Return an operator's target: the output if none remains, else an intermediate tensor."""
        if not remaining:
            return self.tensor(output)
        name = f"{output.name}/before_{remaining}"
        return self.intermediate(name, stored_shape(output.shape), output.quantization)

    def _scalar(self, name: str, value: float, quantization: Quantization | None) -> int:
        if quantization is None:
            return self._add(name, (), None, np.asarray(value, np.float32))
        level = round(value / float(quantization.scale[0])) + int(quantization.zero_point[0])
        return self._add(name, (), quantization, np.asarray(level))

    def _add(
        self,
        name: str,
        shape: Sequence[int],
        quantization: Quantization | None,
        values: NDArray[Any] | None,
    ) -> int:
        if quantization is None and not self.allows_float:
            raise RefusedError(
                f"its tensor '{name}' has no scale, and an int8 file holds no float tensor. "
                "Quantize the model again so that every tensor of this operator is covered."
            )
        if (
            quantization is None
            and values is not None
            and values.size > 1
            and self.options.float16_weights
        ):
            return self._add_float16(name, values)
        dtype = "float32" if quantization is None else quantization.dtype
        return self.writer.add_tensor(name, shape, dtype, parameters(quantization), values)

    def _add_float16(self, name: str, values: NDArray[Any]) -> int:
        """Add a float constant as float16 and return its dequantized tensor.

        Raises:
            RefusedError: an element exceeds the range of float16.
        """
        if np.abs(values).max() > np.finfo(np.float16).max:
            raise RefusedError(f"its constant '{name}' holds numbers beyond the range of float16.")
        stored = self.writer.add_tensor(f"{name}/half", values.shape, "float16", None, values)
        index = self.writer.add_tensor(name, values.shape, "float32")
        self.writer.add_operator(Code.DEQUANTIZE, [stored], [index], schema.DequantizeOptionsT())
        return index


def _in_integers(constant: Tensor, quantization: Quantization) -> NDArray[Any]:
    """Quantize a constant to another scale and zero point."""
    assert constant.data is not None
    real, own = constant.data.astype(np.float32), constant.quantization
    if own is not None:
        real = (real - own.zero_point.astype(np.float32)) * own.scale
    whole = np.rint(real / quantization.scale) + quantization.zero_point
    limits = np.iinfo(quantization.dtype)
    stored: NDArray[Any] = whole.clip(limits.min, limits.max).astype(quantization.dtype)
    return stored


def _is_whole(one: Quantization, other: Quantization) -> bool:
    """Return True if the ratio of two scales is a multiple of 1/256, up to rounding."""
    ratio = float(one.scale[0]) / float(other.scale[0]) * FRACTIONS
    return abs(ratio - round(ratio)) < 1 / FRACTIONS


def parameters(quantization: Quantization | None) -> Any:
    """Convert a quantization to the schema's QuantizationParametersT; None for float.

    Scales are float32, zero points int64, one or one per channel along the quantized dimension.
    """
    if quantization is None:
        return None
    result = schema.QuantizationParametersT()
    result.scale = np.asarray(quantization.scale, np.float32).reshape(-1)
    result.zeroPoint = np.asarray(quantization.zero_point, np.int64).reshape(-1)
    result.quantizedDimension = quantization.axis or 0
    return result
