// SPDX-License-Identifier: BSD-3-Clause
// Sends the explorer what it must refuse, and more than it can answer. `--strict` also asks for the times and rates that
// are promised, on a machine that does nothing else.
//
//     node requests.mjs EXPLORER ARGUMENTS... [--seconds N] [--only load] [--strict]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
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
const seconds = Number(option('--seconds', 5)), only = option('--only', ''), strict = flag('--strict');
const [program, ...options] = given;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let failures = 0;
function check(holds, sentence) {
  console.log(`${holds ? 'ok     ' : 'FAILED '} ${sentence}`);
  if (!holds) ++failures;
}

// a folder with an image, a link to it, and links out of the folder
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-requests-'));
const images = options[options.indexOf('--images') + 1];
const sample = path.join(images, 'images', fs.readdirSync(path.join(images, 'images')).sort()[0]);
const end = path.extname(sample);
fs.copyFileSync(sample, path.join(folder, `own${end}`));
fs.copyFileSync(sample, path.join(folder, `changed${end}`));
fs.symlinkSync(`own${end}`, path.join(folder, `within${end}`));
fs.symlinkSync(path.resolve(sample), path.join(folder, `outside${end}`));
fs.symlinkSync('/etc/hostname', path.join(folder, 'secret.png'));

const server = spawn(program, [...options, '--images', folder, '--upload-seconds', '6', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const address = await new Promise((resolve, reject) => {
  let words = '';
  server.stdout.on('data', (data) => {
    words += data;
    const found = words.match(/http:\/\/[\d.]+:\d+/);
    if (found) resolve(new URL(found[0]));
  });
  server.on('exit', (code) => reject(new Error(`the explorer ended with ${code}: ${words}`)));
});
const port = Number(address.port);
const residentMiB = () => Number(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024;

const kept = new http.Agent({ keepAlive: true, maxSockets: 64 });
function send(path, { method = 'GET', headers = {}, body, timeout = 300000, agent = kept } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, agent, headers: { Host: `127.0.0.1:${port}`, ...headers }, timeout }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end(body);
  });
}
const raw = (text, wait = 300000) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
  let answer = '';
  socket.on('data', (data) => (answer += data));
  socket.on('close', () => resolve(answer));
  socket.on('error', () => resolve(answer));
  setTimeout(() => socket.destroy(), wait);
});

const npy = (shape, data) => {
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  header += ' '.repeat((64 - (10 + header.length + 1) % 64) % 64) + '\n';
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([prefix, Buffer.from(header, 'latin1'), Buffer.from(data.buffer)]);
};

try {
  const session = JSON.parse((await send('/api/session')).body);
  const image = encodeURIComponent(session.images[0].id), network = session.networks[0].id;
  const influence = (more = {}) => `/api/influence?${new URLSearchParams({ image: session.images[0].id, network, class: 1, score: 'probability', method: 'gradient', target: 'pixel:5,5', percent: 10, of: 'own', ...more })}`;

  async function refused() {
  const page = await send('/');
  check(page.status === 200 && /default-src 'none'/.test(page.headers['content-security-policy']) && !/https?:\/\//.test(page.body.toString().replaceAll('http://www.w3.org', '')), 'the page has a strict policy and names no other site');
  check(!/unsafe/.test(page.headers['content-security-policy']) && page.headers['x-content-type-options'] === 'nosniff', 'nothing inline or sniffed is allowed');

  check((await send(influence())).status === 200, 'a sound question is answered');
  const refusals = [
    [influence({ target: 'pixel:-1,0' }), 400], [influence({ target: 'pixel:100000,0' }), 400], [influence({ target: 'box:5,5,5,9' }), 400],
    [influence({ target: '' }), 400], [influence({ class: 2000 }), 400], [influence({ class: 'x' }), 400], [influence({ percent: 'nan' }), 400],
    [influence({ percent: -1 }), 400], [influence({ percent: 101 }), 400], [influence({ score: 'softmax' }), 400], [influence({ method: 'nonsense' }), 404],
    [influence({ network: 'n99' }), 404], [influence({ image: '../../etc/passwd' }), 404], [influence({ image: '/etc/passwd' }), 404],
    ...['inf', '-inf', '1e999', '0x10', ' 5', '5 ', '5%', '', '１'].map((percent) => [influence({ percent }), 400]),
    ...['1.5', '1e0', '+1', '99999999999999999999', '-0x1', ''].map((value) => [influence({ class: value }), 400]),
    ...['pixel:5', 'pixel:5,', 'pixel:5,5,5', 'pixel:nan,5', 'pixel:5.0,5', 'pixel:99999999999999999999,5', 'box:0,0,1', 'box:9,9,1,1', 'box:0,0,100000,5', 'path:0,0'].map((target) => [influence({ target }), 400]),
    ...['..', '../images', '%2e%2e%2f', '..\\\\..', 'file:///etc/passwd', 'own%00', `${folder}/own${end}`].map((id) => [influence({ image: id }), 404]),
    [influence({ more: 1 }), 400], [influence({ of: 'all' }), 400], [influence({ method: 'integrated-gradients', 'set.steps': '0' }), 422],
    [influence({ method: 'integrated-gradients', 'set.nonsense': '1' }), 422], [influence({ seq: '-1' }), 400],
    [influence({ method: 'integrated-gradients', 'set.steps': 'nan' }), 422], [influence({ method: 'integrated-gradients', 'set.steps': '1e99' }), 422], [influence({ 'set.steps': '5' }), 400],
    ['/%00', 404], ['/..%5c..%5cetc', 404], ['/%252e%252e/etc/passwd', 404], ['/./api/../index.html', 404], ['/explorer.js/', 404],
    ['/api/influence', 400], [`/api/image?image=${image}&image=x`, 400], ['/api/image?image=%00', 400], [`/api/image?image=${'x'.repeat(300)}`, 400],
    ['/nothing', 404], ['/page/index.html', 404], ['/../../etc/passwd', 404], ['/%2e%2e/%2e%2e/etc/passwd', 404], ['/..%2f..%2fetc%2fpasswd', 404],
    ['//etc/passwd', 404], ['/main.cpp', 404], [`/${'x'.repeat(20000)}`, 414],
  ];
  for (const [path, status] of refusals) {
    const answer = await send(path);
    let sentence = '';
    try {
      sentence = JSON.parse(answer.body).error;
    } catch {}
    check(answer.status === status && sentence.length > 10, `${status} with a reason for ${path.slice(0, 90)}${answer.status === status ? '' : `: it was ${answer.status} ${answer.body.toString().slice(0, 120)}`}`);
  }
  for (const [headers, status] of [[{ Host: 'evil.example' }, 403], [{ Host: `evil.example:${port}` }, 403], [{ Origin: 'http://evil.example' }, 403], [{ Origin: 'null' }, 403], [{ 'Sec-Fetch-Site': 'cross-site' }, 403], [{ 'Sec-Fetch-Site': 'same-site' }, 403], [{ Host: `127.0.0.1.evil.example:${port}` }, 403], [{ Host: `127.0.0.1:${port + 1}` }, 403], [{ Origin: `https://127.0.0.1:${port}` }, 403], [{ Origin: `http://127.0.0.1:${port}.evil.example` }, 403], [{ Host: `LOCALHOST:${port}` }, 200], [{ Origin: `http://127.0.0.1:${port}` }, 200]]) {
    check((await send('/api/session', { headers })).status === status, `${status} for ${JSON.stringify(headers).replace(String(port), 'PORT')}`);
  }
  check((await send('/api/session', { method: 'DELETE' })).status === 405, 'other methods are refused');
  check((await send('/api/images?name=x', { method: 'POST', body: 'no picture' })).status === 415, 'an upload that is no image is refused');
  check((await send('/api/images?name=x', { method: 'POST', body: '', headers: { 'Content-Length': 0 } })).status === 415, 'an empty upload is refused');
  check((await send(`/api/edits?image=${image}`, { method: 'POST', body: Buffer.from('\x93NUMPY\x01\x00', 'latin1') })).status === 415, 'a truncated npy is refused');
  const large = await send('/api/images?name=x', { method: 'POST', body: Buffer.alloc(80 << 20) }).catch(() => ({ status: 413 }));
  check(large.status === 413, 'a body that is too large is refused');
  check(/^HTTP\/1.1 400/.test(await raw('nonsense\r\n\r\n')), 'a request that is none is refused');
  check(!/200 OK/.test(await raw('GET / HTTP/1.1\r\n\r\n')), 'a request without a Host is refused');
  check(!/200 OK/.test(await raw('GET / HTTP/1.1\r\nHost: \r\n\r\n')), 'one with an empty Host too');
  check(!/200 OK/.test(await raw(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nHost: evil.example\r\n\r\n`)), 'two Hosts are refused');
  check((await send('/api/session')).status === 200, 'after all that it still answers');

  const post = (where, body) => send(where, { method: 'POST', body });
  const nan = Float32Array.from({ length: 64 }, (_, i) => (i === 9 ? NaN : i));
  const said = (answer) => JSON.parse(answer.body).error;
  let answer = await post('/api/images?name=x', npy([8, 8], nan));
  check(answer.status === 415 && /NaN/.test(said(answer)), 'an image that holds NaN is refused');
  answer = await post(`/api/edits?image=${image}`, npy([1, 8, 8], new Float32Array(64)));
  check(answer.status === 422 && /shape/.test(said(answer)), 'a painted image of another size is refused');
  check((await post('/api/edits?image=nothing', npy([1, 8, 8], new Float32Array(64)))).status === 404, 'one of no image too');
  check((await post('/api/leave', '')).status === 400, 'who leaves says which tab');
  check((await send('/api/progress?tab=t')).status === 400 && (await send('/api/progress?tab=t&ask=x')).body.toString() === 'null', 'what nobody asks is nowhere');

  // a network that ends in a softmax gives what it gives, and no softmax of it
  if (session.networks.length > 1) {
    const other = session.networks[1].id;
    const framed = (answer) => {
      const start = 8 + answer.body.readUInt32LE(4), header = JSON.parse(answer.body.subarray(8, start));
      const values = (name) => {
        const { dtype, shape, offset } = header.arrays[name], count = shape.reduce((a, b) => a * b, 1), from = start + offset;
        return Array.from({ length: count }, (_, i) => (dtype === 'uint8' ? answer.body.readUInt8(from + i) : answer.body.readFloatLE(from + 4 * i)));
      };
      return { header, values };
    };
    const apart = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / Math.max(...a.map(Math.abs));
    const [of, ofOther] = await Promise.all([network, other].map(async (id) => framed(await send(`/api/prediction?image=${image}&network=${id}&class=1`))));
    check(of.header.pixels > 0 && of.header.pixels === ofOther.header.pixels && apart(of.values('probability'), ofOther.values('probability')) < 1e-5, 'a softmax in the network or behind it: the same probabilities and prediction');
    for (const score of ['probability', 'log-odds']) {
      for (const method of ['gradient', 'input-x-gradient']) {
        const [a, b] = await Promise.all([network, other].map(async (id) => framed(await send(influence({ network: id, score, method, target: 'pixel:30,40' })))));
        const told = ({ header }) => [header.value, header.max, header.min, header.numbers.positive, header.numbers.negative, header.numbers.radius];
        check(told(a).every((number, i) => Math.abs(number - told(b)[i]) <= 2e-3 * Math.abs(number) + 1e-9), `the same ${score} and ${method} of it: ${told(a)} and ${told(b)}`);
      }
    }
    answer = await send(influence({ network: other, score: 'logit' }));
    check(answer.status === 422 && /no logits/.test(said(answer)), 'it has no logits');
  }

  // links out of the folders
  const listed = session.images.map((one) => one.id);
  check(listed.includes('own') && listed.includes('within') && !listed.includes('outside') && !listed.includes('secret'), 'links within a folder are followed, links out of it are not');
  fs.rmSync(path.join(folder, `changed${end}`));
  fs.symlinkSync(path.resolve(sample), path.join(folder, `changed${end}`));
  check((await send('/api/image?image=within')).status === 200 && (await send('/api/image?image=changed')).status === 404, 'also when a file becomes a link later');

  // more than the memory
  const wide = JSON.parse((await post('/api/images?name=wide.npy', npy([4000, 4000], new Float32Array(16e6)))).body).image.id;
  for (const where of [`/api/prediction?image=${wide}&network=${network}&class=1`, influence({ image: wide }), influence({ image: wide, method: 'saliency' })]) {
    answer = await send(where);
    check(answer.status === 422 && /--memory/.test(said(answer)), `an image that needs more memory than there is, is refused: ${said(answer)}`);
  }

  // a tab that is closed takes its questions with it
  const tab = session.tab;
  const left = send(influence({ method: 'occlusion', tab, ask: 'a', seq: 1, 'set.window': '2,2', 'set.stride': '1,1' }));
  await pause(50);
  await send(`/api/leave?tab=${tab}`, { method: 'POST', body: '' });
  check([409, 200].includes((await left).status), `a closed tab's question is given up (${(await left).status})`);

  // slow senders and many connections
  const drips = (count, text) => Array.from({ length: count }, () => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('error', () => {});
    socket.answer = '';
    socket.on('data', (data) => (socket.answer += data));
    socket.gone = new Promise((resolve) => socket.on('close', resolve));
    const timer = setInterval(() => socket.write('x'), 1000);
    socket.gone.then(() => clearInterval(timer));
    return socket;
  });
  const slow = drips(600, 'GET / HTT');
  await pause(500);
  const since = Date.now();
  const fresh = new http.Agent();
  check((await send('/api/session', { agent: fresh })).status === 200, `600 slow senders do not keep others from an answer (${Date.now() - since} ms)`);
  if (strict) check(Date.now() - since < 1000, 'at once');
  await Promise.all(slow.map(({ gone }) => gone));
  check(true, `and are sent away (${Date.now() - since} ms)`);
  const bodies = drips(8, `POST /api/images?name=x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1000000\r\n\r\n`);
  await Promise.all(bodies.map(({ gone }) => gone));
  const statuses = bodies.map((socket) => socket.answer.slice(9, 12));
  check(statuses.filter((status) => status === '503').length >= (strict ? 4 : 1) && statuses.every((status) => ['503', '408', ...(strict ? [] : ['400'])].includes(status)), `of files that come slowly few are waited for, and not for long: ${statuses}`);
  const idle = Array.from({ length: 400 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  check((await send('/api/session', { agent: fresh })).status === 200, 'nor do connections that send nothing');
  for (const socket of idle) socket.destroy();
  }

  // eight clients, 200 hovers a second
  async function load() {
  const before = residentMiB();
  const counts = { answered: 0, superseded: 0, busy: 0, lost: 0, wrong: 0 };
  const known = new Map();
  const clients = await Promise.all(Array.from({ length: 8 }, async () => JSON.parse((await send('/api/session')).body).tab));
  const until = Date.now() + seconds * 1000;
  let most = before;
  await Promise.all(clients.map(async (tab, c) => {
    const open = [];
    for (let i = 1; Date.now() < until; ++i) {
      const row = (7 * i + 31 * c) % 60, column = (13 * i + 17 * c) % 60;
      open.push(send(influence({ target: `pixel:${row},${column}`, tab, ask: 'hover', seq: i })).then((answer) => {
        if (answer.status === 409) ++counts.superseded;
        else if (answer.status === 503) ++counts.busy;
        else if (answer.status !== 200) ++counts.wrong;
        else {
          ++counts.answered;
          const header = JSON.parse(answer.body.subarray(8, 8 + answer.body.readUInt32LE(4)));
          const key = `${row},${column}`, said = `${header.value} ${header.origin}`;
          if ((known.get(key) ?? said) !== said) ++counts.wrong;
          known.set(key, said);
        }
      }, () => ++counts.lost));
      await pause(40);
      most = Math.max(most, residentMiB());
    }
    await Promise.all(open);
  }));
  const sent = Object.values(counts).reduce((a, b) => a + b);
  console.log(`load: ${Math.round(sent / seconds)} questions a second, ${JSON.stringify(counts)}, resident ${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most`);
  check(counts.answered > 0 && counts.lost === 0 && counts.wrong === 0, 'no answer is lost or mixed up');
  check(most - before < 512, 'memory stays within its bound');
  if (strict) check(sent / seconds > 180, 'as many came as were meant to');
  for (const [key, said] of [...known].slice(0, 20)) {
    const answer = await send(influence({ target: `pixel:${key}` }));
    const header = JSON.parse(answer.body.subarray(8, 8 + answer.body.readUInt32LE(4)));
    if (`${header.value} ${header.origin}` !== said) ++counts.wrong;
  }
  check(counts.wrong === 0, 'asked again alone, the answers are the same');

  }
  if (only !== 'load') await refused();
  await load();

  // the end, in the middle of requests
  const pending = Array.from({ length: 8 }, (_, i) => send(influence({ target: `pixel:${20 + i},20`, method: 'occlusion' })).catch(() => null));
  await pause(200);
  const ended = new Promise((resolve) => server.on('exit', resolve));
  const asked = Date.now();
  server.kill('SIGTERM');
  await ended;
  check(!strict || Date.now() - asked < 1000, `SIGTERM ends it in the middle of requests (${Date.now() - asked} ms)`);
  await Promise.all(pending);
} catch (error) {
  check(false, String(error.stack ?? error));
  server.kill('SIGKILL');
}
fs.rmSync(folder, { recursive: true });
console.log(failures ? `${failures} failed` : 'all held');
process.exit(failures ? 1 : 0);
