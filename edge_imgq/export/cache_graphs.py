"""Regenerate the cached weightless graphs of the shipped networks.

Run `python -m edge_imgq.export.cache_graphs` after a change to an architecture or to the pinned
version of torch.
"""

from __future__ import annotations

import onnx

from edge_imgq.export.torch_network import weightless
from edge_imgq.models.zoo import ASSESSORS, ZOO, ZooEntry, graph_path


def cached_graph_of(entry: ZooEntry) -> onnx.ModelProto:
    """Trace a network of the zoo with the installed torch and return its graph without weights.

    Torch traces an untrained network in evaluation mode, from float32 (1, C, H, W) with open H and
    W; the graph does not depend on its weights.

    Raises:
        ModelError: torch cannot export the network.
        ValueError: the exporter folded a parameter into a constant.
    """
    network = entry.build().eval().requires_grad_(False)
    return weightless(network, entry.name, entry.contract)


def main() -> None:
    """Write the graph of every network and assessor of the zoo; existing files are overwritten.

    The files are those that `graph_path` names, `graphs/<network>.onnx` of this package's data.

    Raises:
        ModelError: torch cannot export a network.
    """
    for entry in (*ZOO.values(), *ASSESSORS.values()):
        path = graph_path(entry.name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(cached_graph_of(entry).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
