// SPDX-License-Identifier: BSD-3-Clause
// Sends the explorer what it must refuse, and more than it can answer.
//
//     node requests.mjs EXPLORER ARGUMENTS... [--seconds N]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';

const given = process.argv.slice(2);
const at = given.indexOf('--seconds');
const seconds = at < 0 ? 5 : Number(given.splice(at, 2)[1]);
const [program, ...options] = given;

let failures = 0;
function check(holds, sentence) {
  console.log(`${holds ? 'ok     ' : 'FAILED '} ${sentence}`);
  if (!holds) ++failures;
}

const server = spawn(program, [...options, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
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

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
function send(path, { method = 'GET', headers = {}, body, timeout = 60000 } = {}) {
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
const raw = (text, wait = 1500) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
  let answer = '';
  socket.on('data', (data) => (answer += data));
  socket.on('close', () => resolve(answer));
  socket.on('error', () => resolve(answer));
  setTimeout(() => socket.destroy(), wait);
});

try {
  const session = JSON.parse((await send('/api/session')).body);
  const image = encodeURIComponent(session.images[0].id), network = session.networks[0].id;
  const page = await send('/');
  check(page.status === 200 && /default-src 'none'/.test(page.headers['content-security-policy']) && !/https?:\/\//.test(page.body.toString().replaceAll('http://www.w3.org', '')), 'the page has a strict policy and names no other site');
  check(!/unsafe/.test(page.headers['content-security-policy']) && page.headers['x-content-type-options'] === 'nosniff', 'nothing inline or sniffed is allowed');

  const influence = (more = {}) => `/api/influence?${new URLSearchParams({ image: session.images[0].id, network, class: 1, score: 'probability', method: 'gradient', target: 'pixel:5,5', percent: 10, of: 'own', ...more })}`;
  check((await send(influence())).status === 200, 'a sound question is answered');
  const refusals = [
    [influence({ target: 'pixel:-1,0' }), 400], [influence({ target: 'pixel:100000,0' }), 400], [influence({ target: 'box:5,5,5,9' }), 400],
    [influence({ target: '' }), 400], [influence({ class: 2000 }), 400], [influence({ class: 'x' }), 400], [influence({ percent: 'nan' }), 400],
    [influence({ percent: -1 }), 400], [influence({ percent: 101 }), 400], [influence({ score: 'softmax' }), 400], [influence({ method: 'nonsense' }), 404],
    [influence({ network: 'n99' }), 404], [influence({ image: '../../etc/passwd' }), 404], [influence({ image: '/etc/passwd' }), 404],
    [influence({ more: 1 }), 400], [influence({ of: 'all' }), 400], [influence({ method: 'integrated-gradients', 'set.steps': '0' }), 422],
    [influence({ method: 'integrated-gradients', 'set.nonsense': '1' }), 422], [influence({ seq: '-1' }), 400],
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
  for (const [headers, status] of [[{ Host: 'evil.example' }, 403], [{ Host: `evil.example:${port}` }, 403], [{ Origin: 'http://evil.example' }, 403], [{ Origin: 'null' }, 403], [{ 'Sec-Fetch-Site': 'cross-site' }, 403], [{ Origin: `http://127.0.0.1:${port}` }, 200]]) {
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
  check(!/200 OK/.test(await raw(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nHost: evil.example\r\n\r\n`)), 'two Hosts are refused');
  check((await send('/api/session')).status === 200, 'after all that it still answers');

  // slow senders and many connections
  const slow = Array.from({ length: 300 }, () => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTT'));
    socket.on('error', () => {});
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const since = Date.now();
  check((await send('/api/session')).status === 200 && Date.now() - since < 2000, `300 slow senders do not keep others from an answer (${Date.now() - since} ms)`);
  for (const socket of slow) socket.destroy();

  // eight clients, 200 hovers a second
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
      await new Promise((resolve) => setTimeout(resolve, 40));
      most = Math.max(most, residentMiB());
    }
    await Promise.all(open);
  }));
  console.log(`load: ${JSON.stringify(counts)}, resident ${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most`);
  check(counts.answered > 0 && counts.lost === 0 && counts.wrong === 0, 'no answer is lost or mixed up');
  check(most - before < 512, 'memory stays within its bound');
  for (const [key, said] of [...known].slice(0, 20)) {
    const answer = await send(influence({ target: `pixel:${key}` }));
    const header = JSON.parse(answer.body.subarray(8, 8 + answer.body.readUInt32LE(4)));
    if (`${header.value} ${header.origin}` !== said) ++counts.wrong;
  }
  check(counts.wrong === 0, 'asked again alone, the answers are the same');

  // the end, in the middle of requests
  const pending = Array.from({ length: 8 }, (_, i) => send(influence({ target: `pixel:${20 + i},20`, method: 'occlusion' })).catch(() => null));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const ended = new Promise((resolve) => server.on('exit', resolve));
  const asked = Date.now();
  server.kill('SIGTERM');
  await ended;
  check(Date.now() - asked < 1000, `SIGTERM ends it within a second, in the middle of requests (${Date.now() - asked} ms)`);
  await Promise.all(pending);
} catch (error) {
  check(false, String(error.stack ?? error));
  server.kill('SIGKILL');
}
console.log(failures ? `${failures} failed` : 'all held');
process.exit(failures ? 1 : 0);
