"""Generate the contents of a bundle from its model files, both to write and to check it.

Facts that the files do not state are passed as `Facts`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, files_of, sha256_of
from edge_imgq.bundle import (
    app_code,
    contract,
    model_card,
    pixel_vectors,
    readme,
    sbom,
    tile_vectors,
)
from edge_imgq.bundle.contract import (
    AppContract,
    DriftContract,
    FileContract,
    ReceptiveFieldContract,
    TilingContract,
)
from edge_imgq.bundle.photo import sample_photo, to_netpbm
from edge_imgq.bundle.port_contract import PortedContract, is_ported, ported
from edge_imgq.bundle.read_file import colour_contract, file_contract
from edge_imgq.errors import ModelError
from edge_imgq.images.tiles import Tiling, run_tiled, tile_count
from edge_imgq.pipeline.bundle import reproduce_commands
from edge_imgq.pipeline.bundle.port_contents import port_files
from edge_imgq.pipeline.bundle.run_files import run_files
from edge_imgq.pipeline.check.measured_by_report import note_of
from edge_imgq.pipeline.progress import Watch
from edge_imgq.report.json_form import to_json
from edge_imgq.report.json_schema import schema_of
from edge_imgq.report.typed import plain
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.graph.receptive_field.receptive_field import ReceptiveField
    from edge_imgq.runtime.protocol import Session

    Pixels = NDArray[np.uint8]

MODELS = "models"
LOCK = "made-with.txt"
SCHEMA_FILE = "contract.schema.json"

NOT_MEASURED = Skipped("no report names the file")


@dataclass(frozen=True)
class Facts:
    """Facts that the files of a model do not state.

    Attributes:
        drifts: measured drift by target.
        measured_on: description of the evaluation images.
        measured_on_sha256: digest of the evaluation images.
        calibration: description of the calibration images.
        calibration_sha256: digest of the calibration images.
        author: stated author; "" for none.
        licence: stated licence of the weights; "" for none.
        model_version: stated version of the model; "" for none.
        warnings: the report's warnings about the network.
        card: model card in Markdown.
        lock: versions of the packages that made the files, as pip constraints.
        command: script that makes the bundle again.
    """

    drifts: Mapping[str, DriftContract | Skipped]
    measured_on: str
    measured_on_sha256: str
    calibration: str
    calibration_sha256: str
    author: str
    licence: str
    model_version: str
    warnings: tuple[str, ...]
    card: str
    lock: str
    command: str


@dataclass(frozen=True)
class Contents:
    """Contents of a bundle other than the model files.

    Attributes:
        contract: contract of the bundle.
        files: contents of each file, by path in the bundle.
    """

    contract: AppContract
    files: Mapping[str, bytes]


def contents(folder: Path, paths: Sequence[Path], facts: Facts, watch: Watch) -> Contents:
    """Make what a bundle has beside the model files: contract, code, texts and test vectors.

    Nothing is written. The model files are run for the test vectors.

    Args:
        folder: folder of the model files, with the float model in `reference/`.
        paths: model files.
        facts: facts that the files do not state.
        watch: called before each step.

    Raises:
        ModelError: a file is damaged, or was made from another float model.
    """
    reference = folder / REFERENCE_FOLDER / FLOAT_REFERENCE
    made, network = app_contract(reference, paths, facts), note_of(reference).contract
    models = model_files(folder, paths)
    data = model_card.data_sets(facts.card)
    if isinstance(made, PortedContract):
        own, names = port_files(made, network, paths, watch)
        photo = ""
    else:
        own, photo, names = _image_files(made, network.peak, paths, watch)
    folders = {name.partition("/")[0] for name in own} - {"vectors"}
    files = {
        contract.FILE: f"{to_json(plain(made))}\n".encode(),
        SCHEMA_FILE: contract_schema(type(made)),
        readme.FILE: readme.readme(made, photo, names, folders),
        model_card.FILE: facts.card.encode(),
        LOCK: facts.lock.encode(),
        reproduce_commands.FILE: facts.command.encode(),
        sbom.FILE: sbom.sbom(made, models, data, packages_of(facts.lock)),
        tile_vectors.FILE: tile_vectors.tile_vectors(_cuttings(made)),
        **own,
    }
    return Contents(made, files)


def _image_files(
    made: AppContract, peak: float, paths: Sequence[Path], watch: Watch
) -> tuple[dict[str, bytes], str, list[str]]:
    """Return test vectors and code by path, and the names of the photograph and the results."""
    photo = _photo(made)
    size = photo.shape[0], photo.shape[1]

    def run(file: FileContract, session: Session) -> Pixels | None:
        if tiling := tiling_for(size, file.tiling):
            return run_tiled(photo, session.run, made.scale, tiling, _ignore)
        return session.run(photo) if file.size in (None, size) else None

    results = dict(run_files(made, paths, run, watch))
    kind = "ppm" if photo.shape[2] == 3 else "pgm"
    vectors = {f"photo.{kind}": photo, **{f"{t}.{kind}": r for t, r in results.items()}}
    files = {
        pixel_vectors.FILE: pixel_vectors.pixel_vectors(),
        **app_code.app_code(made, peak),
        **{f"vectors/{name}": to_netpbm(pixels) for name, pixels in vectors.items()},
    }
    return files, f"photo.{kind}", [f"{target}.{kind}" for target in results]


def model_files(folder: Path, paths: Sequence[Path]) -> dict[str, bytes]:
    """Return the model files and the graphs they were made from, by path in the bundle.

    Paths are `models/<file>` and `models/reference/<graph>.onnx`; packages give several files.

    Args:
        folder: folder of the model files, with the graphs in `reference/`.
        paths: model files in it.

    Raises:
        ModelError: one of these graphs is missing, or a file is damaged.
    """
    files = {
        f"{MODELS}/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for path in paths
        for file in files_of(path)
    }
    graphs = {sha256_of(graph): graph for graph in (folder / REFERENCE_FOLDER).glob("*.onnx")}
    for path in paths:
        note = note_of(path)
        for digest in filter(None, (note.reference_sha256, note.quantized_sha256)):
            if digest not in graphs:
                raise ModelError(
                    f"{path} was made from a graph that {folder / REFERENCE_FOLDER} does not hold. "
                    "Export the model again."
                )
            graph = graphs[digest]
            files[f"{MODELS}/{REFERENCE_FOLDER}/{graph.name}"] = graph.read_bytes()
            original = note_of(graph).original_sha256
            if original in graphs:
                own = graphs[original]
                files[f"{MODELS}/{REFERENCE_FOLDER}/{own.name}"] = own.read_bytes()
    return files


def app_contract(reference: Path, paths: Sequence[Path], facts: Facts) -> AppContract:
    """Return the contract of files, read from the files and from the float model.

    Args:
        reference: path of the float ONNX model.
        paths: model files.
        facts: facts that the files do not state.

    Raises:
        ModelError: a file is damaged.
    """
    import onnx_ir as ir

    from edge_imgq.graph.receptive_field.receptive_field import receptive_field

    note, field = note_of(reference), receptive_field(ir.load(reference))
    files = [
        file_contract(
            path,
            f"{MODELS}/{path.name}",
            field,
            facts.drifts.get(note_of(path).target, NOT_MEASURED),
        )
        for path in paths
    ]
    made = AppContract(
        schema=contract.SCHEMA,
        model=note.model,
        edge_imgq=note.version,
        task=note.contract.task,
        scale=note.contract.scale,
        colour=colour_contract(note.contract),
        receptive_field=_field(field),
        reference_sha256=sha256_of(reference),
        measured_on=facts.measured_on,
        measured_on_sha256=facts.measured_on_sha256,
        calibration=facts.calibration,
        calibration_sha256=facts.calibration_sha256,
        author=facts.author,
        licence=facts.licence,
        model_version=facts.model_version,
        warnings=facts.warnings,
        files=tuple(sorted(files, key=lambda file: file.target)),
        port_choices=note.contract.port_choices,
    )
    return ported(made, note.contract) if is_ported(note.contract) else made


def contract_schema(kind: type[AppContract] = AppContract) -> bytes:
    """Return the JSON Schema of `contract.json`, for files with or without ports.

    It is indented JSON in UTF-8, with a line break at the end.
    """
    schema = schema_of(kind, "contract", contract.SCHEMA)
    return (json.dumps(schema, indent=1) + "\n").encode()


def packages_of(lock: str) -> dict[str, str]:
    """Return package → version from pip constraints.

    Comments and lines without "==" are left out.
    """
    pairs = (line.partition("==") for line in lock.splitlines() if not line.startswith("#"))
    return {name.strip(): version.strip() for name, separator, version in pairs if separator}


def tiling_for(size: tuple[int, int], tiling: TilingContract | Skipped) -> Tiling | None:
    """Return the tiling of an image with the fewest computed pixels; None to run it whole.

    `size` is (height, width). None also where `tiling` names no tile size.
    """
    if isinstance(tiling, Skipped) or not tiling.tiles:
        return None
    ways = [Tiling(tile, tiling.halo, tiling.multiple) for tile in tiling.tiles]
    return min(ways, key=lambda way: tile_count(size, way) * way.tile[0] * way.tile[1])


def _field(field: ReceptiveField) -> ReceptiveFieldContract | Skipped:
    if field.radius is None:
        return Skipped(field.reason)
    return ReceptiveFieldContract(field.radius, 2 * field.radius + 1, field.period)


def _cuttings(made: AppContract) -> list[tile_vectors.Cutting]:
    """Return test image sizes around the tile sizes of all files, without duplicates."""
    cuttings = [
        cutting
        for file in made.files
        if isinstance(file.tiling, TilingContract)
        for tile in file.tiling.tiles
        for cutting in tile_vectors.around(
            tile, file.tiling.halo, file.tiling.multiple, int(made.scale)
        )
    ]
    return list(dict.fromkeys(cuttings))


def _photo(made: AppContract) -> Pixels:
    """Return a test photograph: one pixel larger than the first tile, or of a file's fixed size."""
    channels = len(made.colour.channels)
    for file in made.files:
        if isinstance(file.tiling, TilingContract) and file.tiling.tiles:
            height, width = file.tiling.tiles[0]
            return sample_photo(height + 1, width + 1, channels)
    for file in made.files:
        if file.size is not None:
            return sample_photo(*file.size, channels)
    side = 64 * made.files[0].multiple
    return sample_photo(side, side, channels)


def _ignore(_done: int) -> None:
    pass
