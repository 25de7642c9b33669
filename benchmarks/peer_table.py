"""The peers: what each is installed from, and which script of `benchmarks/peers` speaks to it."""

from __future__ import annotations

from dataclasses import dataclass

TENSORFLOW = "tensorflow-cpu==2.21.0"


@dataclass(frozen=True)
class Environment:
    """An environment of its own, made in `.venv-peers/`.

    Attributes:
        python: the interpreter that its packages need, as on the command line.
        requirements: what pip is asked for; the first names the version in tables.
    """

    python: str
    requirements: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version of the package that the environment is for."""
        return self.requirements[0].partition("==")[2]


@dataclass(frozen=True)
class Peer:
    """A converter of others.

    Attributes:
        environment: key in ENVIRONMENTS.
        script: file in `benchmarks/peers`.
        precisions: what it writes; of a quantizer, the ways to calibrate.
        base: the peer whose float file it starts from; "" where it starts from the network.
        suffix: of its files.
    """

    environment: str
    script: str
    precisions: tuple[str, ...] = ("float", "int8")
    base: str = ""
    suffix: str = ".tflite"


ENVIRONMENTS: dict[str, Environment] = {
    "tensorflow": Environment("python3.11", (TENSORFLOW, "onnx==1.23.2", "numpy==2.4.6")),
    "onnx2tf": Environment("python3.12", ("onnx2tf==2.6.9",)),
    # The CPU build of torch, where the index has it, is several gigabytes smaller.
    "litert-torch": Environment("python3.11", ("litert-torch==0.10.0", "torch==2.13.0")),
    "onnxsim": Environment("python3.11", ("onnxsim==0.8.1", "onnxruntime==1.31.1", TENSORFLOW)),
    "litert-quantizer": Environment("python3.11", ("litert-quantizer==0.11.0",)),
    "onnxruntime": Environment("python3.11", ("onnxruntime==1.31.1", "onnx==1.23.2")),
    "nncf": Environment("python3.11", ("nncf==3.4.0", "onnxruntime==1.32.0", "onnx==1.23.2")),
}

PEERS: dict[str, Peer] = {
    "tensorflow": Peer("tensorflow", "by_tensorflow.py"),
    "onnx2tf": Peer("onnx2tf", "by_onnx2tf.py"),
    "litert-torch": Peer("litert-torch", "by_litert_torch.py"),
    "onnxsim": Peer("onnxsim", "by_onnxsim.py"),
    "tensorflow+litert-quantizer": Peer(
        "litert-quantizer", "by_litert_quantizer.py", ("int8",), "tensorflow"
    ),
    "litert-torch+litert-quantizer": Peer(
        "litert-quantizer", "by_litert_quantizer.py", ("int8",), "litert-torch"
    ),
}
"""Name → peer; one that starts from another's file stands behind it."""

QUANTIZERS: dict[str, Peer] = {
    "onnxruntime": Peer(
        "onnxruntime", "by_onnxruntime.py", ("min-max", "entropy", "percentile"), suffix=".onnx"
    ),
    "onnxsim-ptq": Peer(
        "onnxsim", "by_onnxsim_ptq.py", ("min-max", "entropy", "mse"), suffix=".onnx"
    ),
    "nncf": Peer("nncf", "by_nncf.py", ("performance", "mixed"), suffix=".onnx"),
}
"""Quantizers that write ONNX; those of PEERS write int8 as well."""
