// SPDX-License-Identifier: BSD-3-Clause
// What is looked at, and the same as a link.

export const initial = {
  image: '', edit: '', network: '', second: '', class: 1, score: 'probability', method: '', options: {}, colors: 'rd-yl-gn',
  percent: 10, of: 'own', row: null, column: null, region: null, pins: [], alone: false, zoom: 1, viewRow: null, viewColumn: null,
};

const whole = (text) => (/^-?\d+$/.test(text) ? Number(text) : null);
const places = (text) => text.split(';').map((one) => one.split(',').map(whole)).filter((p) => p.length === 2 && !p.includes(null));

export function toHash(state) {
  const out = new URLSearchParams();
  for (const key of ['image', 'edit', 'network', 'second', 'class', 'score', 'method', 'colors', 'percent', 'of']) {
    if (state[key] !== '' && state[key] !== null) out.set(key, state[key]);
  }
  for (const [name, value] of Object.entries(state.options)) out.set(`set.${name}`, value);
  if (state.row !== null) out.set('at', `${state.row},${state.column}`);
  if (state.region) out.set('region', state.region.join(','));
  if (state.pins.length) out.set('pins', state.pins.map((pin) => pin.join(',')).join(';'));
  if (state.alone) out.set('alone', '1');
  if (state.zoom > 1) out.set('view', [state.zoom, state.viewRow, state.viewColumn].map((v) => Number(v).toFixed(3)).join(','));
  return `#${out}`;
}

// What a link says, over `initial`; what it says wrongly is left out.
export function fromHash(hash) {
  const state = structuredClone(initial);
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  for (const key of ['image', 'edit', 'network', 'second', 'score', 'method', 'colors', 'of']) if (given.has(key)) state[key] = given.get(key);
  const positive = (text) => (Number(text) > 0 && Number.isFinite(Number(text)) ? Number(text) : null);
  state.class = whole(given.get('class') ?? '') ?? state.class;
  state.percent = Math.min(100, positive(given.get('percent') ?? '') ?? state.percent);
  for (const [key, value] of given) if (key.startsWith('set.')) state.options[key.slice(4)] = value;
  const at = places(given.get('at') ?? '')[0];
  if (at) [state.row, state.column] = at;
  const region = (given.get('region') ?? '').split(',').map(whole);
  if (region.length === 4 && !region.includes(null)) state.region = region;
  state.pins = places(given.get('pins') ?? '').slice(0, 12);
  state.alone = given.get('alone') === '1';
  const view = (given.get('view') ?? '').split(',').map(Number);
  if (view.length === 3 && view.every(Number.isFinite) && view[0] > 1) [state.zoom, state.viewRow, state.viewColumn] = view;
  return state;
}
