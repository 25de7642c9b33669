"""What a refusal tells a person to do."""

from __future__ import annotations

from edge_imgq.export.refusal import instead
from edge_imgq.graph.network import Operation


def operation(kind: str, **attributes: object) -> Operation:
    return Operation(kind, "node", (), (), attributes)


def test_an_einsum_is_told_by_its_equation() -> None:
    said = instead(operation("Einsum", equation="bii->bi"))
    assert said == (
        "write it with products, sums and transpositions in the model (its equation is 'bii->bi')"
    )
    assert instead(operation("Sinh")) == "write it with others in the model"
