"""Digest of a graph's structure without its weights: equal for two checkpoints of one training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import onnx_ir as ir


def structure_sha256(model: ir.Model) -> str:
    """Return the SHA-256 of a graph without its weights, as 64 hexadecimal digits.

    It covers operators, the names of the values that they read and write, attributes, and names,
    types and shapes of constants. The contents of constants and of tensors in attributes do not
    count, nor do the names of nodes.
    """
    return hashlib.sha256("\n".join(_lines(model)).encode()).hexdigest()


def _lines(model: ir.Model) -> Iterator[str]:
    for name, value in sorted(model.graph.initializers.items()):
        yield f"{name} {value.dtype} {value.shape}"
    for node in model.graph:
        inputs = [value.name if value is not None else "" for value in node.inputs]
        outputs = [value.name for value in node.outputs]
        attributes = {name: _worth(entry) for name, entry in sorted(node.attributes.items())}
        yield f"{node.domain} {node.op_type} {inputs} {outputs} {attributes}"


def _worth(attribute: ir.Attr) -> str:
    """Return the value of an attribute as text; for a tensor only type and shape."""
    if attribute.type == ir.AttributeType.TENSOR:
        return f"{attribute.value.dtype} {attribute.value.shape}"
    return str(attribute.value)
