// SPDX-License-Identifier: BSD-3-Clause
// Colour maps: anchors of six hexadecimal digits, straight lines between them, 256 steps.
// ColorBrewer's are by Cynthia A. Brewer, Pennsylvania State University (Apache-2.0); viridis by Nathaniel J. Smith and
// Stefan van der Walt (CC0), here by every sixteenth of its anchors.

const anchors = {
  'rd-yl-gn': 'a50026d73027f46d43fdae61fee08bffffbfd9ef8ba6d96a66bd631a9850006837',
  'rd-bu': '67001fb2182bd6604df4a582fddbc7f7f7f7d1e5f092c5de4393c32166ac053061',
  gray: '000000ffffff',
  viridis: '440154481a6c472f7d41448739568c31688e2a788e23888e1f988b22a88435b77954c5687ad151a5db36d2e21bfde725',
};

function table(text) {
  const points = text.match(/.{6}/g).map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Uint8Array.from({ length: 768 }, (_, i) => {
    const place = (Math.floor(i / 3) / 255) * (points.length - 1);
    const low = Math.min(Math.floor(place), points.length - 2);
    return Math.round(points[low][i % 3] + (points[low + 1][i % 3] - points[low][i % 3]) * (place - low));
  });
}

export const maps = Object.fromEntries(Object.entries(anchors).map(([name, text]) => [name, table(text)]));
export const signed = ['rd-yl-gn', 'rd-bu'];

// The place of a value in a table, for a range [low, high].
export function index(value, low, high) {
  const t = high > low ? (value - low) / (high - low) : 0.5;
  return 3 * Math.min(255, Math.max(0, Math.floor(t * 256)));
}
