// SPDX-License-Identifier: BSD-3-Clause
// Questions to the server: of each kind at most one under way, the newest, and answers kept within a budget of bytes.

import { decodeFrame } from './frame.js';

export class Refused extends Error {}

async function refusal(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error || text;
  } catch {
    return text || `the server answered ${response.status}`;
  }
}

export class Server {
  constructor(budget = 64 << 20) {
    this.budget = budget;
    this.held = 0;
    this.kept = new Map();
    this.underway = new Map();
    this.sequence = 0;
    this.tab = '';
  }

  async json(path, options) {
    const response = await fetch(path, options);
    if (!response.ok) throw new Refused(await refusal(response));
    return response.json();
  }

  // Tells now and then how far the question of this kind is, until it is over.
  async watch(kind, stop, tell) {
    for (const asked = () => this.underway.get(kind) === stop && !stop.signal.aborted; ;) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      if (!asked()) return;
      const progress = await this.json(`api/progress?${new URLSearchParams({ tab: this.tab, ask: kind })}`, { signal: stop.signal }).catch(() => null);
      if (progress && asked()) tell(progress);
    }
  }

  // The frame at `path` with these parameters. A newer question of the same kind makes an older one end with null, on
  // the page and, told by `seq`, on the server. `tell` hears how far a slow answer is.
  async ask(kind, path, parameters, { keep = true, tell = null } = {}) {
    const key = `${path}?${new URLSearchParams(parameters)}`;
    this.underway.get(kind)?.abort();
    this.underway.delete(kind);
    const kept = this.kept.get(key);
    if (kept) {
      this.kept.delete(key);
      this.kept.set(key, kept);
      return kept.frame;
    }
    const stop = new AbortController();
    this.underway.set(kind, stop);
    if (tell) void this.watch(kind, stop, tell);
    try {
      const response = await fetch(`${key}&tab=${this.tab}&ask=${kind}&seq=${++this.sequence}`, { signal: stop.signal });
      if (response.status === 409) return null;
      if (!response.ok) throw new Refused(await refusal(response));
      const buffer = await response.arrayBuffer();
      const frame = decodeFrame(buffer);
      if (keep) this.keep(key, frame, buffer.byteLength);
      return frame;
    } catch (error) {
      if (stop.signal.aborted) return null;
      throw error instanceof Refused ? error : new Refused('the explorer does not answer: is it still running?');
    } finally {
      if (this.underway.get(kind) === stop) this.underway.delete(kind);
    }
  }

  keep(key, frame, bytes) {
    this.held -= this.kept.get(key)?.bytes ?? 0;
    this.kept.delete(key);
    this.kept.set(key, { frame, bytes });
    this.held += bytes;
    for (const [oldest, { bytes: size }] of this.kept) {
      if (this.held <= this.budget) break;
      this.kept.delete(oldest);
      this.held -= size;
    }
  }

  // What this page still waits for is not wanted any more.
  leave() {
    navigator.sendBeacon(`api/leave?tab=${this.tab}`);
  }

  post(path, body) {
    return this.json(`${path}${path.includes('?') ? '&' : '?'}tab=${this.tab}`, { method: 'POST', body, headers: { 'Content-Type': 'application/octet-stream' } });
  }
}
