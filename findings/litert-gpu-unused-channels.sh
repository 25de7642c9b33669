#!/usr/bin/env bash
# LiteRT's GPU kernels make NaN of a quotient or logarithm of three channels, if a CONV_2D follows.
#
# ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.9.23; Python 3.11, Linux x86-64; Mesa's lavapipe
# (25.0.7) as the GPU, fetched with apt into the temporary folder, from the system's own mirror.
#
# An operator on an image of values between 0.5 and 1.5, where nothing is near an infinity, and a
# CONV_2D of 1x1 behind it, in the GPU kernels of the wheel (CompiledModel, WebGPU on Vulkan), all
# with is_fully_accelerated() true, beside LiteRT's CPU, where all is finite. DIV divides the image
# by its SQRT.
#
# The kernels evidently store channels in fours. The unused ones of 3 or 6 channels are 0, so there
# DIV is 0 / 0, RSQRT and LOG are infinite; the convolution reads them, its weights there are
# 0, and 0 times NaN or infinity is NaN: every value of its output. With 4 channels, with another
# operator (SQRT), or without the convolution, the same is right. float32 (enforce_f32) does not
# help.
#
# A good guess is that what is stored beside an image is never computed with, or that a finite
# network of finite values stays finite; 3 channels are what most images have.
#
# Seen (share of NaN, and the largest difference of the rest, in float32 and in float16):
#   channels  operators            NaN, difference
#          3  DIV    CONV_2D  100%    nan   100%    nan
#          3  RSQRT  CONV_2D  100%    nan   100%    nan
#          3  LOG    CONV_2D  100%    nan   100%    nan
#          6  DIV    CONV_2D  100%    nan   100%    nan
#          6  RSQRT  CONV_2D  100%    nan   100%    nan
#          6  LOG    CONV_2D  100%    nan   100%    nan
#          4  DIV    CONV_2D    0%  0.000     0%  0.001
#          4  RSQRT  CONV_2D    0%  0.000     0%  0.001
#          4  LOG    CONV_2D    0%  0.000     0%  0.001
#          3  DIV               0%  0.000     0%  0.001
#          3  SQRT   CONV_2D    0%  0.000     0%  0.001
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
cat > "$folder/quotients.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.options import GpuOptions, Options

RANDOM = np.random.default_rng(0)
Code, Kind = schema.BuiltinOperator, schema.BuiltinOptions
HEIGHT, WIDTH, OUTPUTS = 8, 10, 8


def filled(made, **fields):
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def file_of(shapes, constants, operators, output):
    """Return a .tflite file; operators are (code, inputs, output, kind of options, options)."""
    buffers, tensors = [schema.BufferT()], []
    for index, shape in enumerate(shapes):
        place = 0
        if index in constants:
            buffers.append(filled(schema.BufferT(), data=list(constants[index].tobytes())))
            place = len(buffers) - 1
        tensors.append(filled(schema.TensorT(), name=f"t{index}", shape=shape, buffer=place))
    codes = [
        filled(schema.OperatorCodeT(), builtinCode=c, deprecatedBuiltinCode=c, version=1)
        for c, *_ in operators
    ]
    made = [
        filled(
            schema.OperatorT(), opcodeIndex=index, inputs=inputs, outputs=[result],
            builtinOptionsType=kind, builtinOptions=options,
        )
        for index, (_, inputs, result, kind, options) in enumerate(operators)
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


def quotient(name, channels, convolved):
    """Return an operator on an image, and a convolution of 1x1 behind it."""
    image = [1, HEIGHT, WIDTH, channels]
    shapes = [image, image, image, [OUTPUTS, 1, 1, channels], [OUTPUTS]]
    shapes.append([1, HEIGHT, WIDTH, OUTPUTS])
    weights = RANDOM.normal(0, 0.3, shapes[3]).astype(np.float32)
    constants = {3: weights, 4: np.zeros(OUTPUTS, np.float32)}
    operators = {
        "DIV": [
            (Code.SQRT, [0], 1, Kind.NONE, None),
            (Code.DIV, [0, 1], 2, Kind.DivOptions, schema.DivOptionsT()),
        ],
        "RSQRT": [(Code.RSQRT, [0], 2, Kind.NONE, None)],
        "LOG": [(Code.LOG, [0], 2, Kind.NONE, None)],
        "SQRT": [(Code.SQRT, [0], 2, Kind.NONE, None)],
    }[name]
    if convolved:
        window = {"padding": 1, "strideW": 1, "strideH": 1}
        options = filled(schema.Conv2DOptionsT(), dilationWFactor=1, dilationHFactor=1, **window)
        operators.append((Code.CONV_2D, [2, 3, 4], 5, Kind.Conv2DOptions, options))
    return file_of(shapes, constants, operators, 5 if convolved else 2)


def share_of_nan(name, channels, convolved):
    """Print and return how much of the output is NaN, in float32 and in float16."""
    data = quotient(name, channels, convolved)
    image = RANDOM.uniform(0.5, 1.5, (1, HEIGHT, WIDTH, channels)).astype(np.float32)
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert np.isfinite(wanted).all()
    shares, words = [], []
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
        shares.append(float(np.isnan(values).mean()))
        off = np.abs(values - wanted)[~np.isnan(values)]
        words.append(f"{shares[-1]:5.0%} {off.max() if off.size else np.nan:6.3f}")
    print(f"{channels:8}  {name:6} {'CONV_2D' if convolved else '':8}" + "  ".join(words))
    return shares


print("channels  operators            NaN, difference")
wrong = [s for c in (3, 6) for n in ("DIV", "RSQRT", "LOG") for s in share_of_nan(n, c, True)]
right = [s for n in ("DIV", "RSQRT", "LOG") for s in share_of_nan(n, 4, True)]
right += [*share_of_nan("DIV", 3, False), *share_of_nan("SQRT", 3, True)]
assert max(right) == 0
sys.exit("one of them is right now" if min(wrong) < 1 else 0)
PYTHON
libraries=$(find "$folder/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
VK_ICD_FILENAMES="$folder/lavapipe.json" LD_LIBRARY_PATH="$libraries" \
    MESA_SHADER_CACHE_DIR="$folder/shaders" \
    "$folder/venv/bin/python" "$folder/quotients.py" 2> "$folder/log" \
    | { grep -v "^INFO" || true; } || { tail -3 "$folder/log"; exit 1; }
