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
from importlib.metadata import version

import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from peer_loop import serve
from peer_nets import load

TARGET = 3


class Loaded:
    def __init__(self, folder):
        self.model, others = load("resnet18", folder)
        self.x = others["input"]
        self.cams = {name: GradCAM(self.model, [getattr(self.model, name)[-1]]) for name in ("layer3", "layer4")}

    def run(self, case):
        return self.cams[case.split("-")[1]](self.x, [ClassifierOutputTarget(TARGET)])


if __name__ == "__main__":
    serve(f"pytorch-grad-cam {version('grad-cam')}", lambda _, folder: Loaded(folder))
