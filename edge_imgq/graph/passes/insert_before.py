"""Insertion of nodes before a node that is being decomposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import mark_float


@dataclass(frozen=True)
class NodeInserter:
    """Inserts nodes before one node; their names begin with that node's name.

    Attributes:
        graph: graph that contains the node.
        node: node that is being decomposed.
    """

    graph: ir.Graph
    node: ir.Node

    @property
    def source(self) -> ir.Value:
        """The node's first input."""
        value = self.node.inputs[0]
        assert value is not None
        return value

    def insert(
        self, kind: str, *inputs: ir.Value | None, like: ir.Value | None, **attributes: Any
    ) -> ir.Value:
        """Insert one node before the one that is being decomposed, and return its output.

        The node is named "<node>.<kind>" in lower case, with a number appended if that is taken.

        Args:
            kind: operator type.
            inputs: its inputs; None for an absent one.
            like: value whose shape the output gets; None to leave it unset. The output is float32.
            attributes: attributes as Python values.
        """
        name = f"{self.node.name}.{kind.lower()}"
        result = edit.insert_node(self.graph, self.node, kind, inputs, attributes, name)
        result.shape = None if like is None else like.shape
        return result

    def in_float(
        self, kind: str, *inputs: ir.Value | None, like: ir.Value | None, **attributes: Any
    ) -> ir.Value:
        """Insert a node before the decomposed one that computes in float even in an int8 graph.

        Its output is returned. It is named "<node>.<kind>" in lower case, with a number appended if
        that is taken.

        Args:
            kind: operator type.
            inputs: its inputs; None for an absent one.
            like: value whose shape the output gets; None to leave it unset. The output is float32.
            attributes: attributes as Python values.
        """
        result = self.insert(kind, *inputs, like=like, **attributes)
        mark_float(edit.producer(result))
        return result

    def constant(self, name: str, values: Any) -> ir.Value:
        """Add an initializer "<node>.<name>" and return its value.

        Dtype and shape are those of `values`; a number is appended to the name if it is taken.
        """
        return edit.add_constant(self.graph, f"{self.node.name}.{name}", values)
