"""Heading and overall verdict of a report, one line each."""

from __future__ import annotations

from edge_imgq.contract import ImageContract
from edge_imgq.report.drawing import large_count
from edge_imgq.report.report import Report
from edge_imgq.wording import count_of


def model_heading(name: str, contract: ImageContract, parameters: int) -> str:
    """Return a line on a model: "fsrcnn-x2: super-resolution ×2 on luma, 12.6 k parameters".

    Args:
        name: Name of the model.
        contract: Its task, scale, colour, and inputs and outputs other than images.
        parameters: Number of its parameters.
    """
    scale = "" if contract.scale == 1 else f" ×{contract.scale}"
    colour = "luma" if contract.colour == "y" else "RGB"
    ports = f" {contract.port_words}" if contract.port_words else ""
    size = f"{large_count(parameters)} parameters"
    return f"{name}: {contract.task}{scale} on {colour}{ports}, {size}"


def heading(report: Report) -> str:
    """Return the heading of a report, one line: the model and the version of edge-imgq."""
    words = model_heading(report.model, report.contract, report.parameters)
    return f"{words} (edge-imgq {report.version})"


def verdict(report: Report) -> str:
    """Return one line that counts the files within budget and names all others.

    Others are over budget, not written, not run, not measured or changed. It is not wrapped.
    """
    over = [target.target for target in report.targets if target.breaches]
    faults = {
        "over budget": over,
        "not written": [failed.target for failed in report.failed],
        **{words: [file.file for file in files] for words, files in report.unmeasured.items()},
        "changed since export": [changed.file for changed in report.changed_files],
    }
    said = [f"{words}: {', '.join(names)}" for words, names in faults.items() if names]
    within = count_of(len(report.targets) - len(over), "file")
    return "; ".join([f"{within} within budget", *said]) + "."
