# SPDX-License-Identifier: BSD-3-Clause
"""What a benchmark asks a Python peer, a line each, and its answers."""

import sys
import time

import numpy
import torch


def serve(name, load):
    """`name` of the peer, and `load(words...)`, which makes a network whose `run(case)` gives a map."""
    nets = {}
    for line in sys.stdin:
        command, *words = line.split()
        if command == "hello":
            answer = f"{name}, torch {torch.__version__}"
        elif command == "threads":
            torch.set_num_threads(int(words[0]))
            answer = "ok"
        elif command == "net":
            nets[words[0]] = load(*words)
            answer = "ok"
        elif command == "map":
            found = torch.as_tensor(nets[words[1]].run(words[0]))
            found.detach().numpy().astype(numpy.float32).tofile(words[2])
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
