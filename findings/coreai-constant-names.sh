#!/bin/bash
# coreai-core 1.0.0b3: the same program saved by two processes gives different bytes.
#
# A constant of some hundred bytes and more is stored behind the program, under a name that ends in
# a number: a hash that is seeded anew in every process. The names are part of main.mlirb, and with
# them the digest in main.hash; they are 18 to 20 digits long, so that even the length of the file
# differs. Small constants stand in the program, and a program of those alone is the same each time:
# so are two saves of one process. Builds that cache or sign a model by its digest never hit, and a
# test that saves twice in one process does not see it.
#
# A good guess is that only metadata.json differs, by its date. It does, too, and in the order of
# its keys. Constants that are made by DenseResourceElementsAttr.get_from_buffer keep the name that
# they are given there.
#
# Seen (digests of main.mlirb, each of two processes):
#   16 numbers    the same
#   4096 numbers  different
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q coreai-core==1.0.0b3 numpy==2.4.6
cat > "$work/save.py" <<'PYTHON'
import hashlib
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
from coreai import authoring as ai

count, path = int(sys.argv[1]), Path(sys.argv[2])
weights = np.random.default_rng(0).random((1, count), np.float32)


def main(x):
    return ai.broadcasting_mul(x, weights)


ends = ai.TensorType((1, count), np.float32, name="x"), ai.TensorType((1, count), np.float32)
main.__annotations__ = {"x": Annotated[ai.Value, ends[0]], "return": Annotated[ai.Value, ends[1]]}
module = ai.Module.create()
with module:
    ai.graph(main)
ai.AIProgram(module).save_asset(path)
print(hashlib.sha256((path / "main.mlirb").read_bytes()).hexdigest())
PYTHON
saved() { "$work/env/bin/python" "$work/save.py" "$1" "$work/m.aimodel"; }
few_one=$(saved 16) few_two=$(saved 16) many_one=$(saved 4096) many_two=$(saved 4096)
said() { [ "$1" = "$2" ] && echo "the same" || echo "different"; }
few=$(said "$few_one" "$few_two") many=$(said "$many_one" "$many_two")
echo "16 numbers    $few"
echo "4096 numbers  $many"
[ "$few" = "the same" ] && [ "$many" = "different" ]
