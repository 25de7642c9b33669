"""Build the options of a device from the arguments of `verify` and `bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, as_path

if TYPE_CHECKING:
    from edge_imgq.devices.options import DeviceOptions


def device_options(
    delegate: str, benchmark_model: AnyPath | None, bisect: bool = False
) -> DeviceOptions:
    """Return the options of a device, after checking the delegate's name.

    Args:
        delegate: "xnnpack", "cpu", "gpu", "nnapi", or the path of a library on the device.
        benchmark_model: path of LiteRT's benchmark program, which is not looked for; None for none.
        bisect: True to compare GPU kernels operator by operator.

    Raises:
        UsageError: there is no such delegate.
    """
    from edge_imgq.devices.options import DeviceOptions
    from edge_imgq.devices.remote.benchmark_model import delegate_flags

    delegate_flags(delegate)  # refuses one that is not known
    return DeviceOptions(as_path(benchmark_model), delegate, bisect)
