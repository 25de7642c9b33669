"""The operators that have a form in Core ML, and the function that builds each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_imgq.export.coreml import activation, arithmetic, arrangement, convolution, window
from edge_imgq.export.coreml.arithmetic import accept
from edge_imgq.export.coreml.steps import Site
from edge_imgq.graph.network import REQUANTIZE, Operation


@dataclass(frozen=True)
class Form:
    """How one kind of operation is built.

    Attributes:
        build: returns the result, or one result per output.
        refuse: says why an operation of this kind cannot be built; None when it can.
        in_steps: whether the operator may count in units of its output's scale. It may when
            multiplying its inputs by a positive number multiplies its result by the same.
    """

    build: Callable[[Site], Any]
    refuse: Callable[[Operation], str | None] = accept
    in_steps: bool = True


FORMS: dict[str, Form] = {
    "Abs": Form(arithmetic.absolute),
    "Add": Form(arithmetic.add),
    "AveragePool": Form(window.average_pool, window.refuse_pool),
    "Clip": Form(activation.clip),
    "Concat": Form(arrangement.concat),
    "Conv": Form(convolution.conv, convolution.refuse_conv),
    "ConvTranspose": Form(convolution.conv_transpose, convolution.refuse_conv_transpose),
    "DepthToSpace": Form(arrangement.depth_to_space),
    "Div": Form(arithmetic.div),
    "Dropout": Form(arithmetic.identity),
    "Exp": Form(arithmetic.exponential, in_steps=False),
    "GlobalAveragePool": Form(window.global_average_pool),
    "HardSigmoid": Form(activation.hard_sigmoid, in_steps=False),
    "Identity": Form(arithmetic.identity),
    "LeakyRelu": Form(activation.leaky_relu),
    "Max": Form(arithmetic.maximum),
    "MaxPool": Form(window.max_pool, window.refuse_pool),
    "Min": Form(arithmetic.minimum),
    "Mul": Form(arithmetic.mul),
    "Neg": Form(arithmetic.negative),
    "PRelu": Form(activation.prelu, activation.refuse_prelu),
    "Pad": Form(arrangement.pad, arrangement.refuse_pad),
    "Relu": Form(activation.relu),
    REQUANTIZE: Form(arithmetic.identity),
    "Resize": Form(window.resize, window.refuse_resize),
    "Sigmoid": Form(activation.sigmoid, in_steps=False),
    "Slice": Form(arrangement.slice_, arrangement.refuse_slice),
    "SpaceToDepth": Form(arrangement.space_to_depth),
    "Split": Form(arrangement.split),
    "Sqrt": Form(arithmetic.square_root, in_steps=False),
    "Sub": Form(arithmetic.sub),
    "Tanh": Form(activation.tanh, in_steps=False),
}
