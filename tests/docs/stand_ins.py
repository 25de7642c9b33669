"""Small photographs, pairs and a manifest under the names that the pages use."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image
from skimage import data as skimage_data

from edge_imgq.images.files import read_rgb
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest

LEFT_OUT = {"chelsea", "camera"}
"""Photographs that are not needed: two are enough to evaluate on."""


def halved(photo: Image.Image) -> Image.Image:
    return photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BICUBIC)


def write_photos(folder: Path) -> None:
    """Cut small pieces out of the photographs of the manifest."""
    for name in ("photos", "pairs/input", "pairs/truth", "T91", "General100", "Set5", "small"):
        (folder / name).mkdir(parents=True)
    manifest = []
    for image in read_manifest(default_manifest(Path("/nowhere"))):
        if image.name in LEFT_OUT:
            continue
        photo = Image.fromarray(read_rgb(image_path(image))[100:196, 100:228])
        path = folder / "small" / f"{image.name}.png"
        photo.save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest.append(
            f'[[image]]\nname = "{image.name}"\nsource = "../small/{path.name}"\n'
            f'sha256 = "{digest}"\nlicence = "as before"\nsplit = "{image.split}"\n'
        )
        if image.split == "calibration":
            photo.save(folder / "photos" / path.name)
        else:
            photo.save(folder / "pairs" / "truth" / path.name)
            halved(photo).save(folder / "pairs" / "input" / path.name)
        for name in ("T91", "General100", "Set5"):
            photo.save(folder / name / path.name)
    (folder / "calibration_data").mkdir()
    (folder / "calibration_data" / "manifest.toml").write_text("\n".join(manifest))
    Image.fromarray(skimage_data.coffee()[100:260, 100:292]).save(folder / "photo.jpg")
    for camera in ("phone", "dslr"):
        (folder / camera).mkdir()
        scene = Image.fromarray(skimage_data.coffee()[:300, :400])
        scene.save(folder / camera / "scene.png")
