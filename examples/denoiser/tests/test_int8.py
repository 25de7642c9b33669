"""The int8 files of the denoiser are near enough to it; one test for each target."""

from pathlib import Path

from edge_imgq.api.pytest_plugin import DriftCheck

MODEL = Path(__file__).parents[1] / "models" / "denoiser.onnx"


def test_int8_is_near_enough(edge_imgq: DriftCheck) -> None:
    """Each file stays within 40 dB of the float network."""
    edge_imgq.assert_no_drift(MODEL, fidelity_db=40, scheme="int8-fast", sizes=[(64, 96)])
