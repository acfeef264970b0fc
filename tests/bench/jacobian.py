# SPDX-License-Identifier: BSD-3-Clause
"""Seconds and memory of torch.autograd.functional.jacobian for some rows of a dense output: the two networks that
bench_influence and bench_device time, with weights of their own (they cost what other weights cost)."""
import argparse
import resource
import time

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        conv = lambda a, stride: nn.Conv2d(a, o, 3, stride, 1, bias=False)
        self.inner = nn.Sequential(conv(i, 2), nn.BatchNorm2d(o), nn.ReLU(), conv(o, 1), nn.BatchNorm2d(o))
        self.skip = nn.Sequential(conv(i, 2), nn.BatchNorm2d(o))

    def forward(self, x):
        return torch.relu(self.inner(x) + self.skip(x))


class CustomResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.down = nn.ModuleList(Block(64 << i, 128 << i) for i in range(4))
        self.up = nn.ModuleList(nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1) for c in (1024, 512, 256, 128))
        self.final = nn.Conv2d(64, 2, 3, padding=1)

    def forward(self, x):
        maps = [self.first(x)]
        for block in self.down:
            maps.append(block(maps[-1]))
        y = maps.pop()
        for up in self.up:
            skip = maps.pop()
            y = up(y)[:, :, : skip.size(2), : skip.size(3)] + skip
        return self.final(y)


class UNet(nn.Module):
    def __init__(self, w=16):
        super().__init__()
        conv = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
        double = lambda a, b: nn.Sequential(conv(a, b), conv(b, b))
        self.down = nn.ModuleList([double(1, w), double(w, 2 * w), double(2 * w, 4 * w), double(4 * w, 8 * w)])
        self.up = nn.ModuleList(nn.ConvTranspose2d(c, c // 2, 2, 2) for c in (8 * w, 4 * w, 2 * w))
        self.merge = nn.ModuleList(double(c, c // 2) for c in (8 * w, 4 * w, 2 * w))
        self.head = nn.Conv2d(w, 2, 1)

    def forward(self, x):
        maps = []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else nn.functional.max_pool2d(x, 2))
            maps.append(x)
        x = maps.pop()
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([maps.pop(), up(x)], 1))
        return self.head(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=["unet", "resnet"], default="resnet")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rows", type=int, default=64, help="of the middle of the output")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--vectorize", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    torch.manual_seed(1)
    net = {"unet": UNet, "resnet": CustomResNet}[asked.net]().eval().to(asked.device).requires_grad_(False)
    x = torch.rand(1, 1, asked.size, asked.size, device=asked.device)
    pixels = asked.size * asked.size
    first = pixels // 2 + asked.size // 2
    part = lambda image: net(image)[0, 1].flatten()[first : first + asked.rows]
    cuda = asked.device != "cpu"

    def run(rows):
        if cuda:
            torch.cuda.synchronize()
        start = time.perf_counter()
        torch.autograd.functional.jacobian(lambda image: part(image)[:rows], x, vectorize=asked.vectorize)
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    run(min(asked.rows, 4))
    seconds = min(run(asked.rows) for _ in range(2))
    peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    whole = pixels * pixels * 4 / 2**30
    print(f"torch {torch.__version__}, {asked.net} {asked.size}, vectorize={asked.vectorize}, {asked.device}: "
          f"{asked.rows} rows in {seconds:.3f} s, {asked.rows / seconds:.1f} rows/s, all {pixels} rows in "
          f"{seconds / asked.rows * pixels:.0f} s if they go on so, peak {peak / 2**20:.0f} MiB; "
          f"the Jacobian of one channel alone takes {whole:.1f} GiB")


if __name__ == "__main__":
    main()
