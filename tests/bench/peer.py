# SPDX-License-Identifier: BSD-3-Clause
"""Captum, driven through pipes by the benchmark program: one command a line, one line of answer.

  hello                      captum 0.9.0, torch 2.13.0
  threads N                  ok
  net NAME DIR               ok       reads DIR/index.txt: name, shape and file of every weight, input and baseline
  map CASE NET FILE          ok       writes the case's map as float32
  time CASE NET REPETITIONS  seconds of one call, the mean over the repetitions
"""

import captum
import torch
from captum.attr import GradientShap, IntegratedGradients, NoiseTunnel, Saliency

from peer_loop import serve
from peer_nets import load

TARGET = 3
STEPS = 50
DRAWS = 20
CHECK_DRAWS = 4000


class Loaded:
    def __init__(self, name, folder):
        self.model, others = load(name, folder)
        self.x, self.baselines = others["input"], others["baselines"]
        self.noise = float(others["noise"])

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


if __name__ == "__main__":
    serve(f"captum {captum.__version__}", Loaded)
