"""What tests of exports share."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edge_imgq.images.files import read_rgb
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a piece of each photograph that exports are measured on.

    The README's own commands, which are run as well, measure on the whole photographs.
    """
    folder = tmp_path_factory.mktemp("pieces")
    for image in read_manifest(default_manifest(Path("/nowhere"))):
        if image.split == "evaluation":
            piece = read_rgb(image_path(image))[80:272, 100:356]
            Image.fromarray(piece).save(folder / f"{image.name}.png")
    return folder
