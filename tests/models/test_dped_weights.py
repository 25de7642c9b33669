"""The weights that DPED's authors published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge_imgq.errors import ModelError
from edge_imgq.images.files import read_rgb
from edge_imgq.metrics.psnr import psnr
from edge_imgq.models.dped_weights import read_dped


def test_the_iphone_network_brings_iphone_patches_near_the_dslr(shared_data: Path) -> None:
    network = read_dped(shared_data / "DPED_official" / "iphone.npz")
    before, after = [], []
    for phone in sorted((shared_data / "DPED20" / "iphone_a").glob("phone_*.png")):
        pixels = read_rgb(phone)
        truth = read_rgb(phone.with_name(phone.name.replace("phone", "dslr")))
        image = torch.from_numpy(pixels.transpose(2, 0, 1)[None] / np.float32(255))
        with torch.inference_mode():
            output = network(image)[0].numpy().transpose(1, 2, 0)
        enhanced = np.clip(np.rint(output * 255), 0, 255).astype(np.uint8)
        before.append(psnr(truth, pixels))
        after.append(psnr(truth, enhanced))
    # A wrong order of the layers, or shift and scale swapped, gives less than the phone's picture.
    assert np.mean(after) > np.mean(before) + 5


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, W1=np.zeros((9, 9, 3, 64), np.float32))
    with pytest.raises(ModelError, match="does not hold the weights of DPED"):
        read_dped(path)
    with pytest.raises(ModelError, match="does not hold the weights of DPED"):
        read_dped(tmp_path / "gone.npz")
