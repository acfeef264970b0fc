// SPDX-License-Identifier: BSD-3-Clause
// The numbers of what was asked: a table with one column an answer, and the same as CSV with one row an answer.

import { number } from './plane.js';

export const placeText = (where) => (where.startsWith('box') ? `rows and columns ${where.slice(4).replaceAll(',', ', ')}` : `row ${where.slice(6).replace(',', ', column ')}`);

// What is told of an answer: its key, as a person reads it.
const told = [
  ['value', 'Score'], ['pixels', 'Pixels'], ['threshold', 'Threshold'], ['rows', 'Rows'], ['columns', 'Columns'], ['area', 'Box area'],
  ['fulfilment', 'Fulfilment'], ['positive', 'Positive mass'], ['negative', 'Negative mass'], ['inside', 'Inside the mask'],
  ['radius', '90 % radius (px)'], ['error', 'Completeness error'],
];

// An answer of the server as numbers.
export function numbersOf(answer, where, network) {
  const span = (from, to) => (answer.box ? `${answer.box[from]} to ${answer.box[to] - 1}` : null);
  return { network, where, value: answer.value, ...answer.numbers, rows: span(0, 2), columns: span(1, 3), box: answer.box, error: answer.completenessError };
}

const text = (value) => (typeof value === 'string' ? value : number(value));
const element = (kind, properties, ...children) => {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
};

export function fillTable(table, columns, comparing) {
  const title = ({ where, network }) => `${placeText(where).replace(where.startsWith('box') ? ' columns ' : ', ', (found) => (found === ', ' ? '\n' : ' columns\n'))}${comparing ? `\n${network}` : ''}`;
  const head = element('tr', {}, element('td', { textContent: columns.length ? '' : 'Point at a pixel.' }), ...columns.map((one) => element('th', { scope: 'col', textContent: title(one) })));
  const body = columns.length ? told.map(([key, label]) => {
    const row = element('tr', {}, element('th', { scope: 'row', textContent: label }), ...columns.map((one) => element('td', { textContent: text(one[key]) })));
    row.dataset.key = key;
    return row;
  }) : [];
  table.replaceChildren(element('thead', {}, head), element('tbody', {}, ...body));
}

// The table for a file: `settings` are [name, value] and the same for all. Places are numbers, ends excluded.
export function csvRows(columns, settings) {
  const plain = (value) => (value === null || value === undefined ? '' : value);
  const keys = told.map(([key]) => key).filter((key) => key !== 'rows' && key !== 'columns');
  const ends = ['row', 'column', 'row_end', 'column_end'];
  const asked = (where) => {
    const at = where.slice(where.indexOf(':') + 1).split(',').map(Number);
    return at.length === 4 ? at : [...at, at[0] + 1, at[1] + 1];
  };
  const names = [...settings.map(([name]) => name), 'network', ...ends, ...keys, ...ends.map((end) => `box_${end}`)];
  return [names, ...columns.map((one) => [...settings.map(([, value]) => value), one.network, ...asked(one.where), ...keys.map((key) => plain(one[key])), ...(one.box ?? ['', '', '', ''])])];
}

export const spoken = (columns, score) => columns.map((one) => `${one.network}: ${placeText(one.where)}, ${score} ${number(one.value)}, ${text(one.pixels)} pixels above the threshold, fulfilment ${number(one.fulfilment)}.`).join(' ');
