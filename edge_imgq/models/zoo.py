"""The table of networks that ship with edge-imgq."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edge_imgq.errors import ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

Task = Literal["super-resolution", "photo-enhancement", "deblur", "jpeg", "denoise"]


@dataclass(frozen=True)
class ZooEntry:
    """One network: what it is for and how its images look.

    Attributes:
        name: The name on the command line, and of its weights and card.
        task: What it does to an image.
        scale: How many times larger its output is.
        colour: "y" for one channel of BT.601 luma, "rgb" for three channels.
        multiple: Height and width of the input must divide by this.
        summary: One sentence for the list of models.
        build: Makes the network with its initial weights; imports torch.
    """

    name: str
    task: Task
    scale: int
    colour: Literal["y", "rgb"]
    multiple: int
    summary: str
    build: Callable[[], nn.Module]


TIMES = {2: "doubles", 3: "triples", 4: "quadruples"}


def _on_luma(name: str, what: str, scale: int, build: Callable[[], nn.Module]) -> ZooEntry:
    """A super-resolution network on luma; all of them take any size."""
    summary = f"{what}: {TIMES[scale]} width and height, on luma"
    return ZooEntry(f"{name}-x{scale}", "super-resolution", scale, "y", 1, summary, build)


def _fsrcnn(scale: int) -> ZooEntry:
    def build() -> nn.Module:
        from edge_imgq.models.fsrcnn import FSRCNN

        return FSRCNN(scale)

    return _on_luma("fsrcnn", "FSRCNN(56, 12, 4)", scale, build)


def _fsrcnn_s(scale: int) -> ZooEntry:
    def build() -> nn.Module:
        from edge_imgq.models.fsrcnn import FSRCNN

        return FSRCNN(scale, features=32, shrunk=5, mappings=1)

    return _on_luma("fsrcnn-s", "FSRCNN(32, 5, 1), a third of the size", scale, build)


def _espcn(scale: int) -> ZooEntry:
    def build() -> nn.Module:
        from edge_imgq.models.espcn import ESPCN

        return ESPCN(scale)

    return _on_luma("espcn", "ESPCN with ReLU", scale, build)


def _srcnn(scale: int) -> ZooEntry:
    def build() -> nn.Module:
        from edge_imgq.models.interpolated import srcnn

        return srcnn(scale)

    return _on_luma("srcnn", "SRCNN 9-5-5", scale, build)


def _vdsr(scale: int) -> ZooEntry:
    def build() -> nn.Module:
        from edge_imgq.models.interpolated import vdsr

        return vdsr(scale)

    return _on_luma("vdsr", "VDSR, 20 layers of 64 channels", scale, build)


def _vdsr_slim(scale: int) -> ZooEntry:
    def build() -> nn.Module:
        from edge_imgq.models.interpolated import vdsr

        return vdsr(scale, width=16, layers=10)

    return _on_luma("vdsr-slim", "VDSR, 10 layers of 16 channels", scale, build)


def _abpn_x2() -> nn.Module:
    from edge_imgq.models.abpn import AnchorNet

    return AnchorNet(scale=2)


def _jpeg_slim() -> nn.Module:
    from edge_imgq.models.residual import HalfResolutionResidual

    return HalfResolutionResidual(width=32, blocks=6)


def _denoise_slim() -> nn.Module:
    from edge_imgq.models.residual import HalfResolutionResidual

    return HalfResolutionResidual(width=32, blocks=6)


def _dped_slim() -> nn.Module:
    from edge_imgq.models.dped import SlimDPED

    return SlimDPED()


def _dped_slim_iphone() -> nn.Module:
    from edge_imgq.models.residual import HalfResolutionResidual

    return HalfResolutionResidual(width=48, blocks=5, channels=3)


def _dped() -> nn.Module:
    from edge_imgq.models.dped import DPED

    return DPED()


def _deblur_slim() -> nn.Module:
    from edge_imgq.models.deblur import SlimDeblur

    return SlimDeblur()


def _by_name(*entries: ZooEntry) -> dict[str, ZooEntry]:
    return {entry.name: entry for entry in entries}


ZOO = _by_name(
    _fsrcnn(2),
    _fsrcnn(3),
    _fsrcnn(4),
    ZooEntry(
        name="dped-slim",
        task="photo-enhancement",
        scale=1,
        colour="rgb",
        multiple=1,
        summary="DPED's residual network, 16 channels wide: corrects a phone's tone and colour",
        build=_dped_slim,
    ),
    ZooEntry(
        name="deblur-slim",
        task="deblur",
        scale=1,
        colour="rgb",
        multiple=4,
        summary="A small encoder-decoder with pixel shuffle: reduces motion blur",
        build=_deblur_slim,
    ),
    ZooEntry(
        name="jpeg-slim",
        task="jpeg",
        scale=1,
        colour="y",
        multiple=2,
        summary="A residual network at half resolution: removes JPEG artefacts, on luma",
        build=_jpeg_slim,
    ),
)
"""The networks that ship with trained weights."""

UNTRAINED = _by_name(
    *(_fsrcnn_s(scale) for scale in TIMES),
    *(_espcn(scale) for scale in TIMES),
    *(_srcnn(scale) for scale in TIMES),
    *(_vdsr_slim(scale) for scale in TIMES),
    *(_vdsr(scale) for scale in TIMES),
    ZooEntry(
        name="dped",
        task="photo-enhancement",
        scale=1,
        colour="rgb",
        multiple=1,
        summary="DPED's network as published, with instance normalisation",
        build=_dped,
    ),
    ZooEntry(
        name="dped-slim-iphone",
        task="photo-enhancement",
        scale=1,
        colour="rgb",
        multiple=2,
        summary="A residual network at half resolution, taught by DPED's network for the iPhone",
        build=_dped_slim_iphone,
    ),
    ZooEntry(
        name="abpn-x2",
        task="super-resolution",
        scale=2,
        colour="rgb",
        multiple=1,
        summary="ABPN, 32 channels wide: doubles width and height, on RGB, made for int8",
        build=_abpn_x2,
    ),
    ZooEntry(
        name="denoise-slim",
        task="denoise",
        scale=1,
        colour="y",
        multiple=2,
        summary="A residual network at half resolution: removes Gaussian noise, on luma",
        build=_denoise_slim,
    ),
)
"""Networks that `edge-imgq train` can train and that ship without weights."""


def zoo_entry(name: str) -> ZooEntry:
    """Return the network called `name`.

    Raises:
        UsageError: There is none; the message names the nearest one and all that exist.
    """
    known = {**ZOO, **UNTRAINED}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"There is no network {name!r}. {hint}The zoo has {', '.join(ZOO)}.")


def weights_path(name: str) -> Path:
    """Where the trained weights of a network lie (safetensors)."""
    return _beside("weights", f"{zoo_entry(name).name}.safetensors")


def card_path(name: str) -> Path:
    """Where the model card of a network lies (Markdown)."""
    return _beside("cards", f"{zoo_entry(name).name}.md")


def load_network(name: str) -> nn.Module:
    """Build a network of the zoo with its trained weights, in evaluation mode.

    Raises:
        UsageError: There is no such network, or it ships without weights.
        ModelError: Its weights are missing or do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if name in UNTRAINED:
        raise UsageError(
            f"{name} ships without weights. Train it with `edge-imgq train {name}` and name the "
            "checkpoint."
        )
    network, path = zoo_entry(name).build(), weights_path(name)
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"The weights of {name} in {path} cannot be used: {error}.") from error
    return network.eval().requires_grad_(False)


def _beside(folder: str, file: str) -> Path:
    """A file that ships in a folder beside this one; the package is always unpacked."""
    return Path(str(resources.files("edge_imgq.models"))) / folder / file
