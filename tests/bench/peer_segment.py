# SPDX-License-Identifier: BSD-3-Clause
"""scikit-image, driven through pipes by bench_segment: one command a line, one line of answer.

  hello                  scikit-image 0.26.0
  image FILE             ok       npy [4, H, W]: three channels, then a mask
  time CASE REPETITIONS  seconds of one call, the mean over the repetitions
"""
import sys
import time

import numpy
import skimage
from skimage.morphology import skeletonize
from skimage.segmentation import felzenszwalb, slic


def work(case, gray, rgb, mask):
    if case == "slic-50":
        return slic(gray, n_segments=50, compactness=0.1, channel_axis=None)
    if case == "slic-50-rgb":
        return slic(rgb, n_segments=50)
    if case == "slic-500-rgb":
        return slic(rgb, n_segments=500)
    if case == "felzenszwalb":
        return felzenszwalb(gray, scale=100, channel_axis=None)
    if case == "felzenszwalb-rgb":
        return felzenszwalb(rgb, scale=100)
    if case == "skeleton":
        return skeletonize(mask)
    raise ValueError(case)


def main():
    for line in sys.stdin:
        command, *words = line.split()
        if command == "hello":
            answer = f"scikit-image {skimage.__version__}"
        elif command == "image":
            image = numpy.load(words[0])
            gray, rgb, mask = image[0], numpy.ascontiguousarray(image[:3].transpose(1, 2, 0)), image[3] > 0
            answer = "ok"
        else:
            start = time.perf_counter()
            for _ in range(int(words[1])):
                work(words[0], gray, rgb, mask)
            answer = repr((time.perf_counter() - start) / int(words[1]))
        print(answer, flush=True)


main()
