"""Numbers that a person sets reach a float file as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import helper

import edge_imgq as eiq
from edge_imgq.errors import UsageError
from edge_imgq.images.files import write_image
from tests.port_networks import IMAGE, write

WIDE = ("strength=vector:0..1000",)
PHOTO = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


@pytest.fixture
def scaling(tmp_path: Path) -> Path:
    """Return a network that multiplies the image by a number, after a mask of ones."""
    nodes = [
        helper.make_node("Mul", ["image", "mask"], ["m"]),
        helper.make_node("Mul", ["m", "strength"], ["out"]),
    ]
    ports = [IMAGE, ("mask", (1, 1, "h", "w")), ("strength", (1,))]
    return write(tmp_path / "scaling.onnx", nodes, ports, 3, {})


@pytest.mark.parametrize("number", [0.9, 3.0, 1.234])
def test_a_number_is_not_rounded_to_a_level_of_its_range(
    scaling: Path, tmp_path: Path, number: float
) -> None:
    mask = np.random.default_rng(1).integers(0, 256, (40, 56, 1), dtype=np.uint8)
    write_image(tmp_path / "mask.png", mask)
    settings = {"strength": number, "mask": str(tmp_path / "mask.png")}
    found = eiq.enhance(PHOTO, scaling, inputs=WIDE, settings=settings)
    feeds = {
        name: (pixels.transpose(2, 0, 1)[np.newaxis] / 255).astype(np.float32)
        for name, pixels in (("image", PHOTO), ("mask", mask))
    }
    session = onnxruntime.InferenceSession(scaling)
    (exact,) = session.run(None, {**feeds, "strength": np.array([number], np.float32)})
    wanted = np.clip(np.rint(exact[0].transpose(1, 2, 0) * 255), 0, 255)
    assert np.abs(found - wanted).max() <= 1
    assert (found != wanted).mean() < 0.01


def test_a_word_that_is_no_number_and_no_picture_is_told_with_its_input(scaling: Path) -> None:
    with pytest.raises(UsageError, match="--set mask=abc: 'abc' is neither a number nor a picture"):
        eiq.enhance(PHOTO, scaling, inputs=WIDE, settings={"strength": 1, "mask": "abc"})


def test_a_file_of_bytes_says_which_number_it_takes_instead(tmp_path: Path) -> None:
    scaled = helper.make_node("Mul", ["image", "strength"], ["out"])
    network = write(tmp_path / "n.onnx", [scaled], [IMAGE, ("strength", (1,))], 3, {})
    made = eiq.export(
        network, output=tmp_path, targets="tflite-int8", sizes=[(32, 32)], inputs=WIDE, bench=False
    )
    file = made["tflite-int8"].path
    write_image(tmp_path / "a.png", PHOTO)
    out = tmp_path / "out"

    def hints(model: object, number: float) -> tuple[str, ...]:
        settings = {"strength": number}
        inputs = WIDE if model is network else ()
        photo = tmp_path / "a.png"
        return eiq.enhance_files(photo, model, out, settings=settings, inputs=inputs).hints

    (said,) = hints(file, 3.0)
    assert "takes 'strength' in 255 steps of 0 to 1000: 3 becomes 3.922." in said
    assert hints(file, 500.0) == ()
    assert "3 becomes" not in " ".join(hints(network, 3.0))


def test_each_command_is_told_how_to_set_an_input(scaling: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Give it with --set") as asked:
        eiq.enhance(PHOTO, scaling)
    assert "--bind" in str(asked.value)
    (tmp_path / "set").mkdir()
    write_image(tmp_path / "set" / "a.png", PHOTO)
    with pytest.raises(UsageError, match=r"Give it with --set \(`settings` in Python\), or"):
        eiq.evaluate(scaling, tmp_path / "set", task="denoise")


def test_an_input_of_several_numbers_is_asked_for_with_how_many(tmp_path: Path) -> None:
    scaled = helper.make_node("Mul", ["image", "gains"], ["out"])
    network = write(tmp_path / "n.onnx", [scaled], [IMAGE, ("gains", (1, 3, 1, 1))], 3, {})
    with pytest.raises(UsageError, match=r"gains=NUMBER,… \(3 numbers, 0 to 1, or one for all\)"):
        eiq.enhance(PHOTO, network)
