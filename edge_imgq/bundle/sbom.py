"""Write the software bill of materials of a bundle: files, data sets and packages.

CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from edge_imgq.bundle.contract import AppContract
from edge_imgq.bundle.model_card import DataSet
from edge_imgq.skipped import Skipped

FILE = "bom.json"

VERSION = "1.6"

NAMESPACE = uuid.UUID("b1b0ad7e-8a0c-5d0a-9a51-5c4fd1a1c4d2")


def sbom(
    contract: AppContract,
    files: Mapping[str, bytes],
    data: tuple[DataSet, ...],
    packages: Mapping[str, str],
) -> bytes:
    """Return a bundle's software bill of materials as UTF-8 JSON, CycloneDX 1.6.

    It lists the files with their SHA-256, the data sets with their terms, and the packages. It has
    no timestamp, and a serial number from its contents: equal inputs give equal bytes.

    Args:
        contract: contract of the bundle.
        files: contents of the model files by path.
        data: data sets of the network.
        packages: package → version, of those that made the files.
    """
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    identity = json.dumps([contract.model, digests, dict(packages)], sort_keys=True)
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, identity)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [_tool(contract)]},
            "component": _model(contract, data),
        },
        "components": [
            *(_file(name, digest) for name, digest in digests.items()),
            *(_data(one) for one in data),
            *(_package(name, version) for name, version in sorted(packages.items())),
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _tool(contract: AppContract) -> dict[str, Any]:
    return {"type": "application", "name": "edge-imgq", "version": contract.edge_imgq}


def _model(contract: AppContract, data: tuple[DataSet, ...]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": contract.model,
        "hashes": [{"alg": "SHA-256", "content": contract.reference_sha256}],
        "modelCard": {
            "modelParameters": {
                "task": contract.task,
                "datasets": [{"ref": _reference(one)} for one in data],
            },
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    {
                        "type": "PSNR against the float model, dB",
                        "value": f"{file.drift.vs_float:.1f}",
                        "slice": file.target,
                    }
                    for file in contract.files
                    if not isinstance(file.drift, Skipped)
                ]
            },
        },
    }
    if contract.model_version:
        component["version"] = contract.model_version
    if contract.author:
        component["authors"] = [{"name": contract.author}]
    if contract.licence:
        component["licenses"] = [{"license": {"name": contract.licence}}]
    return component


def _file(name: str, digest: str) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"file:{name}",
        "name": name,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


def _data(one: DataSet) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": _reference(one),
        "name": one.name,
        "description": f"{one.used_for}; {one.images} images",
        "licenses": [{"license": {"name": one.terms}}],
    }


def _reference(one: DataSet) -> str:
    return f"data:{one.name}"


def _package(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    # Excluded: it made the files, and no app ships it.
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "scope": "excluded",
        "purl": purl,
    }
