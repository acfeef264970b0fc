// SPDX-License-Identifier: BSD-3-Clause
// Painting on an image [C, H, W] of floats: the experiments of erasing, fading, brightening, and a black dot.

export const strokes = {
  erase: (value, around) => around,
  fade: (value, around) => value + 0.5 * (around - value),
  brighten: (value, around, [low, high]) => Math.min(high, value + 0.15 * (high - low)),
  dot: (value, around, [low]) => low,
};

// The image with one touch of a square brush, `width` pixels wide; pixels in `touched` (a Uint8Array of H * W) have had
// their turn in this stroke. `around` is the median of the ring about the brush, of each channel.
export function touch(image, range, tool, row, column, width, touched) {
  const [channels, rows, columns] = image.shape;
  const first = (at) => Math.floor(at) - ((width - 1) >> 1);
  const [r0, c0] = [first(row), first(column)];
  const [r1, c1] = [r0 + width, c0 + width];
  const ring = Math.max(2, width);
  for (let channel = 0; channel < channels; ++channel) {
    const plane = image.data.subarray(channel * rows * columns, (channel + 1) * rows * columns);
    const near = [];
    for (let r = Math.max(0, r0 - ring); r < Math.min(rows, r1 + ring); ++r) {
      for (let c = Math.max(0, c0 - ring); c < Math.min(columns, c1 + ring); ++c) {
        if (r < r0 || r >= r1 || c < c0 || c >= c1) near.push(plane[r * columns + c]);
      }
    }
    near.sort((a, b) => a - b);
    const around = near[near.length >> 1] ?? range[0];
    for (let r = Math.max(0, r0); r < Math.min(rows, r1); ++r) {
      for (let c = Math.max(0, c0); c < Math.min(columns, c1); ++c) {
        const at = r * columns + c;
        if (touched[at]) continue;
        plane[at] = strokes[tool](plane[at], around, range);
        if (channel === channels - 1) touched[at] = 1;
      }
    }
  }
}
