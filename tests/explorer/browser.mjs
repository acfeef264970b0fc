// SPDX-License-Identifier: BSD-3-Clause
// Drives the explorer in a headless Chromium as a person would. Needs playwright-core and axe-core (node modules, found
// below NODE_MODULES or beside this file) and a Chromium; says SKIPPED without them. It waits for what it expects, never
// for a time; `--strict` also asks for the times that are promised, on a machine that does nothing else.
//
//     node browser.mjs EXPLORER CLIENT_ARGUMENTS... [--shots DIR] [--hovers N] [--only hovers] [--strict]
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const given = process.argv.slice(2);
const option = (name, other) => {
  const at = given.indexOf(name);
  return at < 0 ? other : given.splice(at, 2)[1];
};
const flag = (name) => {
  const at = given.indexOf(name);
  return at >= 0 && given.splice(at, 1).length === 1;
};
const shots = option('--shots', ''), hovers = Number(option('--hovers', 40)), picture = option('--picture', ''), tiff = option('--tiff', ''), only = option('--only', ''), strict = flag('--strict');
const [program, ...options] = given;

const modules = process.env.LUMEN_NODE_MODULES ?? path.join(os.homedir(), '.cache/lumen/browser/node_modules');
const chromium = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => {
  try {
    return execFileSync('sh', ['-c', `command -v ${name}`]).toString().trim();
  } catch {
    return '';
  }
}).find(Boolean);
let playwright, axe;
try {
  const require = createRequire(path.join(modules, 'here.js'));
  playwright = require('playwright-core');
  axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
} catch (error) {
  console.log(`SKIPPED: no playwright-core and axe-core in ${modules} (npm install playwright-core axe-core)`);
  process.exit(0);
}
if (!chromium) {
  console.log('SKIPPED: no Chromium on the path');
  process.exit(0);
}

let failures = 0;
function check(holds, sentence) {
  console.log(`${holds ? 'ok     ' : 'FAILED '} ${sentence}`);
  if (!holds) ++failures;
}
const close = (a, b, relative = 1e-3) => Math.abs(a - b) <= relative * Math.max(Math.abs(a), Math.abs(b), 1e-12);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-explorer-'));  // for what is saved

const server = spawn(program, [...options, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const address = await new Promise((resolve, reject) => {
  let words = '';
  server.stdout.on('data', (data) => {
    words += data;
    const found = words.match(/http:\/\/\S+/);
    if (found) resolve(found[0]);
  });
  server.on('exit', (code) => reject(new Error(`the explorer ended with ${code}: ${words}`)));
});
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox'], timeout: 600000 });
const errors = [];

async function open(hash = '', settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'], ...settings });
  context.setDefaultTimeout(process.env.LUMEN_METHODS === 'all' ? 3600000 : 600000);
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && !/status of 4\d\d/.test(message.text()) && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(address + hash);
  await page.waitForFunction(() => window.lumen?.ready);
  return page;
}
const canvas = (page, panel) => page.locator(`#panel-${panel} canvas`).first();
async function at(page, panel, row, column, [rows, columns]) {
  const box = await canvas(page, panel).boundingBox();
  const scale = box.width / Math.max(rows, columns);
  return [box.x + box.width / 2 + (column + 0.5 - columns / 2) * scale, box.y + box.height / 2 + (row + 0.5 - rows / 2) * scale];
}
// All that was asked is answered; the count map, which takes long, may go on.
const settled = (page) => page.waitForFunction(() => window.lumen.idle() || [...document.querySelectorAll('figure[aria-busy]')].length === 0 && window.lumen.idle());
const says = (page, panel, words) => page.waitForFunction(([id, text]) => document.querySelector(`#panel-${id} figcaption`).textContent.includes(text), [panel, words]);
async function hover(page, row, column, size, panel = 'image') {
  await canvas(page, panel).scrollIntoViewIfNeeded();
  await page.mouse.move(...(await at(page, panel, row, column, size)));
  await says(page, 'influence', `row ${row}, column ${column};`);
}
async function drag(page, from, to, size) {
  await canvas(page, 'image').scrollIntoViewIfNeeded();
  await page.mouse.move(...(await at(page, 'image', ...from, size)));
  await page.mouse.down();
  await page.mouse.move(...(await at(page, 'image', ...to, size)), { steps: 6 });
  await page.mouse.up();
}
const tool = (page, name) => page.check(`input[name=tool][value=${name}]`);
// The numbers on the page: {key: [text of each column]}.
const table = (page) => page.$$eval('#numbers tbody tr', (rows) => Object.fromEntries(rows.map((row) => [row.dataset.key, [...row.querySelectorAll('td')].map((cell) => cell.textContent)])));
const caption = (page, panel) => page.locator(`#panel-${panel} figcaption`).innerText();
const pixels = (page, panel) => page.$eval(`#panel-${panel} canvas`, (one) => one.toDataURL());
const shot = async (page, name) => shots && page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
async function save(page, kind) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#save-${kind}`)]);
  const file = path.join(folder, download.suggestedFilename());
  await download.saveAs(file);
  return file;
}

// a frame of the server, read here on its own
async function ask(route) {
  const response = await fetch(address + route);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) return { status: response.status, ...JSON.parse(bytes) };
  const length = bytes.readUInt32LE(4);
  const header = JSON.parse(bytes.subarray(8, 8 + length));
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    const type = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array }[dtype];
    const copy = Uint8Array.from(bytes.subarray(8 + length + offset));
    arrays[name] = { shape, data: new type(copy.buffer, 0, shape.reduce((a, b) => a * b, 1)) };
  }
  return { status: 200, ...header, arrays };
}

try {
  const session = await (await fetch(`${address}api/session`)).json();
  const image = session.images[0].id, network = session.networks[0].id;
  const size = (await ask(`api/image?image=${encodeURIComponent(image)}`)).arrays.image.shape.slice(1);
  const [row, column] = [size[0] >> 1, size[1] >> 1];
  const query = (more = {}) => `api/influence?${new URLSearchParams({ image, network, class: 1, score: 'probability', method: 'gradient', target: `pixel:${row},${column}`, percent: 10, of: 'own', ...more })}`;
  const page = await open();

  async function speed() {
    await hover(page, row, column, size);
    await page.evaluate(() => (window.lumen.latencies.length = 0));
    for (let i = 0; i < hovers; ++i) await hover(page, 10 + ((i * 37) % (size[0] - 20)), 10 + ((i * 71) % (size[1] - 20)), size);
    const latencies = (await page.evaluate(() => window.lumen.latencies)).sort((a, b) => a - b);
    const [median, high] = [latencies[latencies.length >> 1], latencies[Math.floor(latencies.length * 0.95)]];
    console.log(`hover: ${latencies.length} answers, median ${median.toFixed(1)} ms, 95th percentile ${high.toFixed(1)} ms`);
    if (strict) check(median <= 50 && high <= 120, 'a hover is answered within 50 ms at the median, 120 ms at the 95th percentile');
  }

  async function everything() {
  check((await page.title()) === 'lumen explorer', 'the page has a title');
  check((await page.locator('figure canvas').count()) >= 5, 'it shows its panels');

  // hovering
  await hover(page, row, column, size);
  await settled(page);
  const answer = await ask(query());
  let numbers = await table(page);
  const same = (text, value) => (value === null || value === undefined ? text === '–' : close(Number(text), value));
  check(Number(numbers.pixels[0]) === answer.numbers.pixels && ['threshold', 'area', 'fulfilment', 'positive', 'negative', 'inside', 'radius'].every((key) => same(numbers[key][0], answer.numbers[key])) && same(numbers.value[0], answer.value), 'the numbers are the library\'s');
  let above = 0;
  for (const value of answer.arrays.values.data) above += Math.abs(value) > answer.numbers.threshold ? 1 : 0;
  check(above === answer.numbers.pixels, 'the count of pixels is that of the influence itself');
  const share = Number((await caption(page, 'probability')).match(/(\d+) pixels predicted/)[1]) / (size[0] * size[1]);
  check(share > 0.01 && share < 0.9, `the network predicts vessels (${share.toFixed(2)} of the pixels)`);
  check(numbers.rows[0] === `${answer.box[0]} to ${answer.box[2] - 1}` && numbers.columns[0] === `${answer.box[1]} to ${answer.box[3] - 1}`, 'rows and columns are those of the box');
  await shot(page, 'hover');
  await hover(page, row + 3, column - 2, size, 'influence');
  check(true, 'every picture can be pointed at');
  await speed();

  // keys and pins
  await hover(page, row, column, size);
  await canvas(page, 'image').focus();
  await page.keyboard.press('ArrowDown');
  await says(page, 'influence', `row ${row + 1}, column ${column};`);
  check(true, 'the arrow keys move');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#pins figure');
  await page.keyboard.press('Shift+ArrowRight');
  await says(page, 'influence', `row ${row + 1}, column ${column + 10};`);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('#pins figure').length === 2 && document.querySelectorAll('#numbers thead th').length === 3);
  await page.waitForFunction((words) => document.getElementById('live').textContent.includes(words), `column ${column + 10}`);
  check(true, 'several pins stand side by side, also in the table; the live region reads the numbers');
  await settled(page);
  await shot(page, 'pins');
  numbers = await table(page);
  const pinnedAnswer = await ask(query({ target: `pixel:${row + 1},${column}` }));
  check(Number(numbers.pixels[1]) === pinnedAnswer.numbers.pixels, 'a pin\'s numbers are the library\'s');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelectorAll('#pins figure').length === 1);
  await page.click('#pins figure button');
  await page.waitForFunction(() => document.querySelectorAll('#pins figure').length === 0);
  check(await page.evaluate(() => document.activeElement?.tagName === 'CANVAS'), 'Escape and a button let go, and the focus is not lost');
  await page.fill('#row', '7');
  await page.fill('#column', '9');
  await page.keyboard.press('Tab');
  await says(page, 'influence', 'row 7, column 9;');
  check(true, 'a pixel can be named by its numbers');
  await page.fill('#row', '100000');
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.querySelector('#trouble:not([hidden])')?.textContent.includes('no such pixel'));
  await page.fill('#row', '7');
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.querySelector('#trouble').hidden);
  check(true, 'one that is not there is refused with a sentence');

  // threshold, class, score, colours, view
  await hover(page, row, column, size);
  await page.fill('#percent', '50');
  await page.keyboard.press('Tab');
  await settled(page);
  const half = await ask(query({ percent: 50 }));
  check(Number((await table(page)).pixels[0]) === half.numbers.pixels, 'the threshold changes the numbers');
  await page.focus('#threshold');
  await page.keyboard.press('ArrowLeft');
  await settled(page);
  const slid = Number(await page.inputValue('#percent'));
  check(slid < 50 && slid > 45, `so does the slider (${slid} %)`);
  await page.selectOption('#score', 'log-odds');
  await says(page, 'influence', 'log-odds');
  check(true, 'the score can be chosen');
  await page.selectOption('#class', '0');
  await settled(page);
  const other = await ask(query({ class: 0, score: 'log-odds', percent: slid }));
  check(close(Number((await table(page)).value[0]), other.value), 'so can the class');
  await page.selectOption('#class', '1');
  await page.selectOption('#score', 'probability');
  await settled(page);
  for (const colors of await page.$$eval('#colors option', (all) => all.map((one) => one.value))) {
    const before = await pixels(page, 'influence');
    await page.selectOption('#colors', colors === 'rd-yl-gn' ? 'rd-bu' : colors);
    check(before !== (await pixels(page, 'influence')), `the colours ${colors === 'rd-yl-gn' ? 'rd-bu' : colors} are seen`);
    if (colors === 'rd-yl-gn') await page.selectOption('#colors', 'rd-yl-gn');
  }
  await page.selectOption('#colors', 'rd-yl-gn');
  let before = await pixels(page, 'influence');
  await page.check('#alone');
  check(before !== (await pixels(page, 'influence')), 'the influence is shown over the image or alone');
  await shot(page, 'alone');
  await page.uncheck('#alone');
  await canvas(page, 'image').focus();
  await page.keyboard.press('+');
  await page.keyboard.press('+');
  check(await page.isEnabled('#fit'), 'keys zoom');
  const views = await page.evaluate(() => location.hash);
  await tool(page, 'move');
  before = await pixels(page, 'probability');
  await drag(page, [row, column], [row + 8, column + 8], size);
  check(before !== (await pixels(page, 'probability')), 'a drag in one picture moves all');
  await canvas(page, 'image').focus();
  before = await pixels(page, 'probability');
  await page.keyboard.press('ArrowLeft');
  check(before !== (await pixels(page, 'probability')), 'so do the arrow keys');
  await page.waitForFunction((old) => location.hash !== old && location.hash.includes('view='), views);
  await page.click('#fit');
  await tool(page, 'ask');
  await page.mouse.move(...(await at(page, 'influence', row, column, size)));
  await page.mouse.wheel(0, -300);
  await page.waitForFunction(() => !document.querySelector('#fit').disabled);
  await page.keyboard.press('0');
  await page.click('#fit').catch(() => {});
  check(await page.isDisabled('#fit'), 'the wheel zooms, and 0 or the button shows all again');

  // the image's maximum as the threshold's scale
  await hover(page, row, column, size);
  await page.selectOption('#of', 'global');
  await page.waitForFunction(() => /^\d+$/.test(document.querySelector('#numbers tr[data-key=pixels] td').textContent) || document.querySelector('#panel-significant figcaption').textContent.includes('asked'));
  check(true, 'the threshold can be a share of the image\'s maximum, which takes a count of all pixels');
  await page.selectOption('#of', 'own');
  await settled(page);

  // methods: each answers, or says why not
  const all = process.env.LUMEN_METHODS === 'all';
  const methods = all ? session.methods.map(({ id }) => id) : ['integrated-gradients', 'smoothgrad', 'occlusion', 'saliency', 'input-x-gradient'].filter((id) => session.methods.some((one) => one.id === id));
  let told = 0;
  for (const method of methods) {
    const start = performance.now();
    await page.selectOption('#method', method);
    await settled(page);
    const words = await page.$eval('#panel-influence .trouble', (one) => (one.hidden ? '' : one.textContent));
    if (words || all) console.log(`        ${method}: ${words || 'answers'} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    told += words === '' ? 1 : 0;
    if (method === 'integrated-gradients') {
      const error = (await table(page)).error[0];
      check(error !== '–' && Number.isFinite(Number(error)), `integrated gradients say their completeness error (${error})`);
      await page.locator('#options input, #options select').first().waitFor();
      await page.getByRole('textbox', { name: 'steps', exact: true }).fill('0');
      await page.keyboard.press('Tab');
      await page.waitForSelector('#panel-influence .trouble:not([hidden])');
      check(true, 'an option that cannot be is refused where it is seen');
      await page.getByRole('textbox', { name: 'steps', exact: true }).fill('8');
      await page.keyboard.press('Tab');
      await settled(page);
      check((await page.$eval('#panel-influence .trouble', (one) => one.hidden)) === true, 'and forgotten once it is mended');
    }
  }
  // a slow one says how far it is, and is given up for another
  await page.selectOption('#method', 'rise');
  await page.getByRole('textbox', { name: 'samples', exact: true }).fill('10000000');
  await page.getByRole('textbox', { name: 'max-samples', exact: true }).fill('10000000');
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => {
    const [left, progress] = ['.left', 'progress'].map((name) => document.querySelector(`#panel-influence ${name}`));
    return !left.hidden && /^\d+ % computed/.test(left.textContent) && !progress.hidden && progress.value < 0.5;
  });
  check(true, 'a slow method says how far it is');
  await page.selectOption('#method', 'saliency');
  await settled(page);
  check(await page.$eval('#panel-influence', (one) => one.querySelector('.left').hidden && one.querySelector('progress').hidden), 'until another takes its place');
  check(told === methods.length || all, `${told} of ${methods.length} methods answer for a pixel`);
  await page.selectOption('#method', 'gradient');
  await page.fill('#percent', '10');
  await page.keyboard.press('Tab');

  // a region, by the pointer and by keys
  await tool(page, 'region');
  await drag(page, [row - 10, column - 10], [row + 9, column + 9], size);
  await says(page, 'influence', `rows and columns ${row - 10}, ${column - 10}, ${row + 10}, ${column + 10}`);
  check(true, 'a dragged region is asked');
  await settled(page);
  await shot(page, 'region');
  await page.fill('#row', '20');
  await page.fill('#column', '20');
  await page.keyboard.press('Tab');
  await canvas(page, 'image').focus();
  await page.keyboard.press('Enter');
  for (const key of ['Shift+ArrowDown', 'Shift+ArrowRight', 'Enter']) await page.keyboard.press(key);
  await says(page, 'influence', 'rows and columns 20, 20, 31, 31');
  await page.keyboard.press('Escape');
  await says(page, 'influence', 'row 30, column 30;');
  check(true, 'a region is spanned by keys, and let go by Escape');

  // painting
  const changes = {};
  for (const kind of ['erase', 'fade', 'brighten', 'dot']) {
    await tool(page, kind);
    await drag(page, [row - 8, column], [row + 8, column], size);
    await says(page, 'probability', 'original');
    await settled(page);
    changes[kind] = await pixels(page, 'image');
    if (kind === 'erase') await shot(page, 'painted');
    await page.click('#undo');
    await page.waitForFunction(() => !document.querySelector('#panel-image figcaption').textContent.includes('edited'));
    await settled(page);
  }
  check(new Set(Object.values(changes)).size === 4, 'erasing, fading, brightening and a dot each change the image; the prediction is compared with the original\'s; undo undoes');
  await canvas(page, 'image').focus();
  await page.keyboard.press('Enter');
  await says(page, 'image', 'edited');
  await settled(page);
  await page.click('#save-link');
  const paintedLink = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  const painted = new URLSearchParams(paintedLink.hash.slice(1)).get('edit');
  const lines = await table(page);
  const direct = await ask(query({ image: painted, target: `pixel:${await page.inputValue('#row')},${await page.inputValue('#column')}` }));
  check(close(Number(lines.value[0]), direct.value) && Number(lines.pixels[0]) === direct.numbers.pixels, 'a dot by keys: the influence is that of the painted image');
  const second = await open(paintedLink.hash);
  await says(second, 'image', 'edited');
  check(true, 'a link to the painted image opens it');
  await second.context().close();
  paintedLink.hash = paintedLink.hash.replace(/edit=[^&]*/, 'edit=edit-9999');
  const late = await open(paintedLink.hash);
  await late.waitForSelector('#trouble:not([hidden])');
  check(!(await caption(late, 'image')).includes('edited'), 'and says so where it is not kept any more');
  await late.context().close();
  await page.click('#original');
  await page.waitForFunction(() => !document.querySelector('#panel-image figcaption').textContent.includes('edited'));
  await tool(page, 'ask');
  await hover(page, row, column, size);
  await settled(page);

  // saving
  const saved = { png: await save(page, 'png'), npy: await save(page, 'npy'), csv: await save(page, 'csv') };
  check(fs.readFileSync(saved.png).subarray(1, 4).toString() === 'PNG', 'the pictures are saved');
  if (shots) fs.copyFileSync(saved.png, path.join(shots, 'saved.png'));
  const npy = fs.readFileSync(saved.npy);
  const start = 10 + npy.readUInt16LE(8);
  const now = await ask(query());
  let equal = npy.length === start + 4 * size[0] * size[1];
  const window = now.arrays.values;
  for (let r = 0; r < window.shape[0] && equal; ++r) {
    for (let c = 0; c < window.shape[1]; ++c) {
      const [i, j] = [now.origin[0] + r, now.origin[1] + c];
      if (i < 0 || j < 0 || i >= size[0] || j >= size[1]) continue;
      equal &&= npy.readFloatLE(start + 4 * (i * size[1] + j)) === window.data[r * window.shape[1] + c];
    }
  }
  check(equal, 'the saved .npy is the influence, bit for bit');
  const csv = fs.readFileSync(saved.csv, 'utf8').trim().split('\r\n').map((line) => line.split(','));
  const said = (name) => Number(csv[1][csv[0].indexOf(name)]);
  check(csv.length === 2 && csv[1].length === csv[0].length && said('row') === row && said('column_end') === column + 1 && said('box_row_end') === now.box[2] && ['pixels', 'fulfilment', 'threshold', 'positive', 'radius'].every((key) => said(key) === now.numbers[key]), 'the saved CSV holds the numbers, in full');
  await page.click('#save-link');
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const again = await open(new URL(link).hash);
  await says(again, 'influence', `row ${row}, column ${column};`);
  await settled(again);
  check((await caption(again, 'influence')) === (await caption(page, 'influence')) && JSON.stringify(await table(again)) === JSON.stringify(await table(page)), 'the link opens the same view');
  await again.context().close();
  const strange = await open('#image=nothing&method=nonsense&score=x&percent=-3&at=9999999,0&pins=1,2;x,y&view=a,b,c');
  await strange.waitForSelector('#trouble:not([hidden])');
  check(/image nothing is not here.*score x is not here.*method nonsense is not here/.test(await strange.locator('#trouble').innerText()), 'a link to what is not here says so');
  await strange.context().close();

  // other images, uploads, errors
  if (session.images.length > 1) {
    await page.selectOption('#image', session.images[1].id);
    await says(page, 'image', session.images[1].name);
    check(true, 'another image can be chosen');
  }
  for (const file of [saved.npy, picture, tiff].filter(Boolean)) {
    await page.setInputFiles('#upload', file);
    await says(page, 'image', path.basename(file));
    check(true, `a ${path.extname(file)} can be opened`);
  }
  await settled(page);
  const jpeg = path.join(folder, 'photo.jpg');
  fs.writeFileSync(jpeg, Buffer.from(await page.$eval('#panel-image canvas', (one) => one.toDataURL('image/jpeg').split(',')[1]), 'base64'));
  await page.setInputFiles('#upload', jpeg);
  await says(page, 'image', 'photo.jpg');
  check(true, 'a photograph in colour can be opened');
  const id = await page.$eval('#image', (one, name) => [...one.options].find((option) => option.textContent === name).value, path.basename(saved.npy));
  const uploaded = await open(`#image=${encodeURIComponent(id)}`);
  await says(uploaded, 'image', path.basename(saved.npy));
  check(true, 'another tab can open it');
  await uploaded.context().close();
  const bad = path.join(folder, 'bad.png');
  fs.writeFileSync(bad, 'this is no picture');
  await page.setInputFiles('#upload', bad);
  await page.waitForFunction(() => document.querySelector('#trouble:not([hidden])')?.textContent.includes('bad.png'));
  check(true, 'what is no image is refused with a sentence');
  await shot(page, 'error');
  await page.fill('#percent', '500');
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.querySelector('#trouble:not([hidden])')?.textContent.includes('percent'));
  check(true, 'a threshold that is none is refused with a sentence');

  // comparing two networks
  if (session.networks.length > 1) {
    const two = await open();
    await two.selectOption('#second', session.networks[1].id);
    await hover(two, row, column, size);
    await two.mouse.down();
    await two.mouse.up();
    await two.waitForFunction(() => document.querySelectorAll('#numbers thead th').length === 4);
    await settled(two);
    const values = (await table(two)).value.map(Number);
    const expected = await Promise.all(session.networks.slice(0, 2).map(({ id }) => ask(query({ network: id }))));
    check(close(values[0], expected[0].value) && close(values[1], expected[1].value) && values[0] !== values[1], 'two networks are compared on the same pixel, and each pin');
    await shot(two, 'compare');
    const both = fs.readFileSync(await save(two, 'npy'));
    check(both.toString('latin1', 0, 128).includes(`(2, ${size[0]}, ${size[1]})`), 'both influences are saved');
    await two.selectOption('#second', '');
    await two.waitForFunction(() => document.querySelectorAll('#panels figure').length === 5);
    await two.context().close();
  }

  // two tabs on two images
  if (session.images.length > 1) {
    const tabs = await Promise.all([0, 1].map((i) => open(`#image=${encodeURIComponent(session.images[i].id)}`)));
    let right = true;
    for (let i = 0; i < 6; ++i) {
      const [r, c] = [12 + 5 * i, 40 - 3 * i];
      await Promise.all(tabs.map((tab) => hover(tab, r, c, size)));
      await Promise.all(tabs.map(settled));
      for (const [n, tab] of tabs.entries()) {
        const alone = await ask(query({ image: session.images[n].id, target: `pixel:${r},${c}` }));
        right &&= close(Number((await table(tab)).value[0]), alone.value) && Number((await table(tab)).pixels[0]) === alone.numbers.pixels;
      }
    }
    check(right, 'two tabs on two images do not disturb each other');
    for (const tab of tabs) await tab.context().close();
  }

  // the count map comes in
  const counted = await open();
  await counted.waitForFunction(() => /up to [1-9]|[1-9]\d* of \d+ asked/.test(document.querySelector('#panel-significant figcaption').textContent) || /up to 0$/.test(document.querySelector('#panel-significant figcaption').textContent));
  check(true, 'the map of the most significant pixels comes in pieces');
  await counted.context().close();

  // narrow, dark, large, and the audit
  const views4 = [['light', {}], ['dark', { colorScheme: 'dark' }], ['1280', { viewport: { width: 1280, height: 800 } }], ['narrow', { viewport: { width: 400, height: 800 }, hasTouch: true }], ['large', { viewport: { width: 3840, height: 2160 } }], ['still', { reducedMotion: 'reduce' }]];
  for (const [name, settings] of views4) {
    const view = await open(`#pins=${row},${column}`, settings);
    await hover(view, row, column, size);
    if (name === 'narrow') {
      const hidden = !(await view.isVisible('#method'));
      await view.press('#settings', 'Enter');
      check(hidden && (await view.isVisible('#method')) && (await view.getAttribute('#settings', 'aria-expanded')) === 'true', 'narrow: the settings are a button away');
      await view.press('#settings', 'Enter');
    }
    if (name === 'narrow') await view.touchscreen.tap(...(await at(view, 'image', row + 5, column + 5, size)));
    await settled(view);
    const wide = await view.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(wide <= 0, `${name}: nothing runs out of the page`);
    await view.evaluate(axe);
    const found = await view.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const serious = found.violations.filter(({ impact }) => impact !== 'minor');
    check(serious.length === 0, `${name}: the audit finds nothing${serious.map(({ id, nodes }) => `; ${id}: ${nodes[0].html}`).join('')}`);
    if (name === 'still') check(await view.evaluate(() => [...document.getAnimations()].length === 0), 'nothing moves where motion is not wanted');
    await shot(view, name);
    await view.context().close();
  }
  }

  await (only === 'hovers' ? speed() : everything());
  check(errors.length === 0, `the console is quiet${errors.map((error) => `; ${error}`).join('')}`);
} catch (error) {
  check(false, String(error.stack ?? error));
}
await browser.close();
const ended = new Promise((resolve) => server.on('exit', resolve));
const since = Date.now();
server.kill('SIGTERM');
await ended;
check(!strict || Date.now() - since < 1000, `SIGTERM ends it (${Date.now() - since} ms)`);
fs.rmSync(folder, { recursive: true });
console.log(failures ? `${failures} failed` : 'all held');
process.exit(failures ? 1 : 0);
