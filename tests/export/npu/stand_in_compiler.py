"""A stand-in for LiteRT's `apply_plugin_main`: its flags, its lines, and files of its form.

The bytecode of a compiled file is the plain file, which the stand-in for the emulator runs. What
goes wrong is named by the variable STAND_IN, of one chip or of all. The lines are those of
ai-edge-litert 2.3.0.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

FAILED = """\
     0.0ms [ ERROR ]   <E> unexpected GraphHtpSettings option 66
     0.0ms [ ERROR ]  graph_prepare.cc:211::ERROR:could not create op: q::ForceFormat_Crouton
     0.0ms [ ERROR ]  graph_prepare.cc:1878::ERROR:Op 0x65420000006b preparation failed with err:-1
ERROR: [apply_plugin.cc:455] ERROR: [litert/compiler/plugin/compiler_plugin.cc:504]"""


def main() -> int:
    """Compile as the variable says, and return the exit code."""
    parser = argparse.ArgumentParser()
    for name in ("cmd", "model", "o", "soc_manufacturer", "soc_model", "err", "libs"):
        parser.add_argument(f"--{name}", required=True)
    chosen = parser.parse_args()
    wrong, _, chip = os.environ.get("STAND_IN", "").partition(" ")
    wrong = wrong if chip in ("", chosen.soc_model) else ""
    Path(chosen.o).touch()
    if not any((Path(f) / "libQnnLpai.so").exists() for f in _loader_folders()):
        print("ERROR: [compiler_plugin.cc:259] libQnnLpai.so: cannot open shared object file")
        return 6
    plain = Path(chosen.model).read_bytes()
    model = schema.ModelT.InitFromPackedBuf(plain, 0)
    count = len(model.subgraphs[0].operators)
    left = {"partial": 1, "nothing": count}.get(wrong, 0)
    said = f"selected {count - left} ops, from a total of {count} ops. resulted in 1 partitions."
    print(f"INFO: [compiler_plugin.cc:742] Partitioned subgraph<0>, {said}")
    if wrong == "fails":
        print(FAILED)
        return 6
    if wrong == "crashes":
        sys.stdout.flush()
        os.abort()
    if left < count:
        _dispatch(model, count - left)
    _stamp(model, chosen.soc_manufacturer, chosen.soc_model)
    Path(chosen.o).write_bytes(_with_bytecode(model, plain))
    return 0


def _loader_folders() -> list[str]:
    return os.environ["LD_LIBRARY_PATH"].split(os.pathsep)


def _dispatch(model: Any, taken: int) -> None:
    """Put one DISPATCH_OP in the place of the first operators of a chain."""
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = "DISPATCH_OP", 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = graph.inputs, graph.operators[taken - 1].outputs
    graph.operators = [operator, *graph.operators[taken:]]


def _stamp(model: Any, maker: str, chip: str) -> None:
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(maker.encode().ljust(125, b"\0") + chip.encode().ljust(125, b"\0"))
    model.buffers.append(buffer)
    entry.name, entry.buffer = "LiteRtStamp", len(model.buffers) - 1
    model.metadata.append(entry)


def _with_bytecode(model: Any, bytecode: bytes) -> bytes:
    """Return a file with its bytecode behind it, and where that begins in the options."""
    start = 0
    while True:
        for operator in model.subgraphs[0].operators:
            code = model.operatorCodes[operator.opcodeIndex].customCode
            if code == "DISPATCH_OP":
                options = {"bytecode_offset": start, "bytecode_size": len(bytecode)}
                options["name"] = "qnn_partition_0"
                operator.customOptions = list(flexbuffers.Dumps(options))
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        data = bytes(builder.Output())
        if len(data) == start:
            return data + bytecode
        start = len(data)


if __name__ == "__main__":
    sys.exit(main())
