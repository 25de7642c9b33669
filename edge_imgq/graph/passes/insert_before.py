"""Writing an operator out: the nodes that stand in its place are inserted before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import mark_float


@dataclass(frozen=True)
class NodeInserter:
    """A node that is written out; what is inserted bears its name.

    Attributes:
        graph: that holds it.
        node: itself.
    """

    graph: ir.Graph
    node: ir.Node

    @property
    def source(self) -> ir.Value:
        """Its first input."""
        value = self.node.inputs[0]
        assert value is not None
        return value

    def insert(
        self, kind: str, *inputs: ir.Value | None, like: ir.Value | None, **attributes: Any
    ) -> ir.Value:
        """Insert one node, of the shape of another value where that is given."""
        name = f"{self.node.name}.{kind.lower()}"
        result = edit.insert_node(self.graph, self.node, kind, inputs, attributes, name)
        result.shape = None if like is None else like.shape
        return result

    def in_float(
        self, kind: str, *inputs: ir.Value | None, like: ir.Value | None, **attributes: Any
    ) -> ir.Value:
        """Insert one node that is marked as float arithmetic."""
        result = self.insert(kind, *inputs, like=like, **attributes)
        mark_float(edit.maker(result))
        return result

    def constant(self, name: str, values: Any) -> ir.Value:
        """Add a constant."""
        return edit.add_constant(self.graph, f"{self.node.name}.{name}", values)
