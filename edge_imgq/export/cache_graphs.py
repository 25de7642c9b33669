"""Writes the kept graphs of all networks that ship anew: `python -m edge_imgq.export.cache_graphs`.

To be done after a change to an architecture, or to the version of torch.
"""

from __future__ import annotations

import onnx

from edge_imgq.export.onnx import weightless
from edge_imgq.models.zoo import ASSESSORS, ZOO, ZooEntry, graph_path


def kept_graph(entry: ZooEntry) -> onnx.ModelProto:
    """Return the graph of a network of the zoo, without weights, as torch traces it now."""
    network = entry.build().eval().requires_grad_(False)
    return weightless(network, entry.name, entry.contract)


def main() -> None:
    """Write all graphs."""
    for entry in (*ZOO.values(), *ASSESSORS.values()):
        path = graph_path(entry.name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(kept_graph(entry).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
