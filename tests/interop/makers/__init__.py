# SPDX-License-Identifier: Apache-2.0
"""All makers, by the name of the format in the interop lines.  A module is
imported when one of its formats is asked for: torch alone takes two seconds."""
import importlib

WHERE = {
    "torch-zip": ("torch_files", "TorchZip"),
    "torch-legacy": ("torch_files", "TorchLegacy"),
    "torch-tar": ("torch_files", "TorchTar"),
    "torchscript": ("torch_script", "TorchScript"),
    "pickle-torch": ("torch_files", "PickleTorch"),
    "pickle-numpy": ("numpy_files", "PickleNumpy"),
    "paddle": ("numpy_files", "Paddle"),
    "npy": ("numpy_files", "Npy"),
    "npz": ("numpy_files", "Npz"),
    "joblib": ("numpy_files", "Joblib"),
    "safetensors": ("safetensors_files", "Safetensors"),
    "hf-index": ("safetensors_files", "HfIndex"),
    "gguf": ("gguf_files", "Gguf"),
    "flax": ("flax_files", "Flax"),
    "onnx": ("onnx_files", "Onnx"),
}


def maker(name):
    module, cls = WHERE[name]
    return getattr(importlib.import_module("makers." + module), cls)()
