// SPDX-License-Identifier: BSD-3-Clause
// The page: what the person does becomes the state, the state becomes questions, the answers become pictures.

import { touch } from './brush.js';
import { maps, signed } from './colors.js';
import { encodeCsv, encodeNpy } from './frame.js';
import { csvRows, fillTable, numbersOf, placeText, spoken } from './numbers.js';
import { Plane, View, boxMark, colored, crossMark, number, outline, picture, ringMark, segmentsMark } from './plane.js';
import { listen } from './pointer.js';
import { dense, download, sheet } from './saving.js';
import { Refused, Server } from './server.js';
import { fromHash, toHash } from './state.js';

const $ = (id) => document.getElementById(id);
const server = new Server();
const view = new View();
let session, state = fromHash(location.hash);
let image = null, pristine = null, undo = [], touched = null, draft = null;
const sides = { network: {}, second: {} };  // prediction, answer, count of each network
const panels = {};

// For those who measure and test: how long each hover took, from the pointer to the picture; whether all is answered.
const lumen = (window.lumen = { latencies: [], ready: false, answers: 0, idle: () => !busy && !waiting && !sending && server.underway.size === 0 });

// ---------------------------------------------------------------- panels

const kinds = { influence: 'Influence', image: 'Image', detail: 'Detail', probability: 'Probability', significant: 'Most significant pixels' };

function makePanels() {
  document.body.classList.toggle('compares', state.second !== '');
  const wanted = Object.keys(kinds).map((kind) => [kind, 'network', kind]);
  if (state.second !== '') for (const kind of ['influence', 'detail', 'probability', 'significant']) wanted.push([`${kind}-2`, 'second', kind]);
  for (const id of Object.keys(panels)) {
    if (wanted.some(([name]) => name === id)) continue;
    panels[id].plane.remove();
    delete panels[id];
  }
  for (const [id, side, kind] of wanted) {
    if (panels[id]) continue;
    const cursor = kind !== 'detail';
    const plane = new Plane($('panels'), id, kinds[kind], cursor ? view : new View(), { scale: kind !== 'image', cursor });
    panels[id] = { plane, side, kind };
    if (cursor) listen(plane, person);
  }
  for (const [id] of wanted) $('panels').append(panels[id].plane.figure);
  panels.influence.plane.figure.append($('keys'));
}

const networkOf = (side) => session.networks.find(({ id }) => id === state[side]);
const imageOf = (id) => session.images.find((one) => one.id === id);
const suffix = (side) => (state.second === '' ? '' : `, ${networkOf(side)?.name ?? ''}`);
const each = (side, ...names) => Object.values(panels).filter((panel) => panel.side === side && names.includes(panel.kind)).map(({ plane }) => plane);
const activeSides = () => (state.second === '' ? ['network'] : ['network', 'second']);

// ---------------------------------------------------------------- what is asked

const common = (side) => ({ image: state.edit || state.image, network: state[side], class: state.class, score: state.score });
const target = () => (state.region ? `box:${state.region.join(',')}` : state.row === null ? '' : `pixel:${state.row},${state.column}`);
const influenceOf = (side, where) => ({
  ...common(side), method: state.method, target: where, percent: state.percent, of: state.of,
  ...Object.fromEntries(Object.entries(state.options).map(([name, value]) => [`set.${name}`, value])),
});

// What `work` gives; undefined, and a sentence at `planes`, when it fails.
async function guarded(planes, work) {
  try {
    const result = await work();
    for (const plane of planes) plane.trouble();
    return result;
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    for (const plane of planes) plane.trouble(error.message);
    return undefined;
  }
}

// The same for what is waited for.
async function waited(planes, work) {
  for (const plane of planes) plane.begin();
  try {
    return await guarded(planes, work);
  } finally {
    for (const plane of planes) plane.end();
  }
}

async function predict() {
  await Promise.all(activeSides().map(async (side) => {
    const { image: shown, network, class: of } = common(side);
    const frame = await waited(each(side, 'probability'), () => server.ask(`prediction-${side}`, 'api/prediction', { image: shown, network, class: of }));
    if (!frame) return;
    sides[side].prediction = { ...frame, edges: segmentsMark(outline(frame.arrays.mask), '#35d0ff') };
    paintPrediction(side);
    paintCount(side);
  }));
}

// The influence of what is pointed at: one question under way, the newest place waits; a slow one is given up for it.
let waiting = null, busy = false, began = 0;
function influence(since) {
  waiting = { since: since ?? performance.now(), hover: since !== undefined };
  if (!busy) void nextInfluence();
  else if (performance.now() - began > 150) for (const side of activeSides()) server.underway.get(`influence-${side}`)?.abort();
}
async function nextInfluence() {
  busy = true;
  while (waiting) {
    const { since, hover } = waiting;
    waiting = null;
    began = performance.now();
    const where = target();
    if (where === '') break;
    await Promise.all(activeSides().map(async (side) => {
      const tell = (progress) => each(side, 'influence').forEach((plane) => plane.reach(progress));
      const frame = await waited(each(side, 'influence', 'detail'), () => server.ask(`influence-${side}`, 'api/influence', influenceOf(side, where), { tell }));
      if (frame === null) return;
      sides[side].answer = frame && { ...frame, where };
      paintInfluence(side);
    }));
    paintMarks();
    paintNumbers();
    ++lumen.answers;
    if (hover) lumen.latencies.push(performance.now() - since);
  }
  busy = false;
  keepLink();
}

// The count map comes in pieces; nobody counts for a page that is not looked at.
let counting = 0;
async function count() {
  const turn = ++counting;
  for (const side of activeSides()) sides[side].count = null;
  const left = new Set(activeSides());
  while (left.size && turn === counting) {
    for (const side of document.hidden ? [] : left) {
      const frame = await guarded(each(side, 'significant'), () => server.ask(`count-${side}`, 'api/count', { ...common(side), percent: state.percent, of: state.of }, { keep: false }));
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

function whole() {
  wrong();
  void predict();
  void count();
  influence();
  void paintPins();
  keepLink();
}

// ---------------------------------------------------------------- what is shown

function paintMarks() {
  const size = Math.max(view.rows, view.columns) / view.zoom;
  const marks = state.pins.map(([r, c]) => ringMark(r, c, size / 60, '#ffd400'));
  if (state.row !== null) marks.push(crossMark(state.row, state.column, size / 28, '#fff'));
  const region = draft ?? state.region;
  if (region) marks.push(boxMark(region, '#ffd400'));
  for (const { plane, side, kind } of Object.values(panels)) {
    if (kind === 'detail') continue;
    const box = kind === 'influence' && sides[side].answer?.box;
    plane.marks = box ? [...marks, boxMark(box, '#fff')] : marks;
    plane.draw();
  }
  if (state.row !== null) for (const name of ['row', 'column']) if (document.activeElement !== $(name)) $(name).value = state[name];
}

function paintImage() {
  if (!image) return;
  const canvas = picture(image, image.range);
  for (const { plane } of Object.values(panels)) plane.base = canvas;
  panels.image.plane.name('Image', `${imageOf(state.image)?.name ?? ''}, ${image.shape[1]} × ${image.shape[2]} pixels${state.edit || touched ? ', edited' : ''}`);
  panels.image.plane.show([{ canvas }]);
  for (const side of activeSides()) paintInfluence(side), paintCount(side);
  paintMarks();
}

function paintPrediction(side) {
  const { prediction } = sides[side];
  if (!prediction) return;
  const agreement = typeof prediction.iou === 'number' ? `, IoU with the label ${number(prediction.iou)}` : '';
  const before = typeof prediction.change === 'number' ? `, IoU with the prediction for the original ${number(prediction.change)}` : '';
  for (const plane of each(side, 'probability')) {
    plane.name(`Probability${suffix(side)}`, `${prediction.pixels} pixels predicted${agreement}${before}`);
    plane.range(0, 1, 'viridis');
    plane.show([{ canvas: colored(prediction.arrays.probability, 0, 1, 'viridis') }], [prediction.edges]);
  }
  if (side === 'network') panels.image.plane.fix([prediction.edges]);
  paintMarks();
}

function paintCount(side) {
  const { count: frame, prediction } = sides[side];
  for (const plane of each(side, 'significant')) {
    const layers = plane.base ? [{ canvas: plane.base, alpha: 0.4 }] : [];
    if (!frame) {
      plane.name(kinds.significant + suffix(side));
      plane.show(layers);
      continue;
    }
    const { shape, data } = frame.arrays.count;
    const masked = Float32Array.from(data, (value, i) => (prediction && prediction.arrays.mask.data[i] ? value : NaN));
    const most = masked.reduce((a, b) => (b > a ? b : a), 0);
    const rough = frame.exact ? '' : ', of the largest maximum so far';
    const left = frame.finished ? '' : `${rough}; ${frame.done} of ${frame.total} asked${frame.secondsLeft > 0 ? `, about ${Math.ceil(frame.secondsLeft)} s left` : ''}`;
    plane.name(kinds.significant + suffix(side), `how many pixels move each predicted one: up to ${number(most)}${left}`);
    plane.progress.hidden = frame.finished;
    plane.progress.value = frame.total ? frame.done / frame.total : 0;
    plane.range(0, most, 'viridis');
    plane.show([...layers, { canvas: colored({ shape, data: masked }, 0, most, 'viridis') }]);
  }
}

// The ends of the colours: symmetric about 0 where the colours are.
const rangeOf = ({ min, max }) => {
  const most = Math.max(Math.abs(max), Math.abs(min));
  return signed.includes(state.colors) ? [-most, most] : [Math.min(0, min), Math.max(0, max)];
};

// A map over the image, or alone; beyond its window it is 0.
function mapLayers({ arrays: { values }, origin, ...ends }) {
  const [low, high] = rangeOf(ends);
  const layer = { canvas: colored(values, low, high, state.colors, !state.alone), row: origin[0], column: origin[1] };
  const { base } = panels.image.plane;
  if (base && !state.alone) return [{ canvas: base }, layer];
  return [{ canvas: colored({ shape: [view.rows, view.columns], data: new Float32Array(view.rows * view.columns) }, low, high, state.colors) }, layer];
}

function paintInfluence(side) {
  const { answer } = sides[side];
  for (const plane of each(side, 'influence')) {
    if (answer) {
      plane.name(`Influence${suffix(side)}`, `${placeText(answer.where)}; ${state.score} ${number(answer.value)}`);
      plane.range(...rangeOf(answer), state.colors);
      plane.show(mapLayers(answer));
    } else {
      plane.name(kinds.influence + suffix(side), 'point at a pixel');
      plane.show(plane.base && !state.alone ? [{ canvas: plane.base }] : []);
    }
  }
  for (const plane of each(side, 'detail')) paintDetail(plane, side, answer);
}

function paintDetail(plane, side, answer) {
  plane.marks = [];
  if (!answer?.box) {
    plane.name(kinds.detail + suffix(side), !answer ? 'what is above the threshold' : answer.numbers.pixels === undefined ? 'the threshold is known once all pixels were counted' : 'nothing is above the threshold');
    plane.show([]);
    return;
  }
  const { arrays: { values }, origin, box, numbers, where } = answer;
  const [rows, columns] = [box[2] - box[0], box[3] - box[1]];
  const crop = new Float32Array(rows * columns);
  for (let r = 0; r < rows; ++r) {
    for (let c = 0; c < columns; ++c) {
      const [i, j] = [box[0] + r - origin[0], box[1] + c - origin[1]];
      if (i >= 0 && j >= 0 && i < values.shape[0] && j < values.shape[1]) crop[r * columns + c] = values.data[i * values.shape[1] + j];
    }
  }
  plane.view.fit(rows, columns);
  plane.name(`Detail${suffix(side)}`, `rows ${box[0]} to ${box[2] - 1}, columns ${box[1]} to ${box[3] - 1}: ${numbers.pixels} pixels above ${number(numbers.threshold)}`);
  plane.range(...rangeOf(answer), state.colors);
  if (where.startsWith('pixel')) {
    const [r, c] = where.slice(6).split(',').map(Number);
    if (r >= box[0] && r < box[2] && c >= box[1] && c < box[3]) plane.marks = [boxMark([r - box[0], c - box[1], r - box[0] + 1, c - box[1] + 1], '#fff')];
  }
  plane.show([{ canvas: colored({ shape: [rows, columns], data: crop }, ...rangeOf(answer), state.colors) }]);
}

// What was asked under the cursor, then the pins.
function numberColumns() {
  const of = (side, answer, where) => numbersOf(answer, where, networkOf(side)?.name ?? '');
  const now = activeSides().filter((side) => sides[side].answer).map((side) => of(side, sides[side].answer, sides[side].answer.where));
  return [...now, ...[...pinned.values()].filter(({ frame }) => frame).map(({ side, frame, where }) => of(side, frame, where))];
}

function paintNumbers() {
  const columns = numberColumns();
  fillTable($('numbers'), columns, state.second !== '');
  clearTimeout(paintNumbers.timer);
  paintNumbers.timer = setTimeout(() => say(spoken(columns.slice(0, activeSides().length), state.score)), 500);
}
const say = (words) => ($('live').textContent = words);

const pinned = new Map();  // of each pin and network, by what it shows: plane, side, where, frame
async function paintPins() {
  $('pins-section').hidden = state.pins.length === 0;
  const wanted = state.pins.flatMap(([row, column]) => activeSides().map((side) => {
    const where = `pixel:${row},${column}`;
    return { row, column, side, where, key: JSON.stringify([side, influenceOf(side, where), state.alone, state.colors, state.second !== '']) };
  }));
  for (const [key, { plane }] of pinned) if (!wanted.some((pin) => pin.key === key)) plane.remove(), pinned.delete(key);
  await Promise.all(wanted.filter(({ key }) => !pinned.has(key)).map(async ({ row, column, side, where, key }) => {
    const plane = new Plane($('pins'), `pin-${row}-${column}-${side}`, `Row ${row}, column ${column}${suffix(side)}`, view, { cursor: false });
    const pin = { plane, side, where, frame: null };
    pinned.set(key, pin);
    const go = Object.assign(document.createElement('button'), { type: 'button', textContent: '×', title: 'Let go' });
    go.setAttribute('aria-label', `Let go of row ${row}, column ${column}`);
    go.onclick = () => unpin(row, column);
    plane.figure.append(go);
    const frame = await waited([plane], () => server.ask(`pin-${row}-${column}-${side}`, 'api/influence', influenceOf(side, where), { tell: (progress) => plane.reach(progress) }));
    if (!frame) return;
    pin.frame = frame;
    plane.name(`Row ${row}, column ${column}${suffix(side)}`, `${state.score} ${number(frame.value)}; ${number(frame.numbers.pixels)} pixels, fulfilment ${number(frame.numbers.fulfilment)}`);
    plane.range(...rangeOf(frame), state.colors);
    plane.marks = [crossMark(row, column, Math.max(view.rows, view.columns) / view.zoom / 28, '#fff')];
    plane.show(mapLayers(frame));
  }));
  const order = new Map(wanted.map(({ key }, i) => [key, i]));
  const sorted = [...pinned].sort(([a], [b]) => order.get(a) - order.get(b));
  pinned.clear();
  for (const [key, pin] of sorted) pinned.set(key, pin);
  $('pins').append(...sorted.map(([, { plane }]) => plane.figure));
  paintNumbers();
  keepLink();
}

// ---------------------------------------------------------------- what the person does

const inWhole = (at, size) => Math.min(size - 1, Math.max(0, Math.floor(at)));

function unpin(row, column) {
  state.pins = state.pins.filter(([r, c]) => r !== row || c !== column);
  paintMarks();
  void paintPins();
  panels.image.plane.canvas.focus({ preventScroll: true });
}

const person = {
  view,
  tool: () => document.querySelector('input[name=tool]:checked').value,
  cursor: () => ({ row: state.row ?? view.rows >> 1, column: state.column ?? view.columns >> 1 }),
  point(row, column, since) {
    if (!image) return;
    const [r, c] = [inWhole(row, view.rows), inWhole(column, view.columns)];
    if (r === state.row && c === state.column && !state.region) return;
    Object.assign(state, { row: r, column: c, region: null });
    paintMarks();
    influence(since);
  },
  pin() {
    if (!image || state.row === null || state.pins.some(([r, c]) => r === state.row && c === state.column)) return;
    state.pins = [...state.pins, [state.row, state.column]].slice(-12);
    paintMarks();
    void paintPins();
  },
  letGo() {
    draft = null;
    if (state.region) {
      state.region = null;
      influence();
    } else if (state.row !== null) {
      unpin(state.row, state.column);
    }
    paintMarks();
  },
  draft(box) {
    if (box && !draft) say(`a region begins at row ${box[0]}, column ${box[1]}`);
    draft = box;
    paintMarks();
  },
  region(box) {
    if (!image) return;
    draft = null;
    state.region = box;
    paintMarks();
    influence();
  },
  beginStroke() {
    if (!image) return;
    undo.push(image.data.slice());
    if (undo.length > 20) undo.shift();
    touched = new Uint8Array(view.rows * view.columns);
  },
  stroke(row, column) {
    if (!touched) return;
    touch(image, image.range, person.tool(), row, column, Math.max(1, Number($('brush').value) || 1), touched);
    paintImage();
    void sendEdit(false);
  },
  endStroke() {
    if (!touched) return;
    touched = null;
    void sendEdit(true);
  },
  redraw() {
    Object.assign(state, { zoom: view.zoom, viewRow: view.row, viewColumn: view.column });
    $('fit').disabled = view.zoom === 1;
    paintMarks();
    const arm = Math.max(view.rows, view.columns) / view.zoom / 28;
    for (const { plane, where } of pinned.values()) {
      plane.marks = [crossMark(...where.slice(6).split(',').map(Number), arm, '#fff')];
      plane.draw();
    }
    keepLink();
  },
};

// The painted image goes to the server, one at a time; what was painted meanwhile follows it. A stroke's end counts anew.
let edition = 0, sending = false, unsent = false, ended = false;
async function sendEdit(end) {
  unsent = true;
  ended ||= end;
  paintTools();
  if (sending) return;
  sending = true;
  while (unsent) {
    unsent = false;
    const [turn, last] = [edition, ended];
    ended = false;
    try {
      const { id } = await server.post(`api/edits?image=${encodeURIComponent(state.image)}`, encodeNpy(image));
      if (turn !== edition) continue;
      state.edit = id;
      if (last) {
        whole();
      } else {
        void predict();
        influence();
      }
    } catch (error) {
      wrong(error.message);
    }
  }
  sending = false;
  paintTools();
}
function paintTools() {
  $('undo').disabled = undo.length === 0;
  $('original').disabled = !state.edit && undo.length === 0;
}
function original() {
  ++edition;
  image.data.set(pristine);
  undo = [];
  state.edit = '';
  paintTools();
  paintImage();
  whole();
}

let loading = 0;
async function loadImage() {
  const turn = ++loading;
  ++edition;
  undo = [];
  touched = draft = null;
  const hit = [panels.image.plane];
  const frame = await waited(hit, () => server.ask('image', 'api/image', { image: state.image }));
  if (!frame || turn !== loading) return;
  image = { shape: frame.arrays.image.shape, data: frame.arrays.image.data.slice(), range: frame.range };
  pristine = image.data.slice();
  let gone = '';
  if (state.edit) {
    const edited = await server.ask('edit', 'api/image', { image: state.edit }).catch(() => null);
    if (turn !== loading) return;
    if (edited?.of === state.image) image.data.set(edited.arrays.image.data);
    else gone = 'the painted image of this link is not kept any more; this is the original', (state.edit = '');
  }
  const [, rows, columns] = image.shape;
  const { zoom, viewRow, viewColumn } = state;
  view.fit(rows, columns);
  if (zoom > 1) Object.assign(view, { zoom: Math.min(64, zoom), row: viewRow, column: viewColumn }), view.clamp();
  const fits = (r, c) => r >= 0 && c >= 0 && r < rows && c < columns;
  if (state.row !== null && !fits(state.row, state.column)) state.row = state.column = null;
  if (state.region && !(fits(state.region[0], state.region[1]) && fits(state.region[2] - 1, state.region[3] - 1))) state.region = null;
  state.pins = state.pins.filter(([r, c]) => fits(r, c));
  for (const [name, size] of [['row', rows], ['column', columns]]) Object.assign($(name), { max: size - 1, value: '' });
  for (const side of Object.values(sides)) side.answer = side.prediction = side.count = null;
  panels.image.plane.fix([]);
  for (const side of activeSides()) for (const plane of each(side, 'probability')) plane.show([], []);
  paintTools();
  paintImage();
  person.redraw();
  whole();
  if (gone) wrong(gone);
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

// Fills what can be chosen, and gives a sentence about what the state names and is not here.
function fillChoices() {
  const missed = [];
  const chosen = (name, entries, what) => {
    const asked = state[name];
    state[name] = fill($(name), entries, asked);
    if (asked !== '' && asked !== state[name]) missed.push(`${what} ${asked} is not here; this is ${$(name).selectedOptions[0]?.textContent ?? 'none'}`);
  };
  const pairs = (all) => all.map((one) => [one.id, one.name]);
  const [asked] = [state.image];
  chosen('image', pairs(session.images), 'image');
  if (asked !== state.image) state.edit = '';
  chosen('network', pairs(session.networks), 'network');
  const others = session.networks.filter((one) => one.id !== state.network);
  if (state.second === state.network) state.second = '';
  chosen('second', [['', 'nothing'], ...pairs(others)], 'network');
  $('second').disabled = others.length === 0;
  const names = networkOf('network').classes;
  const last = Math.max(0, Math.min(state.class, names.length - 1));
  if (last !== state.class && state.class !== 1) missed.push(`class ${state.class} is not here; this is ${names[last]}`);
  state.class = Number(fill($('class'), names.map((name, i) => [i, name]), last));
  chosen('score', session.scores.map((name) => [name, name]), 'score');
  chosen('method', pairs(session.methods), 'method');
  chosen('colors', Object.keys(maps).map((name) => [name, name]), 'colour map');
  fillOptions();
  $('percent').value = state.percent;
  $('threshold').value = Math.log10(state.percent);
  $('alone').checked = state.alone;
  return missed.join('; ');
}

function fillOptions() {
  const method = session.methods.find(({ id }) => id === state.method);
  $('method').title = method?.what ?? '';
  // the image's maximum is that of all pixels' gradients
  const global = state.method === session.methods[0].id;
  $('of').value = state.of = state.of === 'global' && global ? 'global' : 'own';
  $('of').options[1].disabled = !global;
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

async function openFile(file) {
  try {
    const { image: added } = await server.post(`api/images?name=${encodeURIComponent(file.name)}`, file);
    session.images.push(added);
    Object.assign(state, { image: added.id, edit: '', region: null, zoom: 1 });
    fillChoices();
    wrong();
    await loadImage();
  } catch (error) {
    wrong(`${file.name}: ${error.message}`);
  }
}

function listenToChoices() {
  const on = (id, then) => ($(id).onchange = () => then($(id).value));
  on('image', (value) => (Object.assign(state, { image: value, edit: '', region: null, zoom: 1 }), loadImage()));
  on('network', (value) => ((state.network = value), fillChoices(), makePanels(), forget(), whole()));
  on('second', (value) => ((state.second = value), makePanels(), forget(), whole()));
  on('class', (value) => ((state.class = Number(value)), whole()));
  on('score', (value) => ((state.score = value), whole()));
  on('method', (value) => ((state.method = value), fillOptions(), influence(), void count(), void paintPins()));
  const recolour = () => (activeSides().forEach(paintInfluence), paintMarks(), void paintPins());
  on('colors', (value) => ((state.colors = value), recolour()));
  $('alone').onchange = () => ((state.alone = $('alone').checked), recolour());
  on('of', (value) => ((state.of = value), influence(), void count(), void paintPins()));
  const percent = (value, done) => {
    if (!(value > 0 && value <= 100)) return wrong('the threshold is a share of the maximum: more than 0 and at most 100 percent');
    wrong();
    state.percent = Number(value.toPrecision(4));
    $('percent').value = state.percent;
    $('threshold').value = Math.log10(state.percent);
    $('threshold').setAttribute('aria-valuetext', `${state.percent} percent`);
    influence();
    if (done) void count(), void paintPins();
  };
  $('threshold').oninput = () => percent(10 ** Number($('threshold').value), false);
  $('threshold').onchange = () => percent(10 ** Number($('threshold').value), true);
  $('percent').onchange = () => percent(Number($('percent').value), true);
  for (const name of ['row', 'column']) {
    on(name, () => {
      const [row, column] = ['row', 'column'].map((one) => ($(one).value === '' ? person.cursor()[one] : Number($(one).value)));
      if (!(Number.isInteger(row) && Number.isInteger(column) && row >= 0 && column >= 0 && row < view.rows && column < view.columns)) {
        return wrong(`there is no such pixel: the image has rows 0 to ${view.rows - 1} and columns 0 to ${view.columns - 1}`);
      }
      wrong();
      person.point(row, column, performance.now());
    });
  }
  $('settings').onclick = () => {
    const open = document.querySelector('header').classList.toggle('open');
    $('settings').setAttribute('aria-expanded', String(open));
  };
  $('fit').onclick = () => (view.fit(view.rows, view.columns), person.redraw());
  for (const input of document.querySelectorAll('input[name=tool]')) {
    input.onchange = () => {
      document.body.classList.toggle('drags', person.tool() !== 'ask');
      document.body.classList.toggle('moves', person.tool() === 'move');
    };
  }
  $('undo').onclick = () => {
    image.data.set(undo.pop());
    if (image.data.every((value, i) => value === pristine[i])) return original();
    paintImage();
    void sendEdit(true);
  };
  $('original').onclick = original;
  $('upload').onchange = async () => {
    const [file] = $('upload').files;
    if (file) await openFile(file);
    $('upload').value = '';
  };
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void openFile(file);
  };
  for (const form of [$('choices'), $('tools')]) form.onsubmit = (event) => event.preventDefault();
  $('save-png').onclick = savePictures;
  $('save-npy').onclick = saveInfluence;
  $('save-csv').onclick = saveNumbers;
  $('save-link').onclick = saveLink;
  window.onpagehide = () => server.leave();
  window.onhashchange = () => {
    if (toHash(state) === location.hash) return;
    state = fromHash(location.hash);
    void look();
  };
}

// Answers of another network are not shown under this one's name.
function forget() {
  for (const side of Object.values(sides)) side.answer = side.prediction = side.count = null;
  for (const side of activeSides()) for (const plane of each(side, 'probability')) plane.show([], []);
  panels.image.plane.fix([]);
  paintImage();
}

// ---------------------------------------------------------------- saving

const stem = () => `${(imageOf(state.image)?.name ?? 'image').replace(/[^\w.-]+/g, '_')}-${(target() || 'none').replace(/[^\w]+/g, '-')}`;
const saved = (words) => ($('saved').textContent = words);
const methodName = () => [session.methods.find(({ id }) => id === state.method)?.name, ...Object.entries(state.options).map(([name, value]) => `${name} ${value}`)].join(', ');

function savePictures() {
  const planes = [...Object.values(panels), ...pinned.values()].map(({ plane }) => plane);
  const networks = activeSides().map((side) => networkOf(side).name).join(' and ');
  const heading = `${imageOf(state.image)?.name ?? ''}: ${networks}, ${networkOf('network').classes[state.class]}, ${state.score}, ${methodName()}, threshold ${state.percent} %`;
  sheet(planes, heading).toBlob((blob) => saved(download(`${stem()}.png`, blob)), 'image/png');
}

function saveInfluence() {
  const answers = activeSides().map((side) => sides[side].answer).filter(Boolean);
  if (!answers.length) return wrong('point at a pixel first: there is no influence to save yet');
  saved(download(`${stem()}.npy`, new Blob([encodeNpy(dense(answers, view.rows, view.columns))])));
}

function saveNumbers() {
  const columns = numberColumns();
  if (!columns.length) return wrong('point at a pixel first: there are no numbers to save yet');
  const settings = [['image', imageOf(state.image)?.name ?? ''], ['edited', state.edit ? 1 : 0], ['class', networkOf('network').classes[state.class]], ['score', state.score], ['method', methodName()], ['percent', state.percent], ['of', state.of]];
  saved(download(`${stem()}.csv`, new Blob([encodeCsv(csvRows(columns, settings))], { type: 'text/csv' })));
}

async function saveLink() {
  const link = location.href.replace(/#.*$/, '') + toHash(state);
  history.replaceState(null, '', toHash(state));
  try {
    await navigator.clipboard.writeText(link);
    saved('the link is on the clipboard');
  } catch {
    saved(link);
  }
}

// ---------------------------------------------------------------- start

// Shows what the state says.
async function look() {
  const missed = fillChoices();
  makePanels();
  await loadImage();
  if (missed) wrong(missed);
}

async function start() {
  try {
    session = await server.json('api/session');
  } catch (error) {
    return wrong(error.message);
  }
  server.tab = session.tab;
  $('state').textContent = `${session.name} ${session.version}`;
  listenToChoices();
  fillTable($('numbers'), [], false);
  if (session.images.length) await look();
  else makePanels(), fillChoices(), wrong('there is no image yet: open one, or start the explorer with --images');
  lumen.ready = true;
}

void start();
