"""Weights for compact networks: each is trained for a few minutes, and kept.

A network of random weights says little of int8: its channels are alike. A few thousand steps give
it the loud and quiet channels, the gates and the norms of a network that does something.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.compact_networks import COMPACT, Compact
from edge_imgq.images.degrade import degrade_for
from edge_imgq.images.files import list_images, read_image
from edge_imgq.images.layout import to_nchw
from tests.families import compact as families

SEED = 4
BATCH = 4
SIDE = {"super-resolution": 24, "denoise": 48}
"""Height and width of patches of the input."""

RATE = 2e-3
"""Largest learning rate; it falls to nothing as a cosine does."""

MAX_GRADIENT = 0.5
"""Norm at which gradients are cut off: a network without norms may diverge at this rate."""


def trained(name: str, photographs: Path, seconds: float, folder: Path) -> Path:
    """Return the weights of a network, trained now unless they lie in a folder already.

    Args:
        name: key in COMPACT.
        photographs: a folder of images to learn from.
        seconds: of one processor's time that training takes.
        folder: of weights; a file is named for its network, the time and the code of networks.
    """
    path = weights_path(name, seconds, folder)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        weights = _train(name, COMPACT[name], photographs, seconds)
        unfinished = path.with_suffix(".part")
        torch.save(weights, unfinished)
        unfinished.rename(path)
    return path


def weights_path(name: str, seconds: float, folder: Path) -> Path:
    """Return where the weights of a network lie once it was trained.

    The name changes with the code of this file and of the networks, but for its format.
    """
    modules = (families, sys.modules[__name__])
    code = "".join(ast.dump(ast.parse(inspect.getsource(module))) for module in modules)
    digest = hashlib.sha256(code.encode()).hexdigest()[:8]
    return folder / f"{name}-{seconds:g}s-{digest}.pt"


def _train(name: str, compact: Compact, photographs: Path, seconds: float) -> dict[str, Tensor]:
    """Return the state of a network after some seconds of Adam on random patches."""
    torch.manual_seed(SEED)
    network = compact.build().train()
    optimizer = torch.optim.Adam(network.parameters(), RATE, betas=(0.9, 0.99))
    batches = _batches(compact, photographs)
    start, steps, running = time.process_time(), 0, 0.0
    while (share := (time.process_time() - start) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + np.cos(np.pi * share))
        given, wanted = next(batches)
        loss = F.l1_loss(network(given), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
        optimizer.step()
        steps += 1
        running = 0.99 * running + 0.01 * loss.item()
    print(f"{name}: {steps} steps, mean error {running:.4f}", file=sys.stderr, flush=True)
    return network.eval().state_dict()


def _batches(compact: Compact, photographs: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield patches and what they should become, degraded anew each time."""
    rng = np.random.default_rng(SEED)
    contract = compact.contract
    side = SIDE[compact.task]
    whole = side * compact.scale
    photos = [read_image(path, contract.colour) for path in list_images(photographs)]
    photos = [photo for photo in photos if min(photo.shape[:2]) >= whole]
    degrade = degrade_for(compact.task, compact.scale)
    while True:
        pairs = []
        for _ in range(BATCH):
            photo = photos[rng.integers(len(photos))]
            top, left = (int(rng.integers(length - whole + 1)) for length in photo.shape[:2])
            truth = np.rot90(photo[top : top + whole, left : left + whole], int(rng.integers(4)))
            truth = np.ascontiguousarray(truth[:, :: rng.choice((-1, 1))])
            pairs.append((to_nchw(degrade(truth, rng), 1.0), to_nchw(truth, 1.0)))
        given, wanted = zip(*pairs, strict=True)
        yield torch.from_numpy(np.concatenate(given)), torch.from_numpy(np.concatenate(wanted))
