# SPDX-License-Identifier: BSD-3-Clause
"""Captum's KernelShap, Lime and ShapleyValueSampling, driven through pipes by the benchmark: one command a line, one line
of answer.

  hello                      captum 0.9.0, torch 2.13.0
  threads N                  ok
  net NAME DIR               ok       reads DIR/index.txt: name, shape and file of every weight, the input and the mask
  map CASE NET FILE          ok       writes the case's map as float32
  time CASE NET REPETITIONS  seconds of one call, the mean over the repetitions

A case is METHOD-SAMPLES-PER_EVAL-SEED: kernelshap-512-16-0.
"""
from importlib.metadata import version

import torch
from captum.attr import KernelShap, Lime, ShapleyValueSampling

from peer_loop import serve
from peer_nets import load

TARGET = 3


class Loaded:
    def __init__(self, name, folder):
        self.model, others = load(name, folder)
        self.x = others["input"]
        self.mask = others["mask"].to(torch.int64)
        self.methods = {
            "kernelshap": KernelShap(self.model),
            "lime": Lime(self.model),
            "shapleysampling": ShapleyValueSampling(self.model),
        }

    def run(self, case):
        method, samples, per_eval, seed = case.split("-")
        torch.manual_seed(int(seed))
        return self.methods[method].attribute(
            self.x, target=TARGET, feature_mask=self.mask, n_samples=int(samples), perturbations_per_eval=int(per_eval)
        )


if __name__ == "__main__":
    serve(f"captum {version('captum')}", Loaded)
