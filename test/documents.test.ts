import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Child } from './lab/child.ts';
import { Millrace } from './lab/millrace.ts';
import { freePort, Place } from './lab/place.ts';
import { isRunnable, scriptOf } from './lab/runnable.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map(name => join('docs', name))]
  .filter(path => path.endsWith('.md'))
  .filter(path => isRunnable(readFileSync(join(ROOT, path), 'utf8')));

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place[Symbol.asyncDispose]());

describe('the commands of a document', () => {
  it.each(pages)('do what it says: %s', async path => {
    const api = `127.0.0.1:${await freePort()}`;
    const node = await Millrace.start(place, { flags: ['--listen', api] });
    const port = await freePort();
    const places = { api, rtmp: new URL(node.rtmp).host, receiver: `127.0.0.1:${port}` };
    const script = scriptOf(readFileSync(join(ROOT, path), 'utf8'), places);
    const env = { ...node.variables, MILLRACE_DATA: node.data, MILLRACE_LISTEN: api, PORT: String(port) };
    const child = place.own(new Child('bash', ['-c', script], { cwd: ROOT, env }), it => it.stop());
    expect(await child.exited, child.output).toBe(0);
  });
});
