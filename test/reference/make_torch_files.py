"""Writes test/models/torch-files: what torch.save makes of small state dicts, and their values as PyTorch reads them.

    python test/reference/make_torch_files.py        (PyTorch, NumPy)
"""

import argparse
import collections
import json
import pathlib

import numpy
import torch

OUT = pathlib.Path(__file__).parent.parent / "models" / "torch-files"
OUT.mkdir(exist_ok=True)
generator = torch.Generator().manual_seed(0)

state = collections.OrderedDict(
    [
        ("conv1.weight", torch.randn(4, 3, 2, 2, generator=generator)),
        ("fc.weight", torch.randn(3, 4, generator=generator)),
        ("fc.bias", torch.randn(3, generator=generator)),
        ("bn1.num_batches_tracked", torch.tensor(7)),
    ]
)
cast = lambda dtype: collections.OrderedDict((k, v.to(dtype) if v.is_floating_point() else v) for k, v in state.items())
base = torch.arange(24.0)
views = collections.OrderedDict(
    whole=base.view(4, 6), tail=base[12:], transposed=base.view(4, 6).t(), strided=base[::2], expanded=base[:3].view(3, 1).expand(3, 4), scalar=base[5]
)
linear = torch.nn.Linear(3, 2)
with torch.no_grad():
    linear.weight.copy_(torch.arange(6.0).view(2, 3))
    linear.bias.fill_(0.5)
beside = {
    "epoch": 3,
    "arch": "resnet18",
    "best_acc1": numpy.float64(91.5),
    "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("/tmp/x"), blob=b"\xff\x00", big=2**70, tags=("a", None, True)),
    "optimizer": {"state": {0: {"step": torch.tensor(1.0), "momentum_buffer": torch.zeros(4)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
}

files = {
    "ordered.pth": (state, {}),
    "dict.pt": (dict(state), {}),
    "legacy.pth": (state, {"_use_new_zipfile_serialization": False}),
    "protocol4.bin": (state, {"pickle_protocol": 4}),
    "half.pth": (cast(torch.float16), {}),
    "bf16.pth": (cast(torch.bfloat16), {}),
    "double.pth": (cast(torch.float64), {}),
    "views.pth": (views, {}),
    "legacy-views.pth": (views, {"_use_new_zipfile_serialization": False}),
    "parameters.pth": (dict(linear.named_parameters()), {}),
}
expected = {}
for name, (value, options) in files.items():
    torch.save(value, OUT / name, **options)
    loaded = torch.load(OUT / name, weights_only=False)
    expected[name] = {k: {"shape": list(v.shape), "values": v.detach().double().flatten().tolist()} for k, v in loaded.items()}
(OUT / "values.json").write_text(json.dumps(expected))

torch.save({**beside, "state_dict": collections.OrderedDict(("module." + k, v) for k, v in state.items())}, OUT / "checkpoint.pth.tar")
torch.save({"model": state, "model_ema": state.copy(), "epoch": 1}, OUT / "model-and-average.pth", _use_new_zipfile_serialization=False)
torch.save(linear, OUT / "whole-module.pth")
torch.jit.save(torch.jit.script(linear), str(OUT / "torchscript.pt"))
torch.save([1, 2], OUT / "list.pt")
