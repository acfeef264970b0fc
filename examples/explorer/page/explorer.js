// SPDX-License-Identifier: BSD-3-Clause
// The page: what the person does becomes the state, the state becomes questions, the answers become pictures.

import { touch } from './brush.js';
import { maps, signed } from './colors.js';
import { encodeCsv, encodeNpy } from './frame.js';
import { Plane, View, boxMark, colored, number, outline, picture, segmentsMark } from './plane.js';
import { Refused, Server } from './server.js';
import { fromHash, toHash } from './state.js';

const $ = (id) => document.getElementById(id);
const server = new Server();
const view = new View();
let session, state = fromHash(location.hash);
let image = null, pristine = null, undo = [], edited = '';
const sides = { network: {}, second: {} };  // prediction, answer, count of each network
const panels = {};

// For those who measure: how long each hover took, from the pointer to the picture.
const lumen = (window.lumen = { latencies: [], ready: false, answers: 0 });

// ---------------------------------------------------------------- panels

const kinds = {
  image: ['Image', false],
  probability: ['Probability', true],
  significant: ['Most significant pixels', true],
  influence: ['Influence', true],
  detail: ['Detail', true],
};

function makePanels() {
  const wanted = Object.keys(kinds).map((kind) => [kind, 'network', kind]);
  if (state.second !== '') for (const kind of ['probability', 'significant', 'influence', 'detail']) wanted.push([`${kind}-2`, 'second', kind]);
  for (const id of Object.keys(panels)) {
    if (wanted.some(([name]) => name === id)) continue;
    panels[id].plane.figure.remove();
    delete panels[id];
  }
  for (const [id, side, kind] of wanted) {
    if (panels[id]) continue;
    const plane = new Plane($('panels'), id, kinds[kind][0], kind === 'detail' ? new View() : view, kinds[kind][1]);
    panels[id] = { plane, side, kind };
    if (kind !== 'detail') listen(plane);
    else {
      plane.canvas.removeAttribute('tabindex');
      plane.canvas.setAttribute('role', 'img');
      plane.canvas.removeAttribute('aria-roledescription');
      plane.canvas.removeAttribute('aria-describedby');
    }
  }
}

const networkOf = (side) => session.networks.find(({ id }) => id === state[side]);
const panelsOf = (kind) => Object.values(panels).filter((panel) => panel.kind === kind);
const imageOf = (id) => session.images.find((one) => one.id === id);
const suffix = (side) => (state.second === '' ? '' : `, ${networkOf(side)?.name ?? ''}`);

// ---------------------------------------------------------------- what is asked

const shown = () => edited || state.image;
const common = (side) => ({ image: shown(), network: state[side], class: state.class, score: state.score });
const target = () => (state.region ? `box:${state.region.join(',')}` : state.row === null ? '' : `pixel:${state.row},${state.column}`);
const influenceOf = (side, where) => ({
  ...common(side), method: state.method, target: where, percent: state.percent, of: state.of,
  ...Object.fromEntries(Object.entries(state.options).map(([name, value]) => [`set.${name}`, value])),
});

async function guarded(panelsHit, work) {
  try {
    const result = await work();
    for (const { plane } of panelsHit) plane.trouble();
    return result;
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    for (const { plane } of panelsHit) plane.trouble(error.message);
    return undefined;
  }
}

const each = (side, ...names) => Object.values(panels).filter((panel) => panel.side === side && names.includes(panel.kind));
const activeSides = () => (state.second === '' ? ['network'] : ['network', 'second']);

async function predict() {
  for (const side of activeSides()) {
    const frame = await guarded(each(side, 'probability'), () => server.ask(`prediction-${side}`, 'api/prediction', { image: shown(), network: state[side], class: state.class }));
    if (!frame) continue;
    sides[side].prediction = { ...frame, edges: outline(frame.arrays.mask) };
    paintPrediction(side);
    paintCount(side);
  }
  paintImage();
}

// The influence of what is pointed at: one question under way, the newest place waits; a slow one is given up for it.
let waiting = false, busy = false, began = 0;
function influence(event) {
  waiting = event ?? true;
  if (!busy) void nextInfluence();
  else if (performance.now() - began > 150) for (const side of activeSides()) server.underway.get(`influence-${side}`)?.abort();
}
async function nextInfluence() {
  busy = true;
  while (waiting) {
    const since = typeof waiting === 'number' ? waiting : performance.now();
    const hover = typeof waiting === 'number';
    waiting = false;
    began = performance.now();
    const where = target();
    if (where === '') break;
    await Promise.all(activeSides().map(async (side) => {
      const hit = each(side, 'influence', 'detail');
      const frame = await guarded(hit, () => server.ask(`influence-${side}`, 'api/influence', influenceOf(side, where)));
      if (frame === undefined) sides[side].answer = null;
      if (frame) sides[side].answer = { ...frame, where };
      if (frame !== null) paintInfluence(side);
    }));
    paintNumbers();
    ++lumen.answers;
    if (hover) lumen.latencies.push(performance.now() - since);
  }
  busy = false;
  keepLink();
}

// The count map comes in pieces.
let counting = 0;
async function count() {
  const turn = ++counting;
  for (const side of activeSides()) sides[side].count = null;
  const left = new Set(activeSides());
  while (left.size && turn === counting) {
    for (const side of left) {
      const hit = each(side, 'significant');
      const frame = await guarded(hit, () => server.ask(`count-${side}`, 'api/count', { ...common(side), percent: state.percent, of: state.of }, { keep: false }));
      if (turn !== counting) return;
      if (frame === undefined) left.delete(side);
      if (!frame) continue;
      sides[side].count = frame;
      paintCount(side);
      if (frame.finished) left.delete(side);
    }
    if (left.size) await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

// ---------------------------------------------------------------- what is shown

const cursorMark = () => {
  if (state.row === null) return [];
  const path = new Path2D();
  const [r, c, arm] = [state.row + 0.5, state.column + 0.5, Math.max(view.rows, view.columns) / view.zoom / 28];
  for (const [from, to] of [[0.25, 1], [-1, -0.25]]) {
    path.moveTo(c + from * arm, r);
    path.lineTo(c + to * arm, r);
    path.moveTo(c, r + from * arm);
    path.lineTo(c, r + to * arm);
  }
  return [{ path, color: '#fff' }];
};

function paintMarks() {
  const pins = state.pins.map(([r, c]) => {
    const path = new Path2D();
    path.arc(c + 0.5, r + 0.5, Math.max(view.rows, view.columns) / view.zoom / 60, 0, 7);
    return { path, color: '#ffd400' };
  });
  const region = dragging?.box ?? state.region;
  for (const { plane, side, kind } of Object.values(panels)) {
    if (kind === 'detail') continue;
    const marks = [...pins, ...cursorMark()];
    if (region) marks.push(boxMark([region[0], region[1], region[2], region[3]], '#ffd400'));
    const edges = sides[side].prediction?.edges;
    if (edges && (kind === 'probability' || kind === 'image')) marks.unshift(segmentsMark(edges, '#35d0ff'));
    const box = sides[side].answer?.box;
    if (kind === 'influence' && box) marks.push(boxMark(box, '#fff'));
    plane.marks = marks;
    plane.draw();
  }
}

function paintImage() {
  if (!image) return;
  const canvas = picture(image, image.range);
  for (const { plane } of Object.values(panels)) plane.base = canvas;
  const about = imageOf(state.image);
  panels.image.plane.name('Image', `${about?.name ?? ''}, ${image.shape[1]} × ${image.shape[2]} pixels${edited ? ', edited' : ''}`);
  panels.image.plane.show([{ canvas }]);
  for (const side of activeSides()) paintInfluence(side);
  paintMarks();
}

function paintPrediction(side) {
  const { prediction } = sides[side];
  for (const { plane } of each(side, 'probability')) {
    const agreement = prediction.iou === undefined || prediction.iou === null ? '' : `, IoU with the label ${number(prediction.iou)}`;
    const before = prediction.change === undefined || prediction.change === null ? '' : `, ${number(prediction.change)} IoU with the prediction for the original`;
    plane.name(`Probability${suffix(side)}`, `${prediction.pixels} pixels predicted${agreement}${before}`);
    plane.range(0, 1, 'viridis');
    plane.show([{ canvas: colored(prediction.arrays.probability, 0, 1, 'viridis') }]);
  }
  paintMarks();
}

function paintCount(side) {
  const { count: frame, prediction } = sides[side];
  for (const { plane } of each(side, 'significant')) {
    if (!frame) {
      plane.show([]);
      continue;
    }
    const { shape, data } = frame.arrays.count;
    const masked = Float32Array.from(data, (value, i) => (prediction && prediction.arrays.mask.data[i] ? value : NaN));
    const most = masked.reduce((a, b) => (b > a ? b : a), 0);
    const left = frame.finished ? '' : `, about ${Math.ceil(frame.secondsLeft)} s left`;
    plane.name(`Most significant pixels${suffix(side)}`, `how many pixels move each predicted one, up to ${number(most)}; ${frame.done} of ${frame.total} asked${left}`);
    plane.progress.hidden = frame.finished;
    plane.progress.value = frame.total ? frame.done / frame.total : 0;
    plane.range(0, most, 'viridis');
    const layers = plane.base ? [{ canvas: plane.base, alpha: 0.35 }] : [];
    plane.show([...layers, { canvas: colored({ shape, data: masked }, 0, most, 'viridis') }]);
  }
}

const placeText = (where) => (where.startsWith('box') ? `region of rows and columns ${where.slice(4)}` : `row ${where.slice(6).replace(',', ', column ')}`);

function paintInfluence(side) {
  const { answer } = sides[side];
  for (const { plane, kind } of each(side, 'influence', 'detail')) {
    if (!answer) {
      plane.name(kinds[kind][0] + suffix(side), kind === 'influence' ? 'point at a pixel' : '');
      plane.show(kind === 'influence' && plane.base && !state.alone ? [{ canvas: plane.base }] : []);
      continue;
    }
    const { arrays: { values }, origin, box } = answer;
    if (kind === 'influence') {
      const most = Math.max(Math.abs(answer.max), Math.abs(answer.min));
      const low = signed.includes(state.colors) ? -most : answer.min, high = signed.includes(state.colors) ? most : answer.max;
      plane.name(`Influence${suffix(side)}`, `${placeText(answer.where)}; ${state.score} ${number(answer.value)}`);
      plane.range(low, high, state.colors);
      const layer = { canvas: colored(values, low, high, state.colors, !state.alone), row: origin[0], column: origin[1] };
      plane.show(plane.base && !state.alone ? [{ canvas: plane.base }, layer] : [layer]);
    } else {
      paintDetail(plane, side, answer, values, origin, box);
    }
  }
  paintMarks();
}

function paintDetail(plane, side, answer, values, origin, box) {
  if (!box) {
    plane.name(`Detail${suffix(side)}`, 'nothing is above the threshold');
    plane.show([]);
    return;
  }
  const [rows, columns] = [box[2] - box[0], box[3] - box[1]];
  const crop = new Float32Array(rows * columns).fill(NaN);
  let most = 0;
  for (let r = 0; r < rows; ++r) {
    for (let c = 0; c < columns; ++c) {
      const [i, j] = [box[0] + r - origin[0], box[1] + c - origin[1]];
      if (i < 0 || j < 0 || i >= values.shape[0] || j >= values.shape[1]) continue;
      crop[r * columns + c] = values.data[i * values.shape[1] + j];
      most = Math.max(most, Math.abs(crop[r * columns + c]));
    }
  }
  plane.view.fit(rows, columns);
  const { numbers } = answer;
  plane.name(`Detail${suffix(side)}`, `rows ${box[0]} to ${box[2] - 1}, columns ${box[1]} to ${box[3] - 1}: ${numbers.pixels} pixels above ${number(numbers.threshold)}`);
  plane.range(-most, most, state.colors);
  plane.show([{ canvas: colored({ shape: [rows, columns], data: crop }, signed.includes(state.colors) ? -most : Math.min(0, answer.min), most, state.colors) }]);
}

const columnsOfNumbers = [
  ['network', 'Network'], ['where', 'Asked'], ['value', 'Score'], ['pixels', 'Pixels'], ['rows', 'Rows'], ['columns', 'Columns'],
  ['area', 'Area'], ['fulfilment', 'Fulfilment'], ['threshold', 'Threshold'], ['positive', 'Positive mass'], ['negative', 'Negative mass'],
  ['inside', 'Inside the mask'], ['radius', 'Radius of 90 %'], ['error', 'Completeness error'],
];

function numberRows() {
  return activeSides().filter((side) => sides[side].answer).map((side) => {
    const { answer } = sides[side];
    const span = (from, to) => (answer.box ? `${answer.box[from]} to ${answer.box[to] - 1}` : '–');
    return { ...answer.numbers, network: networkOf(side)?.name ?? '', where: placeText(answer.where), value: answer.value, rows: span(0, 2), columns: span(1, 3), error: answer.completenessError };
  });
}

function paintNumbers() {
  const rows = numberRows();
  const cell = (kind, text) => Object.assign(document.createElement(kind), { textContent: text });
  const line = (cells) => {
    const row = document.createElement('tr');
    row.append(...cells);
    return row;
  };
  const head = document.createElement('thead'), body = document.createElement('tbody');
  const heading = (title) => {
    const th = cell('th', title);
    th.scope = 'col';
    return th;
  };
  head.append(line(columnsOfNumbers.map(([, title]) => heading(title))));
  body.append(...rows.map((row) => line(columnsOfNumbers.map(([key]) => cell('td', typeof row[key] === 'string' ? row[key] : number(row[key]))))));
  $('numbers').replaceChildren(head, body);
  const quiet = rows.map((row) => `${row.network}: ${row.where}, ${state.score} ${number(row.value)}, ${row.pixels} pixels above the threshold, fulfilment ${number(row.fulfilment)}.`).join(' ');
  clearTimeout(paintNumbers.timer);
  paintNumbers.timer = setTimeout(() => ($('live').textContent = quiet), 500);
}

const pinned = new Map();  // the pictures of pins, by what they show
async function paintPins() {
  $('pins-section').hidden = state.pins.length === 0;
  const kept = new Map([...$('pins').children].map((figure) => [figure.dataset.key, figure]));
  const wanted = state.pins.map(([row, column]) => ({ row, column, key: JSON.stringify([influenceOf('network', `pixel:${row},${column}`), state.alone, state.colors]) }));
  for (const [key, figure] of kept) if (!wanted.some((pin) => pin.key === key)) figure.remove(), pinned.delete(key);
  for (const { row, column, key } of wanted) {
    if (kept.has(key)) continue;
    const plane = new Plane($('pins'), `pin-${row}-${column}`, `Row ${row}, column ${column}`, view);
    plane.canvas.removeAttribute('tabindex');
    plane.canvas.setAttribute('role', 'img');
    plane.canvas.removeAttribute('aria-roledescription');
    plane.canvas.removeAttribute('aria-describedby');
    plane.figure.dataset.key = key;
    pinned.set(key, plane);
    const go = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Let go' });
    go.setAttribute('aria-label', `Let go of row ${row}, column ${column}`);
    go.onclick = () => unpin(row, column);
    plane.figure.append(go);
    const frame = await guarded([{ plane }], () => server.ask(`pin-${row}-${column}`, 'api/influence', influenceOf('network', `pixel:${row},${column}`)));
    if (!frame) continue;
    const most = Math.max(Math.abs(frame.max), Math.abs(frame.min));
    plane.name(`Row ${row}, column ${column}`, `${state.score} ${number(frame.value)}; ${frame.numbers.pixels} pixels, fulfilment ${number(frame.numbers.fulfilment)}`);
    plane.range(-most, most, state.colors);
    const layer = { canvas: colored(frame.arrays.values, -most, most, state.colors, !state.alone), row: frame.origin[0], column: frame.origin[1] };
    plane.show(panels.image.plane.base && !state.alone ? [{ canvas: panels.image.plane.base }, layer] : [layer]);
  }
  keepLink();
}

function redrawViews() {
  Object.assign(state, { zoom: view.zoom, viewRow: view.row, viewColumn: view.column });
  paintMarks();
  for (const plane of pinned.values()) plane.draw();
  keepLink();
}

// ---------------------------------------------------------------- what the person does

let dragging = null;
const inside = ({ row, column }) => row >= 0 && column >= 0 && row < view.rows && column < view.columns;
const tool = () => document.querySelector('input[name=tool]:checked').value;

function pointAt(row, column, since) {
  const [r, c] = [Math.min(view.rows - 1, Math.max(0, Math.floor(row))), Math.min(view.columns - 1, Math.max(0, Math.floor(column)))];
  if (r === state.row && c === state.column && !state.region) return;
  Object.assign(state, { row: r, column: c, region: null });
  paintMarks();
  influence(since);
}

function pin() {
  if (state.row === null || state.pins.some(([r, c]) => r === state.row && c === state.column)) return;
  state.pins = [...state.pins, [state.row, state.column]].slice(-12);
  paintMarks();
  void paintPins();
}
function unpin(row, column) {
  state.pins = state.pins.filter(([r, c]) => r !== row || c !== column);
  paintMarks();
  void paintPins();
}

function listen(plane) {
  const canvas = plane.canvas;
  canvas.addEventListener('pointermove', (event) => {
    const at = plane.place(event);
    if (!dragging) {
      if (tool() === 'ask' && inside(at)) pointAt(at.row, at.column, event.timeStamp);
      return;
    }
    if (dragging.tool === 'move') {
      view.move((dragging.y - event.clientY) * at.perPixel, (dragging.x - event.clientX) * at.perPixel);
      Object.assign(dragging, { x: event.clientX, y: event.clientY });
      redrawViews();
    } else if (dragging.tool === 'region') {
      const clip = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value)));
      const [r, c] = [clip(at.row, view.rows), clip(at.column, view.columns)];
      dragging.box = [Math.min(r, dragging.row), Math.min(c, dragging.column), Math.max(r, dragging.row) + 1, Math.max(c, dragging.column) + 1];
      paintMarks();
    } else if (dragging.tool !== 'ask') {
      stroke(at);
    }
  });
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const at = plane.place(event);
    canvas.setPointerCapture(event.pointerId);
    dragging = { tool: tool(), x: event.clientX, y: event.clientY, row: Math.floor(at.row), column: Math.floor(at.column) };
    if (dragging.tool !== 'move' && !inside(at)) dragging = null;
    else if (!['ask', 'move', 'region'].includes(dragging.tool)) beginStroke(at);
  });
  canvas.addEventListener('pointerup', (event) => {
    const done = dragging;
    dragging = null;
    if (!done) return;
    if (done.tool === 'ask') {
      const at = plane.place(event);
      if (inside(at)) pointAt(at.row, at.column, event.timeStamp), pin();
    } else if (done.tool === 'region' && done.box) {
      state.region = done.box;
      paintMarks();
      influence();
    } else if (done.touched) {
      void sendEdit();
    }
  });
  canvas.addEventListener('pointercancel', () => (dragging = null));
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const at = plane.place(event);
    view.zoomAt(2 ** (-event.deltaY / 300), at.row, at.column);
    redrawViews();
  }, { passive: false });
  canvas.addEventListener('keydown', (event) => {
    const step = event.shiftKey ? 10 : 1;
    const [row, column] = [state.row ?? view.rows >> 1, state.column ?? view.columns >> 1];
    const moves = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] };
    if (moves[event.key]) pointAt(row + moves[event.key][0], column + moves[event.key][1], event.timeStamp);
    else if (event.key === 'Enter' || event.key === ' ') pin();
    else if (event.key === 'Escape') state.row !== null && unpin(state.row, state.column);
    else if (event.key === '+' || event.key === '=') view.zoomAt(1.5, row, column), redrawViews();
    else if (event.key === '-') view.zoomAt(1 / 1.5, row, column), redrawViews();
    else if (event.key === '0') view.fit(view.rows, view.columns), redrawViews();
    else return;
    event.preventDefault();
  });
}

function beginStroke(at) {
  undo.push(image.data.slice());
  if (undo.length > 20) undo.shift();
  dragging.touched = new Uint8Array(view.rows * view.columns);
  stroke(at);
}
function stroke(at) {
  if (!dragging?.touched || !inside(at)) return;
  touch(image, image.range, dragging.tool, at.row, at.column, Math.max(1, Number($('brush').value) || 1), dragging.touched);
  paintImage();
}
async function sendEdit() {
  try {
    const { id } = await server.post(`api/edits?image=${encodeURIComponent(state.image)}`, encodeNpy(image));
    edited = id;
    whole();
  } catch (error) {
    wrong(error.message);
  }
  $('undo').disabled = undo.length === 0;
  $('original').disabled = !edited;
}

function whole() {
  wrong();
  void predict();
  void count();
  influence();
  void paintPins();
  keepLink();
}

async function loadImage() {
  edited = '';
  undo = [];
  $('undo').disabled = $('original').disabled = true;
  const frame = await guarded(panelsOf('image'), () => server.ask('image', 'api/image', { image: state.image }));
  if (!frame) return;
  image = { shape: frame.arrays.image.shape, data: frame.arrays.image.data.slice(), range: frame.range };
  pristine = image.data.slice();
  const [, rows, columns] = image.shape;
  view.fit(rows, columns);
  if (state.zoom > 1) Object.assign(view, { zoom: Math.min(64, state.zoom), row: state.viewRow, column: state.viewColumn }), view.clamp();
  if (state.row !== null && (state.row >= rows || state.column >= columns)) state.row = state.column = null;
  state.pins = state.pins.filter(([r, c]) => r >= 0 && c >= 0 && r < rows && c < columns);
  for (const side of Object.values(sides)) side.answer = side.prediction = side.count = null;
  paintImage();
  whole();
}

function wrong(sentence = '') {
  $('trouble').textContent = sentence;
  $('trouble').hidden = sentence === '';
}

let linkTimer;
function keepLink() {
  clearTimeout(linkTimer);
  linkTimer = setTimeout(() => history.replaceState(null, '', toHash(state)), 150);
}

// ---------------------------------------------------------------- choices

function fill(select, entries, chosen) {
  const options = entries.map(([value, label]) => Object.assign(document.createElement('option'), { value, textContent: label }));
  select.replaceChildren(...options);
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
  return select.value;
}

function fillChoices() {
  state.image = fill($('image'), session.images.map((one) => [one.id, one.name]), state.image);
  state.network = fill($('network'), session.networks.map((one) => [one.id, one.name]), state.network);
  const others = session.networks.filter((one) => one.id !== state.network).map((one) => [one.id, one.name]);
  state.second = fill($('second'), [['', 'nothing'], ...others], state.second);
  $('second').disabled = others.length === 0;
  const names = networkOf('network').classes;
  state.class = Number(fill($('class'), names.map((name, i) => [i, name]), Math.min(state.class, names.length - 1)));
  state.score = fill($('score'), session.scores.map((name) => [name, name]), state.score);
  state.method = fill($('method'), session.methods.map((one) => [one.id, one.name]), state.method);
  state.colors = fill($('colors'), Object.keys(maps).map((name) => [name, name]), state.colors);
  fillOptions();
  $('of').value = state.of = state.of === 'global' ? 'global' : 'own';
  $('percent').value = state.percent;
  $('threshold').value = Math.log10(state.percent);
  $('alone').checked = state.alone;
}

function fillOptions() {
  const method = session.methods.find(({ id }) => id === state.method);
  const known = new Set((method?.options ?? []).map(({ name }) => name));
  for (const name of Object.keys(state.options)) if (!known.has(name)) delete state.options[name];
  $('options').replaceChildren(...(method?.options ?? []).map((option) => {
    const label = document.createElement('label');
    const input = option.choices ? document.createElement('select') : document.createElement('input');
    if (option.choices) fill(input, option.choices.map((one) => [one, one]), state.options[option.name] ?? option.default);
    else Object.assign(input, { type: 'text', size: 6, value: state.options[option.name] ?? option.default });
    input.title = option.help ?? '';
    input.onchange = () => {
      if (input.value === String(option.default)) delete state.options[option.name];
      else state.options[option.name] = input.value;
      influence();
      void paintPins();
    };
    label.append(`${option.name} `, input);
    return label;
  }));
}

function listenToChoices() {
  const on = (id, then) => ($(id).onchange = () => then($(id).value));
  on('image', (value) => (Object.assign(state, { image: value, region: null, zoom: 1 }), loadImage()));
  on('network', (value) => ((state.network = value), fillChoices(), makePanels(), paintImage(), whole()));
  on('second', (value) => ((state.second = value), makePanels(), paintImage(), whole()));
  on('class', (value) => ((state.class = Number(value)), whole()));
  on('score', (value) => ((state.score = value), whole()));
  on('method', (value) => ((state.method = value), fillOptions(), influence(), void paintPins()));
  on('colors', (value) => ((state.colors = value), activeSides().forEach(paintInfluence), void paintPins()));
  on('of', (value) => ((state.of = value), influence(), void count(), void paintPins()));
  const percent = (value, done) => {
    if (!(value > 0 && value <= 100)) return wrong('the threshold is a share of the maximum: more than 0 and at most 100 percent');
    wrong();
    state.percent = Number(value.toPrecision(4));
    $('percent').value = state.percent;
    $('threshold').value = Math.log10(state.percent);
    influence();
    if (done) void count(), void paintPins();
  };
  $('threshold').oninput = () => percent(10 ** Number($('threshold').value), false);
  $('threshold').onchange = () => percent(10 ** Number($('threshold').value), true);
  $('percent').onchange = () => percent(Number($('percent').value), true);
  $('alone').onchange = () => ((state.alone = $('alone').checked), activeSides().forEach(paintInfluence), void paintPins());
  $('fit').onclick = () => (view.fit(view.rows, view.columns), redrawViews());
  $('undo').onclick = () => {
    image.data.set(undo.pop());
    paintImage();
    void sendEdit();
  };
  $('original').onclick = () => {
    image.data.set(pristine);
    undo = [];
    edited = '';
    $('undo').disabled = $('original').disabled = true;
    paintImage();
    whole();
  };
  $('upload').onchange = async () => {
    const [file] = $('upload').files;
    if (!file) return;
    try {
      const { image: added } = await server.post(`api/images?name=${encodeURIComponent(file.name)}`, file);
      session.images.push(added);
      state.image = added.id;
      fillChoices();
      wrong();
      await loadImage();
    } catch (error) {
      wrong(`${file.name}: ${error.message}`);
    }
    $('upload').value = '';
  };
  for (const form of [$('choices'), $('tools')]) form.onsubmit = (event) => event.preventDefault();
  $('save-png').onclick = savePictures;
  $('save-npy').onclick = saveInfluence;
  $('save-csv').onclick = saveNumbers;
  $('save-link').onclick = saveLink;
  window.onhashchange = () => {
    if (toHash(state) === location.hash) return;
    state = fromHash(location.hash);
    fillChoices();
    makePanels();
    void loadImage();
  };
}

// ---------------------------------------------------------------- saving

function download(name, blob) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  $('saved').textContent = `saved ${name}`;
}
const stem = () => `${(imageOf(state.image)?.name ?? 'image').replace(/[^\w.-]+/g, '_')}-${(target() || 'none').replace(/[^\w]+/g, '-')}`;

function savePictures() {
  const planes = Object.values(panels).map(({ plane }) => plane);
  const [side, gap, text] = [480, 16, 40];
  const columns = Math.min(planes.length, 3), rows = Math.ceil(planes.length / columns);
  const sheet = Object.assign(document.createElement('canvas'), { width: columns * (side + gap) + gap, height: rows * (side + text + gap) + gap });
  const to = sheet.getContext('2d');
  to.fillStyle = '#fff';
  to.fillRect(0, 0, sheet.width, sheet.height);
  to.imageSmoothingEnabled = false;
  planes.forEach((plane, i) => {
    const [x, y] = [gap + (i % columns) * (side + gap), gap + Math.floor(i / columns) * (side + text + gap)];
    to.drawImage(plane.canvas, x, y, side, side);
    to.fillStyle = '#1d1d20';
    to.font = 'bold 14px sans-serif';
    to.fillText(plane.title.textContent, x, y + side + 16, side);
    to.font = '13px sans-serif';
    to.fillText(plane.text.textContent, x, y + side + 33, side);
  });
  sheet.toBlob((blob) => download(`${stem()}.png`, blob), 'image/png');
}

function saveInfluence() {
  const { answer } = sides.network;
  if (!answer) return wrong('point at a pixel first: there is no influence to save yet');
  const { arrays: { values }, origin } = answer;
  const dense = new Float32Array(view.rows * view.columns);
  for (let r = 0; r < values.shape[0]; ++r) {
    for (let c = 0; c < values.shape[1]; ++c) {
      const [i, j] = [origin[0] + r, origin[1] + c];
      if (i >= 0 && j >= 0 && i < view.rows && j < view.columns) dense[i * view.columns + j] = values.data[r * values.shape[1] + c];
    }
  }
  download(`${stem()}.npy`, new Blob([encodeNpy({ shape: [view.rows, view.columns], data: dense })]));
}

function saveNumbers() {
  const rows = numberRows();
  if (!rows.length) return wrong('point at a pixel first: there are no numbers to save yet');
  const settings = [['image', imageOf(state.image)?.name ?? ''], ['class', state.class], ['score', state.score], ['method', state.method], ['percent', state.percent], ['of', state.of]];
  const plain = (value) => (value === null || value === undefined ? '' : value);
  download(`${stem()}.csv`, new Blob([encodeCsv([
    [...settings.map(([name]) => name), ...columnsOfNumbers.map(([key]) => key)],
    ...rows.map((row) => [...settings.map(([, value]) => value), ...columnsOfNumbers.map(([key]) => plain(row[key]))]),
  ])], { type: 'text/csv' }));
}

async function saveLink() {
  const link = location.href.replace(/#.*$/, '') + toHash(state);
  history.replaceState(null, '', toHash(state));
  try {
    await navigator.clipboard.writeText(link);
    $('saved').textContent = 'the link is on the clipboard';
  } catch {
    $('saved').textContent = link;
  }
}

// ---------------------------------------------------------------- start

async function start() {
  try {
    session = await server.json('api/session');
  } catch (error) {
    return wrong(error.message);
  }
  server.tab = session.tab;
  $('state').textContent = `${session.name} ${session.version}`;
  if (!session.images.length) return wrong('there is no image: start the explorer with --images, or open one here');
  fillChoices();
  makePanels();
  listenToChoices();
  await loadImage();
  lumen.ready = true;
}

void start();
