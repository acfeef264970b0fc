// SPDX-License-Identifier: BSD-3-Clause
// A picture with a linked view: layers of pixels, lines over them, and where the pointer is.

import { index, maps } from './colors.js';

// What part of the image all linked pictures show.
export class View {
  constructor() {
    this.fit(1, 1);
  }
  fit(rows, columns) {
    Object.assign(this, { rows, columns, zoom: 1, row: rows / 2, column: columns / 2 });
  }
  // Keeps the place under (row, column) where it is.
  zoomAt(factor, row, column) {
    const zoom = Math.min(64, Math.max(1, this.zoom * factor));
    const kept = this.zoom / zoom;
    this.row = row + (this.row - row) * kept;
    this.column = column + (this.column - column) * kept;
    this.zoom = zoom;
    this.clamp();
  }
  move(rows, columns) {
    this.row += rows;
    this.column += columns;
    this.clamp();
  }
  clamp() {
    const half = Math.max(this.rows, this.columns) / 2 / this.zoom;
    const hold = (at, size) => (2 * half >= size ? size / 2 : Math.min(size - half, Math.max(half, at)));
    this.row = hold(this.row, this.rows);
    this.column = hold(this.column, this.columns);
  }
}

// An image [C, H, W] as a canvas, in gray or colour.
export function picture({ shape, data }, [low, high]) {
  const [channels, rows, columns] = shape;
  const canvas = Object.assign(document.createElement('canvas'), { width: columns, height: rows });
  const pixels = new ImageData(columns, rows);
  const size = rows * columns;
  const scale = high > low ? 255 / (high - low) : 0;
  for (let i = 0; i < size; ++i) {
    for (let c = 0; c < 3; ++c) pixels.data[4 * i + c] = (data[(channels >= 3 ? c : 0) * size + i] - low) * scale;
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  return canvas;
}

// A map [H, W] as a canvas. What is not a number is left out; `fade` lets small magnitudes show what is below.
export function colored({ shape, data }, low, high, colors, fade = false) {
  const [rows, columns] = shape;
  const canvas = Object.assign(document.createElement('canvas'), { width: Math.max(columns, 1), height: Math.max(rows, 1) });
  if (rows * columns === 0) return canvas;
  const pixels = new ImageData(columns, rows);
  const table = maps[colors];
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  for (let i = 0; i < rows * columns; ++i) {
    const value = data[i];
    if (Number.isNaN(value)) continue;
    const at = index(value, low, high);
    pixels.data[4 * i] = table[at];
    pixels.data[4 * i + 1] = table[at + 1];
    pixels.data[4 * i + 2] = table[at + 2];
    pixels.data[4 * i + 3] = fade ? 255 * Math.min(1, Math.sqrt(Math.abs(value) / most) * 1.3) : 255;
  }
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  return canvas;
}

// The edges between the places of a mask [H, W] and others, as segments [row, column, row, column].
export function outline({ shape, data }) {
  const [rows, columns] = shape;
  const at = (r, c) => r >= 0 && c >= 0 && r < rows && c < columns && data[r * columns + c] !== 0;
  const segments = [];
  for (let r = 0; r <= rows; ++r) {
    for (let c = 0; c <= columns; ++c) {
      if (at(r, c) !== at(r - 1, c)) segments.push([r, c, r, c + 1]);
      if (at(r, c) !== at(r, c - 1)) segments.push([r, c, r + 1, c]);
    }
  }
  return segments;
}

// A figure with a canvas, a caption, a scale of colours, a place for what went wrong, and progress. `fixed` marks stay
// as they are while the pointer moves; with the layers they are drawn once.
export class Plane {
  constructor(parent, id, title, view, { scale = true, cursor = true } = {}) {
    this.view = view;
    this.layers = [];
    this.marks = [];
    this.fixed = [];
    this.still = document.createElement('canvas');
    this.pending = 0;
    this.figure = document.createElement('figure');
    this.figure.id = `panel-${id}`;
    const part = (kind, properties = {}) => this.figure.appendChild(Object.assign(document.createElement(kind), properties));
    this.canvas = part('canvas');
    const words = cursor ? { role: 'application', 'aria-roledescription': 'picture with a cursor', 'aria-describedby': 'keys', tabindex: '0' } : { role: 'img' };
    for (const [name, value] of Object.entries(words)) this.canvas.setAttribute(name, value);
    this.scale = part('div', { className: 'scale' });
    this.scale.hidden = !scale;
    this.caption = part('figcaption');
    this.title = this.caption.appendChild(document.createElement('b'));
    this.text = this.caption.appendChild(document.createElement('span'));
    this.progress = part('progress', { hidden: true, max: 1 });
    this.progress.setAttribute('aria-label', `${title}, done`);
    this.left = part('p', { className: 'left', hidden: true });
    this.wrong = part('p', { className: 'trouble', hidden: true });
    this.name(title);
    parent.append(this.figure);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.canvas);
  }

  remove() {
    this.watch.disconnect();
    this.figure.remove();
  }

  name(title, text = '') {
    if (this.title.textContent !== title) this.title.textContent = this.title.title = title;
    if (this.text.textContent !== text) this.text.textContent = text;
    this.canvas.setAttribute('aria-label', text ? `${title}. ${text}` : title);
  }

  // Says what went wrong here; nothing is wrong without a sentence.
  trouble(sentence = '') {
    this.wrong.textContent = sentence;
    this.wrong.hidden = sentence === '';
  }

  // An answer is waited for, from `begin` to `end`; shown when it takes long enough to be noticed.
  begin() {
    if (this.pending++ === 0) this.timer = setTimeout(() => this.figure.setAttribute('aria-busy', 'true'), 250);
  }
  end() {
    if (--this.pending > 0) return;
    clearTimeout(this.timer);
    this.figure.removeAttribute('aria-busy');
    if (!this.left.hidden) this.left.hidden = this.progress.hidden = true;
  }

  // How far the answer is that is waited for.
  reach({ done, total, secondsLeft }) {
    this.left.hidden = this.progress.hidden = false;
    this.progress.value = total ? done / total : 0;
    this.left.textContent = total ? `${Math.floor((100 * done) / total)} % computed${secondsLeft > 0 ? `, about ${Math.ceil(secondsLeft)} s left` : ''}` : 'waits for its turn';
  }

  range(low, high, colors) {
    if (this.colors !== colors) {
      this.strip = Object.assign(document.createElement('canvas'), { width: 256, height: 1 });
      this.strip.getContext('2d').drawImage(colored({ shape: [1, 256], data: Float32Array.from({ length: 256 }, (_, i) => i) }, 0, 255, colors), 0, 0);
      this.colors = colors;
    }
    this.ends = [number(low), number(high)];
    const end = (textContent) => Object.assign(document.createElement('span'), { textContent });
    this.scale.replaceChildren(end(this.ends[0]), this.strip, end(this.ends[1]));
  }

  // A layer is {canvas, row, column}: pixels with their upper left corner; alpha 1 if not said.
  show(layers, fixed = this.fixed) {
    Object.assign(this, { layers, fixed, drawn: '' });
    this.draw();
  }
  fix(marks) {
    Object.assign(this, { fixed: marks, drawn: '' });
  }

  get factor() {
    return (this.view.zoom * this.canvas.width) / Math.max(this.view.rows, this.view.columns);
  }

  draw() {
    const size = Math.max(1, Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1)));
    for (const one of [this.canvas, this.still]) if (one.width !== size || one.height !== size) Object.assign(one, { width: size, height: size });
    const { row, column, zoom, rows, columns } = this.view;
    const drawn = [size, row, column, zoom, rows, columns].join();
    if (this.drawn !== drawn) this.drawStill();
    this.drawn = drawn;
    const to = this.canvas.getContext('2d');
    to.setTransform(1, 0, 0, 1, 0, 0);
    to.clearRect(0, 0, size, size);
    to.drawImage(this.still, 0, 0);
    this.transform(to);
    this.stroke(to, this.marks);
  }

  drawStill() {
    const to = this.still.getContext('2d');
    to.setTransform(1, 0, 0, 1, 0, 0);
    to.clearRect(0, 0, this.still.width, this.still.height);
    this.transform(to);
    to.imageSmoothingEnabled = false;
    for (const { canvas, row = 0, column = 0, alpha = 1 } of this.layers) {
      to.globalAlpha = alpha;
      to.drawImage(canvas, column, row);
    }
    to.globalAlpha = 1;
    this.stroke(to, this.fixed);
  }

  transform(to) {
    const { factor, view: { row, column }, canvas: { width } } = this;
    to.setTransform(factor, 0, 0, factor, width / 2 - column * factor, width / 2 - row * factor);
  }

  stroke(to, marks) {
    for (const { path, color, halo = '#000' } of marks) {
      for (const [width, style] of [[3.5, halo], [1.5, color]]) {
        to.lineWidth = (width * (window.devicePixelRatio || 1)) / this.factor;
        to.strokeStyle = style;
        to.stroke(path);
      }
    }
  }

  // The image's place under a pointer event, fractions of pixels.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const perPixel = Math.max(this.view.rows, this.view.columns) / this.view.zoom / box.width;
    return {
      row: this.view.row + (event.clientY - box.top - box.height / 2) * perPixel,
      column: this.view.column + (event.clientX - box.left - box.width / 2) * perPixel,
      perPixel,
    };
  }
}

export function segmentsMark(segments, color) {
  const path = new Path2D();
  for (const [r0, c0, r1, c1] of segments) {
    path.moveTo(c0, r0);
    path.lineTo(c1, r1);
  }
  return { path, color };
}

export function boxMark([row, column, rowEnd, columnEnd], color) {
  const path = new Path2D();
  path.rect(column, row, columnEnd - column, rowEnd - row);
  return { path, color };
}

export function crossMark(row, column, arm, color) {
  const path = new Path2D();
  const [r, c] = [row + 0.5, column + 0.5];
  for (const [from, to] of [[0.5, 1.2], [-1.2, -0.5]]) {
    path.moveTo(c + from * arm, r);
    path.lineTo(c + to * arm, r);
    path.moveTo(c, r + from * arm);
    path.lineTo(c, r + to * arm);
  }
  return { path, color };
}

export function ringMark(row, column, radius, color) {
  const path = new Path2D();
  path.arc(column + 0.5, row + 0.5, radius, 0, 7);
  return { path, color };
}

export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : value.toPrecision(4).replace(/\.?0+$/, '');
}
