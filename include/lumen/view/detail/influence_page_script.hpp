// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string_view>

namespace lumen::view::detail {

/// The style of an influence page, beside the report's.
inline constexpr std::string_view influence_page_style = R"css(
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(16rem,100%),1fr));gap:1rem}
.panels figure{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.6rem}
canvas{display:block;width:100%;image-rendering:pixelated;border-radius:4px;touch-action:pan-y}
[hidden]{display:none!important}
canvas[tabindex]{cursor:crosshair}
canvas:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.tools{display:flex;flex-wrap:wrap;gap:.6rem 1.4rem;align-items:center;margin:0 0 1rem}
.tools input,.tools select,.tools button{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--soft);border-radius:5px;padding:.2rem .45rem}
.tools input[type=number]{width:5.5rem}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
)css";

/// What an influence page does. It reads its data from the element #data and the images #image, #probability and #rows.
inline constexpr std::string_view influence_page_script = R"js(
'use strict';
(() => {
const $ = (id) => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const {rows: H, columns: W, places, boxes, scales, scores, offsets, maps} = data;
const count = scales.length;
const at = new Int32Array(H * W).fill(-1);
for (let i = 0; i < count; ++i) at[places[2 * i] * W + places[2 * i + 1]] = i;
let bytes, picture, chosen = -1, pins = [];
const pixels = (image) => {
  const canvas = Object.assign(document.createElement('canvas'), {width: image.naturalWidth, height: image.naturalHeight});
  const to = canvas.getContext('2d', {willReadFrequently: true, colorSpace: 'srgb'});
  to.drawImage(image, 0, 0);
  return {canvas, data: to.getImageData(0, 0, canvas.width, canvas.height).data};
};
const table = (text) => {
  const points = text.match(/.{6}/g).map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Uint8Array.from({length: 768}, (_, i) => {
    const place = (Math.floor(i / 3) / 255) * (points.length - 1), low = Math.min(Math.floor(place), points.length - 2);
    return Math.round(points[low][i % 3] + (points[low + 1][i % 3] - points[low][i % 3]) * (place - low));
  });
};
const tables = Object.fromEntries(Object.entries(maps).map(([name, text]) => [name, table(text)]));
const number = (v) => { const s = Math.abs(v); return Number.isInteger(v) ? String(v) : s !== 0 && (s < 1e-3 || s >= 1e5) ? v.toExponential(2) : v.toPrecision(4).replace(/\.?0+$/, ''); };
const value = (i, r, c) => (bytes[offsets[i] + r * boxes[4 * i + 3] + c] - 128) / 127;
const nearest = (row, column) => {
  let best = -1, least = Infinity;
  for (let i = 0; i < count; ++i) {
    const d = (places[2 * i] - row) ** 2 + (places[2 * i + 1] - column) ** 2;
    if (d < least) { least = d; best = i; }
  }
  return best;
};
function colored(i, colors, fade) {
  const [h, w] = [boxes[4 * i + 2], boxes[4 * i + 3]];
  const canvas = Object.assign(document.createElement('canvas'), {width: Math.max(w, 1), height: Math.max(h, 1)});
  const out = new ImageData(Math.max(w, 1), Math.max(h, 1));
  for (let r = 0; r < h; ++r) for (let c = 0; c < w; ++c) {
    const v = value(i, r, c), k = 3 * Math.min(255, Math.floor((v + 1) * 128)), o = 4 * (r * w + c);
    out.data.set([colors[k], colors[k + 1], colors[k + 2], fade ? 255 * Math.min(1, Math.sqrt(Math.abs(v)) * 1.3) : 255], o);
  }
  canvas.getContext('2d').putImageData(out, 0, 0);
  return canvas;
}
function numbers(i, percent) {
  const [top, left, h, w] = boxes.slice(4 * i, 4 * i + 4);
  let pixels = 0, positive = 0, negative = 0, r0 = Infinity, r1 = -1, c0 = Infinity, c1 = -1;
  for (let r = 0; r < h; ++r) for (let c = 0; c < w; ++c) {
    const v = value(i, r, c);
    if (v > 0) positive += v; else negative -= v;
    if (Math.abs(v) > percent / 100) { ++pixels; r0 = Math.min(r0, r); r1 = Math.max(r1, r); c0 = Math.min(c0, c); c1 = Math.max(c1, c); }
  }
  const area = pixels ? (r1 - r0 + 1) * (c1 - c0 + 1) : 0;
  return {pixels, area, fulfilment: area ? pixels / area : 0, positive: positive * scales[i], negative: negative * scales[i], box: pixels ? [top + r0, left + c0, top + r1 + 1, left + c1 + 1] : null};
}
const crossed = (to, row, column, unit, color) => {
  for (const [width, style] of [[3, '#000'], [1.3, color]]) {
    to.lineWidth = width * unit; to.strokeStyle = style; to.beginPath();
    for (const [a, b] of [[1, 4], [-4, -1]]) { to.moveTo(column + .5 + a * 2 * unit, row + .5); to.lineTo(column + .5 + b * 2 * unit, row + .5); to.moveTo(column + .5, row + .5 + a * 2 * unit); to.lineTo(column + .5, row + .5 + b * 2 * unit); }
    to.stroke();
  }
};
function draw() {
  const percent = Number($('percent').value), colors = tables[$('colors').value];
  for (const [id, base] of [['image-panel', picture.canvas], ['probability-panel', probability.canvas], ['influence-panel', $('alone').checked ? null : picture.canvas]]) {
    const canvas = $(id), side = Math.round(canvas.clientWidth * (devicePixelRatio || 1)) || W;
    Object.assign(canvas, {width: side, height: Math.round(side * H / W)});
    const to = canvas.getContext('2d'), factor = side / W;
    to.scale(factor, factor);
    to.imageSmoothingEnabled = false;
    if (base) to.drawImage(base, 0, 0);
    if (id === 'influence-panel' && chosen >= 0) to.drawImage(colored(chosen, colors, Boolean(base)), boxes[4 * chosen + 1], boxes[4 * chosen]);
    for (const i of pins) crossed(to, places[2 * i], places[2 * i + 1], 1 / factor, '#ffd400');
    if (chosen >= 0) crossed(to, places[2 * chosen], places[2 * chosen + 1], 1.4 / factor, '#fff');
  }
  if (chosen < 0) return;
  const found = numbers(chosen, percent), [row, column] = [places[2 * chosen], places[2 * chosen + 1]];
  const words = `row ${row}, column ${column}: ${data.score} ${number(scores[chosen])}`;
  $('influence-text').textContent = `${words}; range ±${number(scales[chosen])}`;
  const detail = $('detail-panel'), [h, w] = found.box ? [found.box[2] - found.box[0], found.box[3] - found.box[1]] : [1, 1];
  const side = Math.round(detail.clientWidth * (devicePixelRatio || 1)) || W;
  Object.assign(detail, {width: side, height: side});
  if (found.box) {
    const to = detail.getContext('2d'), factor = side / Math.max(h, w);
    to.imageSmoothingEnabled = false;
    to.setTransform(factor, 0, 0, factor, (side - w * factor) / 2, (side - h * factor) / 2);
    to.beginPath(); to.rect(0, 0, w, h); to.clip();
    to.drawImage(colored(chosen, colors, false), boxes[4 * chosen + 1] - found.box[1], boxes[4 * chosen] - found.box[0]);
  }
  $('detail-text').textContent = found.box ? `rows ${found.box[0]} to ${found.box[2] - 1}, columns ${found.box[1]} to ${found.box[3] - 1}` : 'nothing is above the threshold';
  const line = (i) => {
    const n = numbers(i, percent);
    return [`row ${places[2 * i]}, column ${places[2 * i + 1]}`, scores[i], n.pixels, n.area, n.fulfilment, n.positive, n.negative].map((v) => typeof v === 'string' ? v : number(v));
  };
  $('numbers').replaceChildren(...[chosen, ...pins].map((i, k) => {
    const tr = document.createElement('tr');
    tr.append(...[k ? 'pinned' : 'now', ...line(i)].map((text) => Object.assign(document.createElement('td'), {textContent: text})));
    return tr;
  }));
  clearTimeout(draw.timer);
  draw.timer = setTimeout(() => { $('live').textContent = `${words}, ${found.pixels} pixels above ${percent} percent`; }, 500);
}
function choose(i) { if (i >= 0 && i !== chosen) { chosen = i; draw(); } }
function pin() {
  if (chosen < 0) return;
  pins = pins.includes(chosen) ? pins.filter((i) => i !== chosen) : [...pins, chosen].slice(-12);
  draw();
}
// the next stored pixel in a direction: the nearest within 45 degrees of it
function step(dr, dc) {
  if (chosen < 0) return choose(nearest(H / 2, W / 2));
  const [row, column] = [places[2 * chosen], places[2 * chosen + 1]];
  let best = -1, least = Infinity;
  for (let i = 0; i < count; ++i) {
    const r = places[2 * i] - row, c = places[2 * i + 1] - column, along = r * dr + c * dc, across = Math.abs(r * dc - c * dr);
    if (along <= 0 || across > along) continue;
    const d = along * along + 2 * across * across;
    if (d < least) { least = d; best = i; }
  }
  choose(best);
}
let probability;
function start() {
  picture = pixels($('image'));
  probability = pixels($('probability'));
  const packed = pixels($('rows')).data;
  bytes = new Uint8Array(packed.length / 4);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = packed[4 * i];
  let sum = 0;
  for (let i = 0; i < data.bytes; ++i) sum = (Math.imul(sum, 31) + bytes[i]) >>> 0;
  if (sum !== data.sum) throw new Error('this browser changes the pictures that a page reads, as its protection against fingerprinting may do; allow this page to read them, or use another browser');
  for (const id of ['image-panel', 'probability-panel', 'influence-panel']) {
    const canvas = $(id);
    const under = (event) => { const box = canvas.getBoundingClientRect(); return nearest((event.clientY - box.top) / box.height * H - .5, (event.clientX - box.left) / box.width * W - .5); };
    canvas.addEventListener('pointermove', (event) => choose(under(event)));
    canvas.addEventListener('pointerdown', (event) => { choose(under(event)); pin(); });
    canvas.addEventListener('keydown', (event) => {
      const moves = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
      if (moves[event.key]) step(...moves[event.key]); else if (event.key === 'Enter' || event.key === ' ') pin(); else return;
      event.preventDefault();
    });
  }
  for (const id of ['percent', 'colors', 'alone']) $(id).addEventListener('input', draw);
  addEventListener('resize', draw);
  choose(nearest(H / 2, W / 2));
  document.documentElement.dataset.ready = 'yes';
}
Promise.all(['image', 'probability', 'rows'].map((id) => $(id).decode())).then(start).catch((error) => { $('trouble').textContent = `the page's data cannot be read: ${error.message}`; $('trouble').hidden = false; });
})();
)js";

}  // namespace lumen::view::detail
