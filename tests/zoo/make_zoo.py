#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the zoo: torchvision's classifier families as TorchScript files, for the tests.

usage: make_zoo.py FOLDER

Random weights of fixed seeds, in float64 and in evaluation mode. Batch normalisation holds the statistics
of random images, moved off them, and every bias is perturbed, so that no term of a network is zero. Beside
each file lie an input and the output that PyTorch gives for it (.npy); index.json lists all. What is already
there is kept when this script, torch and torchvision are the same. Without torchvision it says SKIPPED.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import warnings

CLASSES = 10
IMAGES = 2


def alexnet(models):
    net = models.alexnet(num_classes=CLASSES)
    narrow(net.classifier, 256)
    return net


def vgg(models, batch_norm):
    from torchvision.models.vgg import VGG, make_layers

    widths = [32, "M", 64, "M", 128, 128, "M", 256, 256, "M", 256, 256, "M"]
    net = VGG(make_layers(widths, batch_norm=batch_norm), num_classes=CLASSES, init_weights=False)
    narrow(net.classifier, 256, inputs=256 * 7 * 7)
    return net


def densenet(models):
    return models.DenseNet(growth_rate=16, block_config=(6, 12, 24, 16), num_init_features=32,
                           num_classes=CLASSES)


def googlenet(models):
    return models.googlenet(num_classes=CLASSES, aux_logits=False, init_weights=False)


def convnext(models):
    from torchvision.models.convnext import CNBlockConfig

    sizes = [48, 96, 192, 384, None]
    stages = [CNBlockConfig(a, b, depth) for a, b, depth in zip(sizes, sizes[1:], (3, 3, 9, 3))]
    return models.ConvNeXt(stages, num_classes=CLASSES)


def named(name):
    return lambda models: getattr(models, name)(num_classes=CLASSES)


# name: (constructor, size of the image, ways). Where torchvision's width would make a file of hundreds of
# megabytes it is reduced; depth and every operator stay.
FAMILIES = {
    "alexnet": (alexnet, 64, ("script",)),
    "vgg11": (lambda models: vgg(models, False), 64, ("script",)),
    "vgg11_bn": (lambda models: vgg(models, True), 64, ("script",)),
    "resnet18": (named("resnet18"), 64, ("script", "trace")),
    "densenet121": (densenet, 64, ("script",)),
    "squeezenet1_1": (named("squeezenet1_1"), 72, ("script",)),
    "googlenet": (googlenet, 80, ("script", "trace")),
    "mobilenet_v2": (named("mobilenet_v2"), 64, ("script",)),
    "mobilenet_v3_small": (named("mobilenet_v3_small"), 96, ("script", "trace")),
    "efficientnet_b0": (named("efficientnet_b0"), 64, ("script",)),
    "convnext_tiny": (convnext, 64, ("script",)),
    "shufflenet_v2_x0_5": (named("shufflenet_v2_x0_5"), 72, ("script",)),
    "regnet_y_400mf": (named("regnet_y_400mf"), 64, ("script",)),
    "mnasnet0_5": (named("mnasnet0_5"), 64, ("script",)),
}


def narrow(classifier, width, inputs=None):
    """Replaces the fully connected layers by ones of `width` hidden units."""
    from torch import nn

    places = [i for i, layer in enumerate(classifier) if isinstance(layer, nn.Linear)]
    features = inputs or classifier[places[0]].in_features
    for place in places:
        outputs = CLASSES if place == places[-1] else width
        classifier[place] = nn.Linear(features, outputs)
        features = outputs


def perturb(net, size):
    """Weights of unit gain, statistics of random images moved off them, no bias or gain at its default."""
    import torch
    from torch import nn

    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    layer.bias.normal_(0, 0.1)
            elif isinstance(layer, (nn.BatchNorm2d, nn.LayerNorm)):
                layer.weight.uniform_(0.7, 1.3)
                layer.bias.normal_(0, 0.1)
            if hasattr(layer, "layer_scale"):
                layer.layer_scale.uniform_(0.3, 0.7)
        norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
        momenta = [layer.momentum for layer in norms]
        for layer in norms:
            layer.momentum = None  # the mean over the batches seen
        if norms:
            net.train()
            net(torch.randn(8, 3, size, size))
        for layer, momentum in zip(norms, momenta):
            layer.momentum = momentum
            layer.running_mean += 0.2 * layer.running_var.sqrt() * torch.randn_like(layer.running_mean)
            layer.running_var *= torch.empty_like(layer.running_var).uniform_(0.7, 1.4)
    return net.eval().requires_grad_(True)


def write(folder, name, net, x, way):
    """One file and what PyTorch's eager mode gives for it; its entry of the index."""
    import numpy
    import torch

    module = torch.jit.script(net) if way == "script" else torch.jit.trace(net, x)
    stem = f"{name}.{way}"
    module.save(str(folder / f"{stem}.pt"))
    with torch.no_grad():
        y, again = net(x), torch.jit.load(str(folder / f"{stem}.pt"))(x)
    kind = "tensor" if isinstance(again, torch.Tensor) else "tuple"
    again = again if kind == "tensor" else again[0]
    if not torch.allclose(y, again, rtol=1e-12, atol=1e-12) or not torch.isfinite(y).all():
        raise SystemExit(f"{stem}: the file does not compute what the network does")
    if float(y.std(1).min()) < 1e-3 or float((y[0] - y[1]).abs().max()) < 1e-3:
        raise SystemExit(f"{stem}: the outputs hardly depend on class or image: {y}")
    numpy.save(folder / f"{stem}.input.npy", x.numpy())
    numpy.save(folder / f"{stem}.output.npy", y.numpy())
    return {"family": name, "way": way, "file": f"{stem}.pt", "output_kind": kind, "size": x.shape[-1],
            "input": f"{stem}.input.npy", "output": f"{stem}.output.npy"}


def elsewhere():
    """Hands over to another Python of this machine that has torchvision, if there is one."""
    if os.environ.get("LUMEN_ZOO_PYTHON") == "tried":
        return
    names = (os.environ.get("LUMEN_PYTHON"), shutil.which("python3"), "/usr/bin/python3")
    for python in dict.fromkeys(name for name in names if name and name != sys.executable):
        has_it = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torchvision') is None)"
        if shutil.which(python) and subprocess.run([python, "-c", has_it], capture_output=True).returncode == 0:
            os.environ["LUMEN_ZOO_PYTHON"] = "tried"
            os.execv(shutil.which(python), [python, *sys.argv])


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    try:
        import torch
        import torchvision
        from torchvision import models
    except ImportError as error:
        elsewhere()
        print(f"SKIPPED: no zoo of TorchScript files, because of: {error}\n"
              "  Debian, Ubuntu: apt-get install python3-torchvision; else pip install torchvision; "
              "LUMEN_PYTHON names the Python that has it")
        return
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.json"
    script = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    made_by = {"script": script, "torch": torch.__version__, "torchvision": torchvision.__version__}
    if index.exists() and json.loads(index.read_text()).get("made_by") == made_by:
        print(f"the zoo in {folder} is up to date")
        return
    index.unlink(missing_ok=True)
    warnings.filterwarnings("ignore")
    torch.set_default_dtype(torch.float64)
    entries = []
    for seed, (name, (make, size, ways)) in enumerate(FAMILIES.items()):
        torch.manual_seed(seed)
        net = perturb(make(models), size)
        x = torch.randn(IMAGES, 3, size, size)
        for way in ways:
            entries.append(write(folder, name, net, x, way))
            print(f"{entries[-1]['file']}: {(folder / entries[-1]['file']).stat().st_size >> 20} MiB", flush=True)
    unfinished = folder / "index.json.tmp"
    unfinished.write_text(json.dumps({"made_by": made_by, "models": entries}, indent=1))
    unfinished.replace(index)


if __name__ == "__main__":
    main()
