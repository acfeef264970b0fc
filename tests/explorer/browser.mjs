// SPDX-License-Identifier: BSD-3-Clause
// Drives the explorer in a headless Chromium as a person would. Needs playwright-core and axe-core (node modules, found
// below NODE_MODULES or beside this file) and a Chromium; says SKIPPED without them.
//
//     node browser.mjs EXPLORER CLIENT_ARGUMENTS... [--shots DIR] [--hovers N]
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
const shots = option('--shots', ''), hovers = Number(option('--hovers', 40)), picture = option('--picture', '');
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
const close = (a, b, relative = 1e-4) => Math.abs(a - b) <= relative * Math.max(Math.abs(a), Math.abs(b), 1e-12);

// a 1 x 1 PNG, to be refused or shown; a folder for what is saved
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-explorer-'));

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

const browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox'] });
const errors = [];
async function open(hash = '', settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'], ...settings });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && !/status of 4\d\d/.test(message.text()) && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(address + hash);
  await page.waitForFunction(() => window.lumen?.ready);
  return page;
}
const canvas = (page, panel) => page.locator(`#panel-${panel} canvas`).first();
async function at(page, panel, row, column, rows = 256, columns = 256) {
  const box = await canvas(page, panel).boundingBox();
  const scale = box.width / Math.max(rows, columns);
  return [box.x + box.width / 2 + (column + 0.5 - columns / 2) * scale, box.y + box.height / 2 + (row + 0.5 - rows / 2) * scale];
}
const answered = (page, before) => page.waitForFunction((n) => window.lumen.answers > n, before);
const answers = (page) => page.evaluate(() => window.lumen.answers);
async function hover(page, row, column, size) {
  await canvas(page, 'image').scrollIntoViewIfNeeded();
  await page.mouse.move(...(await at(page, 'image', row, column, ...size)));
  await page.waitForFunction((words) => document.querySelector('#panel-influence figcaption').textContent.includes(words), `row ${row}, column ${column};`);
}
const table = (page) => page.$$eval('#numbers tbody tr', (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
const caption = (page, panel) => page.locator(`#panel-${panel} figcaption`).innerText();
const shot = async (page, name) => shots && page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });

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
  const shown = await ask(`api/image?image=${encodeURIComponent(image)}`);
  const size = shown.arrays.image.shape.slice(1);
  const page = await open();
  check((await page.title()) === 'lumen explorer', 'the page has a title');
  check((await page.locator('figure canvas').count()) >= 5, 'it shows its panels');

  // hovering
  const [row, column] = [size[0] >> 1, size[1] >> 1];
  await hover(page, row, column, size);
  const query = (where, more = '') => `api/influence?image=${encodeURIComponent(image)}&network=${network}&class=1&score=probability&method=gradient&target=${where}&percent=10&of=own${more}`;
  const answer = await ask(query(`pixel:${row},${column}`));
  check((await caption(page, 'influence')).includes(`row ${row}, column ${column}`), 'hovering asks the pixel under the pointer');
  const [line] = await table(page);
  check(Number(line[3]) === answer.numbers.pixels && close(Number(line[7]), answer.numbers.fulfilment, 1e-3), 'the numbers are the library\'s');
  let above = 0;
  for (const value of answer.arrays.values.data) above += Math.abs(value) > answer.numbers.threshold ? 1 : 0;
  check(above === answer.numbers.pixels, 'the count of pixels is that of the influence itself');
  await shot(page, 'hover');

  // speed
  await page.evaluate(() => (window.lumen.latencies.length = 0));
  for (let i = 0; i < hovers; ++i) await hover(page, 10 + ((i * 37) % (size[0] - 20)), 10 + ((i * 71) % (size[1] - 20)), size);
  const latencies = (await page.evaluate(() => window.lumen.latencies)).sort((a, b) => a - b);
  console.log(`hover: ${latencies.length} answers, median ${latencies[latencies.length >> 1].toFixed(1)} ms, 95th percentile ${latencies[Math.floor(latencies.length * 0.95)].toFixed(1)} ms`);

  // keys and pins
  await hover(page, row, column, size);
  await canvas(page, 'image').focus();
  let before = await answers(page);
  await page.keyboard.press('ArrowDown');
  await answered(page, before);
  check((await caption(page, 'influence')).includes(`row ${row + 1}, column ${column}`), 'the arrow keys move');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#pins figure');
  check((await page.locator('#pins figure').count()) === 1, 'Enter pins');
  before = await answers(page);
  await page.keyboard.press('Shift+ArrowRight');
  await answered(page, before);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('#pins figure').length === 2);
  await page.waitForFunction((words) => document.getElementById('live').textContent.includes(words), `column ${column + 10}`);
  check(true, 'several pins stand side by side, and the live region reads the numbers');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelectorAll('#pins figure').length === 1);
  check(true, 'Escape lets go');

  // threshold, score, method
  before = await answers(page);
  await page.fill('#percent', '50');
  await page.keyboard.press('Tab');
  await answered(page, before);
  const half = await ask(`api/influence?image=${encodeURIComponent(image)}&network=${network}&class=1&score=probability&method=gradient&target=pixel:${row + 1},${column + 10}&percent=50&of=own`);
  check(Number((await table(page))[0][3]) === half.numbers.pixels, 'the threshold changes the numbers');
  before = await answers(page);
  await page.selectOption('#score', 'log-odds');
  await answered(page, before);
  check((await caption(page, 'influence')).includes('log-odds'), 'the score can be chosen');
  before = await answers(page);
  await page.selectOption('#method', 'integrated-gradients');
  await answered(page, before);
  const error = (await table(page))[0].at(-1);
  check(error !== '–' && Number.isFinite(Number(error)), `integrated gradients say their completeness error (${error})`);
  await page.selectOption('#method', 'gradient');

  // a region
  await page.check('input[name=tool][value=region]');
  before = await answers(page);
  await page.mouse.move(...(await at(page, 'image', row - 10, column - 10, ...size)));
  await page.mouse.down();
  await page.mouse.move(...(await at(page, 'image', row + 9, column + 9, ...size)), { steps: 4 });
  await page.mouse.up();
  await answered(page, before);
  check((await caption(page, 'influence')).includes('region'), 'a dragged region is asked');
  await shot(page, 'region');

  // painting
  await page.check('input[name=tool][value=erase]');
  await page.mouse.move(...(await at(page, 'image', row - 8, column, ...size)));
  await page.mouse.down();
  await page.mouse.move(...(await at(page, 'image', row + 8, column, ...size)), { steps: 12 });
  await page.mouse.up();
  await page.waitForFunction(() => document.querySelector('#panel-probability figcaption').textContent.includes('original'));
  check((await caption(page, 'image')).includes('edited'), 'painting edits the image, and the prediction is compared with the original\'s');
  await shot(page, 'painted');
  await page.click('#original');
  await page.waitForFunction(() => !document.querySelector('#panel-image figcaption').textContent.includes('edited'));
  await page.check('input[name=tool][value=ask]');
  await page.selectOption('#score', 'probability');
  await hover(page, row, column, size);

  // saving
  const saved = {};
  for (const kind of ['png', 'npy', 'csv']) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#save-${kind}`)]);
    saved[kind] = path.join(folder, download.suggestedFilename());
    await download.saveAs(saved[kind]);
  }
  check(fs.readFileSync(saved.png).subarray(1, 4).toString() === 'PNG', 'the pictures are saved');
  const npy = fs.readFileSync(saved.npy);
  const start = 10 + npy.readUInt16LE(8);
  const now = await ask(query(`pixel:${row},${column}`).replace('percent=10', 'percent=50'));
  let same = npy.length === start + 4 * size[0] * size[1];
  const window = now.arrays.values;
  for (let r = 0; r < window.shape[0] && same; ++r) {
    for (let c = 0; c < window.shape[1]; ++c) {
      const [i, j] = [now.origin[0] + r, now.origin[1] + c];
      if (i < 0 || j < 0 || i >= size[0] || j >= size[1]) continue;
      same &&= npy.readFloatLE(start + 4 * (i * size[1] + j)) === window.data[r * window.shape[1] + c];
    }
  }
  check(same, 'the saved .npy is the influence, bit for bit');
  check(fs.readFileSync(saved.csv, 'utf8').split('\r\n')[1].includes(`,${now.numbers.pixels},`), 'the saved CSV holds the numbers');
  await page.click('#save-link');
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const again = await open(new URL(link).hash);
  await again.waitForFunction(() => window.lumen.answers > 0);
  check((await caption(again, 'influence')) === (await caption(page, 'influence')) && (await table(again)).join() === (await table(page)).join(), 'the link opens the same view');
  await again.context().close();

  // another image, an upload, errors
  if (session.images.length > 1) {
    await page.selectOption('#image', session.images[1].id);
    await page.waitForFunction((name) => document.querySelector('#panel-image figcaption').textContent.includes(name), session.images[1].name);
    check(true, 'another image can be chosen');
  }
  await page.setInputFiles('#upload', saved.npy);
  await page.waitForFunction(() => document.querySelector('#image').selectedOptions[0].textContent.endsWith('.npy'));
  check(true, 'a .npy can be opened');
  if (picture) {
    await page.setInputFiles('#upload', picture);
    await page.waitForFunction((name) => document.querySelector('#panel-image figcaption').textContent.includes(name), path.basename(picture));
    check(true, 'a picture can be opened');
  }
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
    const other = await open();
    await other.selectOption('#second', session.networks[1].id);
    await hover(other, row, column, size);
    await other.waitForFunction(() => document.querySelectorAll('#numbers tbody tr').length === 2);
    check(true, 'two networks are compared on the same pixel');
    await shot(other, 'compare');
    await other.context().close();
  }

  // the count map comes in
  const counting = await open();
  await counting.waitForFunction(() => /[1-9]\d* of \d+ asked/.test(document.querySelector('#panel-significant figcaption').textContent), undefined, { timeout: 60000 });
  check(true, 'the map of the most significant pixels comes in pieces');
  await counting.context().close();

  // narrow, dark, large, and the audit
  for (const [name, settings] of [['light', {}], ['dark', { colorScheme: 'dark' }], ['narrow', { viewport: { width: 400, height: 800 } }], ['large', { viewport: { width: 3840, height: 2160 } }]]) {
    const view = await open('', settings);
    await hover(view, row, column, size);
    const wide = await view.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(wide <= 0, `${name}: nothing runs out of the page`);
    await view.evaluate(axe);
    const found = await view.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    check(serious.length === 0, `${name}: the audit finds nothing serious${serious.map(({ id, nodes }) => `; ${id}: ${nodes[0].html}`).join('')}`);
    await shot(view, name);
    await view.context().close();
  }
  check(errors.length === 0, `the console is quiet${errors.map((error) => `; ${error}`).join('')}`);
} catch (error) {
  check(false, String(error.stack ?? error));
}
await browser.close();
const ended = new Promise((resolve) => server.on('exit', resolve));
const since = Date.now();
server.kill('SIGTERM');
await ended;
check(Date.now() - since < 1000, `SIGTERM ends it within a second (${Date.now() - since} ms)`);
fs.rmSync(folder, { recursive: true });
console.log(failures ? `${failures} failed` : 'all held');
process.exit(failures ? 1 : 0);
