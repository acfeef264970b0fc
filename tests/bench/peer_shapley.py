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
import sys
import time
from importlib.metadata import version

import numpy
import torch
from captum.attr import KernelShap, Lime, ShapleyValueSampling

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


def main():
    nets = {}
    for line in sys.stdin:
        command, *words = line.split()
        if command == "hello":
            answer = f"captum {version('captum')}, torch {torch.__version__}"
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
