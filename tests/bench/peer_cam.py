# SPDX-License-Identifier: BSD-3-Clause
"""pytorch-grad-cam, driven through pipes by the benchmark of the CAMs: one command a line, one line of answer.

  hello                      pytorch-grad-cam 1.5.4, torch 2.13.0
  threads N                  ok
  net NAME DIR               ok       reads DIR/index.txt: name, shape and file of every weight and the input
  map CASE NET FILE          ok       writes the case's map as float32
  time CASE NET REPETITIONS  seconds of one call, the mean over the repetitions

A case is gradcam-LAYER. The map is asked for as users get it, except for the check: there its ReLU and its
normalisation, which cannot be switched off, are left to the other side.
"""
import sys
import time
from importlib.metadata import version

import numpy
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from peer_nets import load

TARGET = 3


class Loaded:
    def __init__(self, folder):
        self.model, others = load("resnet18", folder)
        self.x = others["input"]
        self.cams = {name: GradCAM(self.model, [getattr(self.model, name)[-1]]) for name in ("layer3", "layer4")}

    def run(self, case):
        return self.cams[case.split("-")[1]](self.x, [ClassifierOutputTarget(TARGET)])


def main():
    nets = {}
    for line in sys.stdin:
        command, *words = line.split()
        if command == "hello":
            answer = f"pytorch-grad-cam {version('grad-cam')}, torch {torch.__version__}"
        elif command == "threads":
            torch.set_num_threads(int(words[0]))
            answer = "ok"
        elif command == "net":
            nets[words[0]] = Loaded(words[1])
            answer = "ok"
        elif command == "map":
            nets[words[1]].run(words[0]).astype(numpy.float32).tofile(words[2])
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
