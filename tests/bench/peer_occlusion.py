# SPDX-License-Identifier: BSD-3-Clause
"""Captum's occlusion on the networks of occlusion_nets.hpp, random weights: seconds for one window."""
import sys
import time

import captum
import torch
from captum.attr import Occlusion
from torch import nn


def conv(inside, out):
    return nn.Sequential(nn.Conv2d(inside, out, 3, padding=1), nn.ReLU())


class UNetOfThree(nn.Module):
    def __init__(self):
        super().__init__()

        def twice(inside, out):
            return nn.Sequential(conv(inside, out), conv(out, out))

        self.down1, self.down2, self.bottom = twice(1, 32), twice(32, 64), twice(64, 128)
        self.up2, self.merge2 = nn.ConvTranspose2d(128, 64, 2, 2, bias=False), twice(128, 64)
        self.up1, self.merge1 = nn.ConvTranspose2d(64, 32, 2, 2, bias=False), twice(64, 32)
        self.pool, self.head = nn.MaxPool2d(2), nn.Conv2d(32, 2, 1)

    def forward(self, x):
        one = self.down1(x)
        two = self.down2(self.pool(one))
        merged = self.merge2(torch.cat([two, self.up2(self.bottom(self.pool(two)))], 1))
        return self.head(self.merge1(torch.cat([one, self.up1(merged)], 1)))


def ten():
    layers = [conv(1 if i == 0 else 32, 32) for i in range(9)]
    return nn.Sequential(*layers, nn.Conv2d(32, 2, 3, padding=1))


def vgg16():
    layers, inside = [], 3
    for stage in ([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3):
        for out in stage:
            layers.append(conv(inside, out))
            inside = out
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(512 * 49, 4096), nn.ReLU(),
                         nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))


def resnet18():
    from peer_nets import ResNet18
    return ResNet18()


CASES = {
    "occlusion-ten-256": (ten, 1, 256, 128),
    "occlusion-unet3-256-region128": (UNetOfThree, 1, 256, 128),
    "occlusion-unet3-256-region32": (UNetOfThree, 1, 256, 32),
    "occlusion-vgg16-224": (vgg16, 3, 224, 0),
    "occlusion-resnet18-224": (resnet18, 3, 224, 0),
}


def per_window(name, chunks):
    make, channels, size, region = CASES[name]
    torch.manual_seed(0)
    net = make().eval()
    x = torch.rand(1, channels, size, size)
    begin = (size - region) // 2

    def score(rows):
        output = net(rows)
        if region == 0:
            return output[:, 3]
        return output[:, 1, begin:begin + region, begin:begin + region].sum((1, 2))

    method, best = Occlusion(score), float("inf")
    with torch.no_grad():
        for chunk in chunks:
            # some windows side by side, from which the cost of one follows: that of a pass of the whole network and of
            # masks of the whole image, whatever the window's size
            windows, wide = max(2 * chunk, 4), size // 2
            stride = -(-(size - wide) // (windows - 1))
            arguments = {"sliding_window_shapes": (channels, size, wide), "strides": (channels, size, stride),
                         "perturbations_per_eval": chunk}
            count = -(-(size - wide) // stride) + 1
            for turn in range(2):
                start = time.perf_counter()
                method.attribute(x, **arguments)
                spent = (time.perf_counter() - start) / (count + 1)
                if turn > 0 or spent > 0.05:
                    best = min(best, spent)
                if spent > 0.05:
                    break
    return best


def main():
    for line in sys.stdin:
        command, *words = line.split()
        if command == "hello":
            answer = f"captum {captum.__version__}, torch {torch.__version__}"
        elif command == "threads":
            torch.set_num_threads(int(words[0]))
            answer = "ok"
        elif command in ("best", "one") and words[0] in CASES:
            answer = repr(per_window(words[0], [1] if command == "one" else [1, 2, 4, 8, 16]))
        else:
            answer = f"error {line.strip()}"
        print(answer, flush=True)


if __name__ == "__main__":
    main()
