#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the files of weights that the tests read and the fuzzers start from: make_weights.py <tests/fuzz/corpus>.

Run with two versions of PyTorch, it writes torch_<version>.pth for each; the files in the tree are by 1.13.1 and
2.13.0. What they hold is stated again in state_dict.test.cpp. With safetensors installed it writes that format too.
"""
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

corpus = Path(sys.argv[1])
new = not torch.__version__.startswith("1.")
version = "_".join(torch.__version__.split("+")[0].split(".")[:2])

types = ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool"]
types += ["complex64", "complex128"]
if new:
    types += ["uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"]
everything = OrderedDict()
for name in types:
    values = torch.arange(6).remainder(2 if name == "bool" else 6)
    everything["type." + name] = values.float().to(getattr(torch, name)).reshape(2, 3)
shared = torch.arange(60.0).reshape(3, 4, 5)
everything["transposed"] = shared.transpose(0, 2)
everything["slice"] = shared[1:, ::2, 1]
everything["expanded"] = torch.tensor([1.0, 2.0]).reshape(2, 1).expand(2, 3)
everything["scalar"] = torch.tensor(3.5)
everything["empty"] = torch.zeros(0, 3)
everything["parameter"] = torch.nn.Parameter(torch.ones(2))
everything["shared"] = shared
torch.save(everything, corpus / "pth" / f"torch_{version}.pth")

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
if new:
    torch.serialization.set_crc32_options(False)
    torch.save(net.state_dict(), corpus / "pth" / "no_checksum.pth", pickle_protocol=4)
else:
    checkpoint = {
        "model": net.state_dict(), "epoch": 3, "rate": 0.1, "name": "x", "none": None, "flag": True, "big": 2**70,
        "negative": -5, "list": [1, (2, torch.ones(2))],
        "optimizer": torch.optim.SGD(net.parameters(), 0.1, momentum=0.9).state_dict(),
    }
    torch.save(checkpoint, corpus / "pth" / "checkpoint.pth")
    torch.save(net.state_dict(), corpus / "pth" / "legacy.pth", _use_new_zipfile_serialization=False)

if new:
    # What training scripts save beside the weights; none of it is read, and none of it may be run.
    import argparse
    import collections
    import datetime
    import enum

    import numpy

    class Mode(enum.Enum):
        FAST = 1

    class Tagged(torch.Tensor):
        pass

    foreign = {
        "args": argparse.Namespace(lr=0.1, layers=[1, 2], path=Path("runs")), "best": numpy.float64(0.75),
        "scores": numpy.arange(6.0).reshape(2, 3), "device": torch.device("cpu"), "dtype": torch.float16,
        "when": datetime.datetime(2024, 1, 2), "mode": Mode.FAST, "bytes": b"abc", "array": bytearray(b"abc"),
        "set": {1, 2}, "frozen": frozenset({3}), "complex": 1 + 2j, "range": range(3), "huge": 2**3000,
        "counts": collections.Counter("aab"), "keys": {(1, 2): 3, 0.5: 4, None: 5},
        "groups": collections.defaultdict(list, {"weight": torch.arange(3.0)}), "last": torch.ones(2),
        "tagged": torch.ones(2).as_subclass(Tagged),
    }
    for protocol in 2, 4:
        torch.save({**foreign, "state_dict": net.state_dict()}, corpus / "pth" / f"foreign_{protocol}.pth",
                   pickle_protocol=protocol)

for path in sorted((corpus / "pth").glob("*.pth")):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.getinfo(path.stem + "/data.pkl").CRC = None  # zipfile would compare the zeros of no_checksum
            (corpus / "pickle" / (path.stem + ".pkl")).write_bytes(archive.read(path.stem + "/data.pkl"))

try:
    from safetensors.torch import save_file
except ImportError:
    print("no safetensors, so no file of that format")
else:
    plain = {name: t.detach().clone().contiguous() for name, t in everything.items() if "complex128" not in name}
    save_file(plain, corpus / "safetensors" / "everything.safetensors", metadata={"format": "pt"})
