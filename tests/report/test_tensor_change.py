"""Which tensor is the first that a baseline has otherwise, in words."""

from __future__ import annotations

from edge_imgq.report.tensor_change import tensor_change

KNOWN = {
    "image": "uint8; scale 0.25",
    "w": "int8 4x1x3x3; values #11111111; scales #22222222",
    "out": "uint8; scale 0.5; zero point 7",
}


def test_the_first_tensor_is_named_with_what_moved() -> None:
    assert tensor_change("int8", KNOWN, KNOWN) == ""
    scales = {**KNOWN, "w": KNOWN["w"].replace("2", "3"), "out": "uint8; scale 0.6; zero point 7"}
    said = tensor_change("int8", KNOWN, scales)
    start = "int8: 2 of 3 tensors not as in the baseline, the first is"
    assert said == f"{start} 'w': other scales"
    out = tensor_change("int8", KNOWN, {**KNOWN, "out": "int8; scale 0.6"})
    assert out.endswith(
        "'out': int8 (was uint8), scale 0.6 (was scale 0.5), nothing (was zero point 7)"
    )


def test_tensors_that_are_new_or_gone_are_said_to_be() -> None:
    new = {"image": KNOWN["image"], "new": "uint8; scale 1.0", **KNOWN}
    assert tensor_change("int8", KNOWN, new).endswith("the first is 'new': which is new")
    fewer = {name: line for name, line in KNOWN.items() if name != "w"}
    assert tensor_change("int8", KNOWN, fewer) == "int8: 1 tensor less, 'w' first"
