# SPDX-License-Identifier: BSD-3-Clause
"""Captum, driven through pipes by the benchmark program: one command a line, one line of answer.

  hello                      captum 0.9.0, torch 2.13.0
  threads N                  ok
  net NAME DIR               ok       reads DIR/index.txt: name, shape and file of every weight, input and baseline
  map CASE NET FILE          ok       writes the case's map as float32
  time CASE NET REPETITIONS  seconds of one call, the mean over the repetitions
"""
import sys
import time

import captum
import numpy
import torch
from captum.attr import GradientShap, IntegratedGradients, NoiseTunnel, Saliency
from torch import nn

TARGET = 3
STEPS = 50
DRAWS = 20
CHECK_DRAWS = 4000


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 3)
        self.conv2 = nn.Conv2d(4, 8, 3, 3)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.relu2(self.conv2(self.relu1(self.conv1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = self.pool(self.relu1(self.conv1(x)))
        x = self.pool(self.relu2(self.conv2(x)))
        return self.fc(x.flatten(1))


class Block(nn.Module):
    def __init__(self, inside, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.downsample = None
        if inside != out:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inside = 64
        for stage in range(1, 5):
            out = 32 << stage
            stride = 1 if stage == 1 else 2
            setattr(self, f"layer{stage}", nn.Sequential(Block(inside, out, stride), Block(out, out, 1)))
            inside = out
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class Loaded:
    def __init__(self, name, folder):
        tensors = {}
        with open(f"{folder}/index.txt") as index:
            for line in index:
                key, shape, file = line.split()
                shape = [int(n) for n in shape.split("x")]
                tensors[key] = torch.from_numpy(numpy.fromfile(f"{folder}/{file}", dtype=numpy.float32)).reshape(shape)
        self.x, self.baselines = tensors.pop("input"), tensors.pop("baselines")
        self.noise = float(tensors.pop("noise"))
        self.model = {"small": Small, "pooled": Pooled, "resnet18": ResNet18}[name]()
        missing, unexpected = self.model.load_state_dict(tensors, strict=False)
        assert not unexpected and all(key.endswith("num_batches_tracked") for key in missing), (missing, unexpected)
        self.model.eval()

    def run(self, case):
        if case == "saliency":
            return Saliency(self.model).attribute(self.x, target=TARGET)
        if case == "ig50":
            return IntegratedGradients(self.model).attribute(self.x, target=TARGET, n_steps=STEPS)
        kind, _, check = case.partition("-")
        if kind == "smoothgrad20":
            draws = CHECK_DRAWS if check == "many" else DRAWS
            return NoiseTunnel(Saliency(self.model)).attribute(
                self.x, target=TARGET, nt_type="smoothgrad", nt_samples=draws,
                nt_samples_batch_size=200 if check == "many" else None, stdevs=0.0 if check == "still" else self.noise)
        if kind == "gradientshap20":
            return GradientShap(self.model).attribute(
                self.x, self.baselines, target=TARGET, n_samples=CHECK_DRAWS if check == "many" else DRAWS)
        raise ValueError(case)


def main():
    nets = {}
    for line in sys.stdin:
        command, *words = line.split()
        if command == "hello":
            answer = f"captum {captum.__version__}, torch {torch.__version__}"
        elif command == "threads":
            torch.set_num_threads(int(words[0]))
            answer = "ok"
        elif command == "net":
            nets[words[0]] = Loaded(words[0], words[1])
            answer = "ok"
        elif command == "map":
            nets[words[1]].run(words[0]).detach().numpy().astype(numpy.float32).tofile(words[2])
            answer = "ok"
        elif command == "time":
            repetitions = int(words[2])
            start = time.perf_counter()
            for _ in range(repetitions):
                nets[words[1]].run(words[0])
            answer = repr((time.perf_counter() - start) / repetitions)
        else:
            answer = f"error unknown command {command}"
        print(answer, flush=True)


if __name__ == "__main__":
    main()
