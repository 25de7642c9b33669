#!/usr/bin/env bash
# LiteRT's GPU kernels pad with zeros whatever a PADV2 is to pad with, and read a constant as zeros.
#
# ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.9.23; Python 3.11, Linux x86-64; Mesa's lavapipe
# (25.0.7) as the GPU, fetched with apt into the temporary folder, from the system's own mirror.
#
# Six files, each on LiteRT's CPU and in the GPU kernels of the same wheel (CompiledModel, WebGPU on
# Vulkan), all with is_fully_accelerated() true:
#   PADV2 by 0.7, then CONV_2D: the border is computed as if it were padded with zeros. Alone, or
#     before an ADD of 0 and a CONV_2D, the same PADV2 is right: it is taken into the window behind
#     it, and what it pads with is not. A mean colour that is subtracted in a model, and folded into
#     its first convolution, is written so.
#   PADV2 by 0 of a negative image, then MAX_POOL_2D: the greatest of the border is no 0, because the
#     padding of a pool counts for nothing.
#   A float16 constant, its DEQUANTIZE, and a CONCATENATION to the image: zeros are joined where
#     float32 is enforced; in the kernels' own float16 the constant is right. In float32 in the file
#     it is right in both. So the mode that is there to find faults has one of its own.
#
# A good guess is that what is fused keeps its meaning, or is refused, and that more precise
# arithmetic cannot be the wrong one.
#
# Seen (largest difference in float32, the same in float16, and the largest value on the CPU):
#   PADV2 0.7, CONV_2D         2.204  2.206  3.098
#   PADV2 0, MAX_POOL_2D       1.593  1.593  1.447
#   float16, CONCATENATION     0.998  0.000  0.998
#   PADV2 0.7                  0.000  0.000  0.998
#   PADV2 0.7, ADD, CONV_2D    0.000  0.010  4.485
#   float32, CONCATENATION     0.000  0.000  0.998
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 numpy==2.4.6 flatbuffers==25.9.23
mkdir -p "$folder"/apt/{lists,archives}/partial "$folder/root"
touch "$folder/apt/status"
options=(
    -o APT::Sandbox::User= -o Debug::NoLocking=true -o "Dir::State::lists=$folder/apt/lists"
    -o "Dir::State::status=$folder/apt/status" -o "Dir::Cache::archives=$folder/apt/archives"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
)
own_apt() { apt-get "${options[@]}" -qq "$@"; }
own_apt update
release=()
version=$(own_apt -s install mesa-vulkan-drivers | sed -n 's/^Inst mesa-vulkan-drivers (\([0-9]*\).*/\1/p')
if [ "$version" -lt 25 ]; then  # too old for the kernels
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    archive=$(apt-get "${options[@]}" indextargets --format \
        '$(CREATED_BY) $(REPO_URI) $(CODENAME) $(COMPONENT)' \
        | awk -v c="$codename" '$1 == "Packages" && $3 == c && $4 == "main" && !n++ { print $2 }')
    echo "deb $archive $codename-backports main" > "$folder/apt/sources.list"
    options+=(-o "Dir::Etc::sourcelist=$folder/apt/sources.list")
    release=(-t "$codename-backports")
    own_apt update
fi
own_apt -y --no-install-recommends --download-only "${release[@]}" \
    install mesa-vulkan-drivers libvulkan1 > "$folder/apt/log"
for archive in "$folder"/apt/archives/*.deb; do
    case $(basename "$archive") in
        libc6_* | libstdc++6_* | libgcc-s1_*) ;;  # those of the process serve
        *) dpkg-deb -x "$archive" "$folder/root" ;;
    esac
done
driver=$(find "$folder/root" -name libvulkan_lvp.so)
echo "{\"ICD\": {\"api_version\": \"1.4\", \"library_path\": \"$driver\"}, \"file_format_version\": \"1.0.0\"}" \
    > "$folder/lavapipe.json"
cat > "$folder/padding.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.options import GpuOptions, Options

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.random((1, 8, 10, 8), dtype=np.float32)
Code, Kind = schema.BuiltinOperator, schema.BuiltinOptions
TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int32": schema.TensorType.INT32,
}
WINDOW = {"padding": 1, "strideW": 1, "strideH": 1}


def filled(made, **fields):
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def file_of(shapes, constants, operators, output):
    """Return a .tflite file; operators are (code, inputs, outputs, kind of options, options)."""
    buffers, tensors = [schema.BufferT()], []
    for index, shape in enumerate(shapes):
        values = constants.get(index)
        kind = schema.TensorType.FLOAT32
        if values is not None:
            buffers.append(filled(schema.BufferT(), data=list(values.tobytes())))
            kind = TYPES[str(values.dtype)]
        place = 0 if values is None else len(buffers) - 1
        tensors.append(
            filled(schema.TensorT(), name=f"t{index}", shape=shape, type=kind, buffer=place)
        )
    codes = [
        filled(schema.OperatorCodeT(), builtinCode=c, deprecatedBuiltinCode=c, version=1)
        for c, *_ in operators
    ]
    made = [
        filled(
            schema.OperatorT(), opcodeIndex=index, inputs=inputs, outputs=outputs,
            builtinOptionsType=kind, builtinOptions=options,
        )
        for index, (_, inputs, outputs, kind, options) in enumerate(operators)
    ]
    graph = filled(
        schema.SubGraphT(), tensors=tensors, inputs=[0], outputs=[output], operators=made
    )
    model = filled(
        schema.ModelT(), version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def padded(between, window, fill):
    """Return a PADV2, what stands between, and a window behind it."""
    pads = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    wide, narrow = [1, 10, 12, 8], [1, 8, 10, 8]
    shapes = [narrow, [4, 2], [], wide, [], wide, [8, 3, 3, 8], [8], narrow]
    weights = RANDOM.normal(0, 0.3, (8, 3, 3, 8)).astype(np.float32)
    constants = {
        1: pads, 2: np.array(fill, np.float32), 4: np.zeros((), np.float32),
        6: weights, 7: np.zeros(8, np.float32),
    }  # fmt: skip
    operators = [(Code.PADV2, [0, 1, 2], [3], Kind.PadV2Options, schema.PadV2OptionsT())]
    last = 3
    if between:
        operators.append((Code.ADD, [3, 4], [5], Kind.AddOptions, schema.AddOptionsT()))
        last = 5
    if window == "conv":
        options = filled(schema.Conv2DOptionsT(), dilationWFactor=1, dilationHFactor=1, **WINDOW)
        operators.append((Code.CONV_2D, [last, 6, 7], [8], Kind.Conv2DOptions, options))
        last = 8
    if window == "max":
        options = filled(schema.Pool2DOptionsT(), filterWidth=3, filterHeight=3, **WINDOW)
        operators.append((Code.MAX_POOL_2D, [last], [8], Kind.Pool2DOptions, options))
        last = 8
    return file_of(shapes, constants, operators, last)


def joined(half):
    """Return a constant joined to the image."""
    values = RANDOM.random((1, 8, 10, 2), dtype=np.float32)
    shapes = [[1, 8, 10, 8], [1, 8, 10, 2], [1, 8, 10, 2], [1, 8, 10, 10]]
    join = filled(schema.ConcatenationOptionsT(), axis=3)
    operators = [(Code.CONCATENATION, [0, 2], [3], Kind.ConcatenationOptions, join)]
    if not half:
        return file_of(shapes, {2: values}, operators, 3)
    read = (Code.DEQUANTIZE, [1], [2], Kind.DequantizeOptions, schema.DequantizeOptionsT())
    return file_of(shapes, {1: values.astype(np.float16)}, [read, *operators], 3)


def difference(name, data, image=IMAGE):
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    largest, found = float(np.abs(wanted).max()), []
    for in_float32 in (True, False):
        options = Options(
            hardware_accelerators=HardwareAccelerator.GPU | HardwareAccelerator.CPU,
            gpu_options=GpuOptions(enforce_f32=in_float32),
        )
        model = CompiledModel.from_buffer(data, options=options)
        assert model.is_fully_accelerated()
        inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
        inputs[0].write(image.ravel())
        model.run_by_index(0, inputs, outputs)
        values = outputs[0].read(wanted.size, np.float32).reshape(wanted.shape)
        found.append(float(np.abs(values - wanted).max()))
    print(f"{name:26} {found[0]:.3f}  {found[1]:.3f}  {largest:.3f}")
    return [off / largest for off in found]


wrong = [
    *difference("PADV2 0.7, CONV_2D", padded(False, "conv", 0.7)),
    *difference("PADV2 0, MAX_POOL_2D", padded(False, "max", 0.0), IMAGE - 2),
    difference("float16, CONCATENATION", joined(half=True))[0],
]
right = [
    *difference("PADV2 0.7", padded(False, "none", 0.7)),
    *difference("PADV2 0.7, ADD, CONV_2D", padded(True, "conv", 0.7)),
    *difference("float32, CONCATENATION", joined(half=False)),
]
assert max(right) < 0.01
sys.exit("one of them is right now" if min(wrong) < 0.1 else 0)
PYTHON
libraries=$(find "$folder/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
VK_ICD_FILENAMES="$folder/lavapipe.json" LD_LIBRARY_PATH="$libraries" \
    MESA_SHADER_CACHE_DIR="$folder/shaders" \
    "$folder/venv/bin/python" "$folder/padding.py" 2> "$folder/log" \
    | { grep -v "^INFO" || true; } || { tail -3 "$folder/log"; exit 1; }
