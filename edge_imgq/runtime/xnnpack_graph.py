"""Reader of the XNNPACK delegates in a .pte file."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

NOT_JSON = re.compile(rb"\b(inf|nan)\b")
"""Numbers in ExecuTorch's output that are not valid JSON."""

READS = re.compile(r"input\d*_id|filter_id|bias_id")
"""Options that hold input ids, in XNNPACK's order."""

INSIDE = 2**32 - 1
"""External id of a value internal to the graph; also the id of an absent input."""


@dataclass(frozen=True)
class XnnpackValue:
    """A tensor of the graph.

    Attributes:
        shape: (N, H, W, C) for images.
        dtype: XNNPACK's type name, e.g. "qint8".
        argument: index among the delegate's arguments; None for an internal value.
        key: key of a constant's named data; "" for a computed value.
    """

    shape: tuple[int, ...]
    dtype: str
    argument: int | None
    key: str


@dataclass(frozen=True)
class XnnpackNode:
    """An operator of the graph.

    Attributes:
        kind: XNNPACK's operator name.
        reads: input value ids, in XNNPACK's order.
        write: output value id.
        options: attributes by the names in ExecuTorch's schema.
    """

    kind: str
    reads: tuple[int, ...]
    write: int
    options: Mapping[str, Any]


@dataclass(frozen=True)
class XnnpackGraph:
    """The operators and tensors of a delegate.

    Attributes:
        nodes: operators in execution order.
        values: tensors by id.
    """

    nodes: tuple[XnnpackNode, ...]
    values: Mapping[int, XnnpackValue]


def read_graph(data: bytes) -> XnnpackGraph:
    """Parse the graph of an XNNPACK delegate in a .pte file, with the `flatc` of ExecuTorch.

    Args:
        data: bytes of the delegate, from its header on.

    Raises:
        ValueError: the header is damaged.
        LookupError, subprocess.CalledProcessError: the graph is damaged.
    """
    from executorch.backends.xnnpack.serialization.xnnpack_graph_serialize import XNNHeader

    header = XNNHeader.from_bytes(data[: XNNHeader.EXPECTED_LENGTH])
    begin = header.flatbuffer_offset
    graph = _decoded(data[begin : begin + header.flatbuffer_size])
    keys = [entry["named_key"] for entry in graph["constant_data"]]
    values = (_tensor(entry["xvalue_union"]) for entry in graph["xvalues"])
    return XnnpackGraph(
        nodes=tuple(map(_node, graph["xnodes"])),
        values={value["id_out"]: _value(value, keys) for value in values},
    )


def _decoded(graph: bytes) -> Any:
    """Convert a serialized graph to plain values with ExecuTorch's flatc."""
    from executorch.backends.xnnpack import serialization
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    schema = resources.files(serialization).joinpath("schema.fbs").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "schema.fbs").write_bytes(schema)
        (Path(folder) / "graph.bin").write_bytes(graph)
        _flatc_decompile(folder, f"{folder}/schema.fbs", f"{folder}/graph.bin", ["--raw-binary"])
        text = (Path(folder) / "graph.json").read_bytes()
    return json.loads(NOT_JSON.sub(lambda match: JSON_NUMBERS[match[0]], text))


JSON_NUMBERS = {b"inf": b"Infinity", b"nan": b"NaN"}


def _tensor(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the tensor of a quantized or unquantized value."""
    tensor: Mapping[str, Any] = value.get("tensor_value", value)
    return tensor


def _value(value: Mapping[str, Any], keys: list[str]) -> XnnpackValue:
    argument = value["external_id"]
    return XnnpackValue(
        shape=tuple(value["dims"]),
        dtype=value["datatype"].removeprefix("xnn_datatype_"),
        argument=None if argument == INSIDE else argument,
        key=keys[value["constant_buffer_idx"]],
    )


def _node(node: Mapping[str, Any]) -> XnnpackNode:
    options = node["xnode_union"]
    reads = (options[name] for name in options if READS.fullmatch(name))
    bounds = node.get("output_min_max") or {}
    return XnnpackNode(
        kind=node["xnode_union_type"].removeprefix("XNN"),
        reads=tuple(read for read in reads if read != INSIDE),
        write=options["output_id"],
        options={**options, **bounds},
    )
