"""The table of networks that ship with edge-imgq."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.ports import Port
from edge_imgq.wording import did_you_mean

if TYPE_CHECKING:
    from torch import nn

Task = Literal["super-resolution", "photo-enhancement", "deblur", "jpeg", "denoise", "assessment"]


@dataclass(frozen=True)
class ZooEntry:
    """One network: task, image format and architecture.

    Attributes:
        name: Name on the command line, and of its weights and card.
        task: Image task.
        scale: Output height over input height.
        colour: "y" for one channel of BT.601 luma, "rgb" for three channels.
        multiple: Height and width of the input must be multiples of this.
        summary: One sentence for the list of models.
        architecture: Key of `edge_imgq.models.build.ARCHITECTURES`.
        options: Keyword arguments of the architecture.
        further: Inputs beside the image, whose channels the torch network takes after the image's.
        quantization: Keys of a quantization recipe that replace those of the recipes that ship
            (`edge_imgq.pipeline.shipped_scheme`).
    """

    name: str
    task: Task
    scale: int
    colour: Literal["y", "rgb"]
    multiple: int
    summary: str
    architecture: str
    options: dict[str, Any] = field(default_factory=dict)
    further: tuple[Port, ...] = ()
    quantization: dict[str, Any] = field(default_factory=dict)

    @property
    def contract(self) -> ImageContract:
        """What the network takes and returns; the peak is 1.0.

        For an assessor, the result is the vector `edge_imgq.models.measures.PORT`.
        """
        result = None
        if self.task == "assessment":
            from edge_imgq.models.measures import PORT

            result = PORT
        return ImageContract(
            self.task,
            self.scale,
            self.colour,
            multiple=self.multiple,
            result=result,
            further=self.further,
        )

    def build(self) -> nn.Module:
        """Build the network with initial weights; imports torch.

        On the CPU, in training mode; weights are drawn from torch's global generator.
        """
        from edge_imgq.models.build import ARCHITECTURES

        return ARCHITECTURES[self.architecture](**self.options)


VDSR_SLIM = "VDSR, 12 layers of 32 at the input's size"
TIMES = {2: "doubles", 3: "triples", 4: "quadruples"}


def _enlarging(
    family: str, scale: int, what: str, architecture: str, **options: object
) -> ZooEntry:
    """Return the entry of a super-resolution network on luma, for any image size."""
    return ZooEntry(
        name=f"{family}-x{scale}",
        task="super-resolution",
        scale=scale,
        colour="y",
        multiple=1,
        summary=f"{what}: {TIMES[scale]} width and height, on luma",
        architecture=architecture,
        options={"scale": scale, **options},
    )


def _by_name(*entries: ZooEntry) -> dict[str, ZooEntry]:
    return {entry.name: entry for entry in entries}


ZOO = _by_name(
    replace(
        _enlarging("fsrcnn", 2, "FSRCNN(56, 12, 4)", "fsrcnn"),
        quantization={"copies": "wider", "noise_for_time": 8.0},
    ),
    *(_enlarging("fsrcnn", scale, "FSRCNN(56, 12, 4)", "fsrcnn") for scale in (3, 4)),
    *(
        _enlarging(
            "fsrcnn-s", scale, "FSRCNN(32, 5, 1)", "fsrcnn", features=32, shrunk=5, mappings=1
        )
        for scale in TIMES
    ),
    *(_enlarging("espcn", scale, "ESPCN with ReLU", "espcn") for scale in TIMES),
    *(_enlarging("srcnn", scale, "SRCNN 9-5-5", "srcnn") for scale in TIMES),
    ZooEntry(
        name="abpn-x2",
        task="super-resolution",
        scale=2,
        colour="rgb",
        multiple=1,
        summary="ABPN, 32 channels wide: doubles width and height, on RGB, made for int8",
        architecture="abpn",
        options={"scale": 2},
    ),
    _enlarging("vdsr-slim", 2, VDSR_SLIM, "vdsr-slim"),
    ZooEntry(
        name="dped-slim",
        task="photo-enhancement",
        scale=1,
        colour="rgb",
        multiple=1,
        summary="DPED's residual network, 16 channels wide: corrects a phone's tone and colour",
        architecture="dped-slim",
    ),
    ZooEntry(
        name="dped-slim-iphone",
        task="photo-enhancement",
        scale=1,
        colour="rgb",
        multiple=2,
        summary="A residual network that sees the whole image, taught by DPED's for the iPhone",
        architecture="half-resolution",
        options={"width": 48, "blocks": 5, "channels": 3, "context": True},
    ),
    ZooEntry(
        name="deblur-slim",
        task="deblur",
        scale=1,
        colour="rgb",
        multiple=4,
        summary="A small encoder-decoder with pixel shuffle: reduces motion blur",
        architecture="deblur-slim",
        options={"blocks": 8},
    ),
    ZooEntry(
        name="jpeg-slim",
        task="jpeg",
        scale=1,
        colour="y",
        multiple=2,
        summary="A residual network at half resolution: removes JPEG artefacts, on luma",
        architecture="half-resolution",
        options={"width": 32, "blocks": 6},
    ),
    ZooEntry(
        name="denoise-slim",
        task="denoise",
        scale=1,
        colour="y",
        multiple=2,
        summary="A residual network at half resolution: removes Gaussian noise, on luma",
        architecture="half-resolution",
        options={"width": 32, "blocks": 8},
    ),
    ZooEntry(
        name="denoise-sigma",
        task="denoise",
        scale=1,
        colour="rgb",
        multiple=4,
        summary="A small U-net that is told the noise level: removes a camera's noise, on RGB",
        architecture="noise-level",
        further=(Port("sigma", "plane", 1, (0.0,), (50 / 255,)),),
    ),
)
"""Networks that ship with trained weights."""

UNTRAINED = _by_name(
    *(
        ZooEntry(
            name=f"deblur-slim-k{levels}",
            task="deblur",
            scale=1,
            colour="rgb",
            multiple=4 * 2 ** (levels - 1),
            summary=f"deblur-slim at {levels} sizes, coarse to fine: reduces motion blur",
            architecture="deblur-coarse-to-fine",
            options={"levels": levels},
        )
        for levels in (2, 3)
    ),
    *(_enlarging("vdsr", scale, "VDSR, 20 layers of 64 channels", "vdsr") for scale in TIMES),
    *(_enlarging("vdsr-slim", scale, VDSR_SLIM, "vdsr-slim") for scale in (3, 4)),
    ZooEntry(
        name="dped",
        task="photo-enhancement",
        scale=1,
        colour="rgb",
        multiple=1,
        summary="DPED's network as published, with instance normalisation",
        architecture="dped",
    ),
)
"""Networks that `edge-imgq train` can train and that ship without weights."""

ASSESSORS = _by_name(
    ZooEntry(
        name="assess-slim",
        task="assessment",
        scale=1,
        colour="rgb",
        multiple=8,
        summary="Convolutions and their means: what a photograph suffers from, and what repairs it",
        architecture="degradation",
        options={"of_crops": 9, "of_whole": 4},
    ),
)
"""Networks that return a vector instead of an image."""


def zoo_entry(name: str) -> ZooEntry:
    """Return the entry of a network by its exact name, with or without shipped weights.

    Raises:
        UsageError: It does not exist; the message lists similar names and all networks.
    """
    known = {**ZOO, **UNTRAINED, **ASSESSORS}
    if name in known:
        return known[name]
    zoo = ", ".join([*ZOO, *ASSESSORS])
    raise UsageError(f"There is no network '{name}'.{did_you_mean(name, known)} The zoo has {zoo}.")


def weights_path(name: str) -> Path:
    """Return the path of a network's trained weights (safetensors).

    The file does not exist for networks without weights.

    Raises:
        UsageError: There is no such network.
    """
    return shipped_file("weights", f"{zoo_entry(name).name}.safetensors")


def card_path(name: str) -> Path:
    """Return the path of a network's model card (Markdown).

    Raises:
        UsageError: There is no such network.
    """
    return shipped_file("cards", f"{zoo_entry(name).name}.md")


def graph_path(name: str) -> Path:
    """Return the path of a network's ONNX graph without weights (`edge_imgq.export.cached_graph`).

    The file need not exist. The name is not checked.
    """
    return shipped_file("graphs", f"{name}.onnx")


def load_network(name: str) -> nn.Module:
    """Build a network with its trained weights, in evaluation mode.

    It is on the CPU, and its weights require no gradients.

    Raises:
        UsageError: It does not exist, or ships without weights.
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


def shipped_file(folder: str, file: str) -> Path:
    """Return the path of `file` in a data folder of this package: "weights", "cards" or "graphs".

    The file need not exist.
    """
    return Path(str(resources.files("edge_imgq.models"))) / folder / file
