"""List the chips whose NPU a file can be compiled for ahead of time, and each vendor's compiler.

The compilers are the plugins of the package ai-edge-litert; each loads a library of the vendor's
SDK. Model names are those of LiteRT's tables (ai_edge_litert/aot/vendors).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vendor:
    """A maker of chips and the compiler plugin for its NPUs.

    Attributes:
        name: vendor, spelled as in LiteRT's compiler.
        plugin: the plugin's folder below ai_edge_litert/vendors, and its name in LiteRT.
        library: file name of the library that the plugin loads; it locates the SDK.
        variable: environment variable that names the SDK's folder.
        below: folders of the SDK, relative to its root, that may hold the library on x86-64 Linux.
        module: Python module of the package that brings the SDK for LiteRT.
        advice: where to get the SDK, as a sentence.
    """

    name: str
    plugin: str
    library: str
    variable: str
    below: tuple[str, ...]
    module: str
    advice: str


@dataclass(frozen=True)
class Chip:
    """A system on chip with an NPU.

    Attributes:
        vendor: maker of the chip.
        model: model, spelled as in LiteRT's compiler, e.g. "SM8750".
        name: commercial name, e.g. "Snapdragon 8 Elite".
        flags: flags of LiteRT's compiler for this chip, added to those of every chip.
    """

    vendor: Vendor
    model: str
    name: str
    flags: tuple[str, ...] = field(default=())

    @property
    def slug(self) -> str:
        """The model as it appears in names of targets and files, e.g. "sm8750"."""
        return self.model.lower().replace("_", "-")

    def __str__(self) -> str:
        """Return model and commercial name, e.g. "SM8750 (Snapdragon 8 Elite)"."""
        return f"{self.model.replace('_', ' ')} ({self.name})"


QUALCOMM = Vendor(
    name="Qualcomm",
    plugin="qualcomm",
    library="libQnnHtp.so",
    variable="QAIRT_SDK_ROOT",
    below=("lib/x86_64-linux-clang",),
    module="ai_edge_litert_sdk_qualcomm",
    advice="Run pip install 'onnxruntime-qnn>=2.7,<3', or unpack Qualcomm's AI "
    "Runtime SDK (QAIRT).",
)
MEDIATEK = Vendor(
    name="MediaTek",
    plugin="mediatek",
    library="libneuron_adapter.so",
    variable="NEUROPILOT_SDK_ROOT",
    below=("host/lib",),
    module="ai_edge_litert_sdk_mediatek",
    advice="pip install ai-edge-litert-sdk-mediatek downloads MediaTek's NeuroPilot SDK, or "
    "unpack it.",
)
GOOGLE = Vendor(
    name="Google",
    plugin="google_tensor",
    library="liblitert_plugin_compiler.so",
    variable="GOOGLE_TENSOR_COMPILER_LIB",
    below=("",),
    module="ai_edge_litert_sdk_google_tensor",
    advice="pip install ai-edge-litert-sdk-google-tensor downloads Google's Tensor ML SDK, or "
    "unpack it.",
)
SAMSUNG = Vendor(
    name="Samsung",
    plugin="samsung",
    library="libgraphgen_api.so",
    variable="EXYNOS_AI_LITECORE_ROOT",
    below=("lib/x86_64-linux",),
    module="ai_edge_litert_sdk_samsung",
    advice="Unpack Samsung's Exynos AI LiteCore SDK, from its site for developers.",
)

VENDORS = {"qualcomm": QUALCOMM, "mediatek": MEDIATEK, "google": GOOGLE, "samsung": SAMSUNG}
"""Vendor's name in recipes → vendor."""

NEUROPILOT_9 = ("--mediatek_sdk_version_type=version9",)

CHIPS: dict[str, Chip] = {
    "qualcomm:sm8350": Chip(QUALCOMM, "SM8350", "Snapdragon 888"),
    "qualcomm:sm8450": Chip(QUALCOMM, "SM8450", "Snapdragon 8 Gen 1"),
    "qualcomm:sm8475": Chip(QUALCOMM, "SM8475", "Snapdragon 8+ Gen 1"),
    "qualcomm:sm8550": Chip(QUALCOMM, "SM8550", "Snapdragon 8 Gen 2"),
    "qualcomm:sm8650": Chip(QUALCOMM, "SM8650", "Snapdragon 8 Gen 3"),
    "qualcomm:sm8750": Chip(QUALCOMM, "SM8750", "Snapdragon 8 Elite"),
    "qualcomm:sm8845": Chip(QUALCOMM, "SM8845", "Snapdragon 8 Gen 5"),
    "qualcomm:sm8850": Chip(QUALCOMM, "SM8850", "Snapdragon 8 Elite Gen 5"),
    "mediatek:mt6878": Chip(MEDIATEK, "MT6878", "Dimensity 7300"),
    "mediatek:mt6897": Chip(MEDIATEK, "MT6897", "Dimensity 8300"),
    "mediatek:mt6983": Chip(MEDIATEK, "MT6983", "Dimensity 9000"),
    "mediatek:mt6985": Chip(MEDIATEK, "MT6985", "Dimensity 9200"),
    "mediatek:mt6989": Chip(MEDIATEK, "MT6989", "Dimensity 9300"),
    "mediatek:mt6991": Chip(MEDIATEK, "MT6991", "Dimensity 9400"),
    "mediatek:mt6993": Chip(MEDIATEK, "MT6993", "Dimensity 9500", NEUROPILOT_9),
    "google:tensor-g3": Chip(GOOGLE, "Tensor_G3", "Pixel 8"),
    "google:tensor-g4": Chip(GOOGLE, "Tensor_G4", "Pixel 9"),
    "google:tensor-g5": Chip(GOOGLE, "Tensor_G5", "Pixel 10"),
    "samsung:e9965": Chip(SAMSUNG, "E9965", "Exynos 2600"),
}
"""Processor's name in recipes, "vendor:model" → chip."""


def chip_of(manufacturer: str, model: str) -> Chip:
    """Return the chip that a compiled file names; if unknown, a placeholder with its model name.

    Args:
        manufacturer: vendor, spelled as in LiteRT's compiler, such as "Qualcomm".
        model: model, such as "SM8750", in any case.
    """
    for chip in CHIPS.values():
        if (chip.vendor.name, chip.model.lower()) == (manufacturer, model.lower()):
            return chip
    vendors = {vendor.name: vendor for vendor in VENDORS.values()}
    unknown = Vendor(manufacturer, "", "", "", (), "", "")
    return Chip(vendors.get(manufacturer, unknown), model, "a chip that edge-imgq does not know")
