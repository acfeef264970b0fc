#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes FOLDER/network.pt: torchvision's DeepLabV3-MobileNetV3-Large as TorchScript, 21 classes, random or given weights.

It takes images [N, 3, H, W] in [0, 1] and gives logits [N, 21, H, W].
"""
import argparse
import pathlib

import torch
import torchvision


class Network(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net((x - self.mean) / self.deviation)["out"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--weights", help="a state dict, such as torchvision's; default: random")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    net = torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=21, aux_loss=None)
    if options.weights:
        state = torch.load(options.weights, map_location="cpu")
        net.load_state_dict({k: v for k, v in state.items() if not k.startswith("aux_classifier.")})
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.jit.script(Network(net.eval())).save(str(options.folder / "network.pt"))


if __name__ == "__main__":
    main()
