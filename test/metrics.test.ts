import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { media, publish } from './lab/ffmpeg.ts';
import { Millrace } from './lab/millrace.ts';
import { freePort, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly action?: string };
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

const fileAt = (path: string): string => readFileSync(new URL(`../deploy/${path}`, import.meta.url), 'utf8');

const rules = (
  parse(fileAt('prometheus/alerts.yml')) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap(group => group.rules);
const { panels } = JSON.parse(fileAt('grafana/millrace.json')) as { panels: readonly Panel[] };
const charts = panels.filter(({ type }) => type !== 'row');

const KEY = 'stream-key-canary-81c2';

let place: Place;
let node: Millrace;
let address: string;
let taskId: string;
const scrape = async (): Promise<string> => (await fetch(`${address}/metrics`)).text();
/** The sum of a figure over its labels, or over those lines that have the given ones. */
async function figure(name: string, having = ''): Promise<number> {
  const lines = (await scrape()).split('\n').filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.filter(line => line.includes(having)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

beforeAll(async () => {
  place = new Place();
  address = `127.0.0.1:${await freePort()}`;
  node = await Millrace.start(place, { flags: ['--metrics-listen', address, '--metrics-tasks', '5'] });
  address = `http://${address}`;
  const source = `${node.rtmp}/live/${KEY}?sign=${KEY}`;
  publish(place, await media({ seconds: 60, size: '320x180', videoKbit: 300 }), source);
  taskId = await node.huawei.createLive(source, `${node.rtmp}/live/out-${KEY}`);
  await until('pictures go out', async () => (await figure('millrace_frames_total', 'direction="out"')) > 50);
});
afterAll(() => place[Symbol.asyncDispose]());

/** Names of metrics that a query asks for: words that are not followed by a bracket, stand in no label, and are no unit. */
function namesIn(query: string): readonly string[] {
  const bare = query.replace(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(?:by|without)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/[a-z_][a-z0-9_]*(?!\s*\()\b/gi)]
    .map(([name]) => name)
    .filter(name => !['and', 'or', 'unless', 'on', 'e9'].includes(name) && !bare.includes(`${name}(`));
}

/** Labels that a query names in braces or groups by. */
const labelsIn = (query: string): readonly string[] => [
  ...[...query.matchAll(/(\w+)\s*=~?"/g)].map(match => match[1] ?? ''),
  ...[...query.matchAll(/\b(?:by|without)\s*\(([^)]*)\)/g)].flatMap(match => (match[1] ?? '').split(/\s*,\s*/)),
];

describe('what a node with a task on air tells', () => {
  it('has it flowing, with what it takes in and gives out', async () => {
    expect(await figure('millrace_runs', 'state="flowing"')).toBe(1);
    expect(await figure('millrace_tasks', 'status="running"')).toBe(1);
    await until('rates are known', async () => (await figure('millrace_media_kbit_per_second', '"in"')) > 100);
    expect(await figure('millrace_media_bytes_total', '"out"')).toBeGreaterThan(10_000);
  });

  it('has its protocols, on either side', async () => {
    const text = await scrape();
    expect(text).toContain('millrace_runs_by_protocol{side="source",protocol="rtmp"} 1');
    expect(text).toContain('millrace_runs_by_protocol{side="destination",protocol="rtmp"} 1');
  });

  it('has figures of the task where they are wanted', async () => {
    expect(await scrape()).toContain(`millrace_task_flowing{task="${taskId}"} 1`);
  });

  it('has every process, and what it costs', async () => {
    const text = await scrape();
    expect(text).toMatch(/millrace_process_resident_bytes\{role="worker",slot="0"\} \d{7,}/);
    expect(text).toMatch(/millrace_process_resident_bytes\{role="control",slot="0"\} \d{7,}/);
  });

  it('counts requests by dialect', async () => {
    expect(await figure('millrace_api_request_duration_seconds_count', 'dialect="huawei"')).toBeGreaterThan(0);
  });

  it('names no address and no key', async () => {
    const text = await scrape();
    expect(text).not.toContain(KEY);
    expect(text).not.toContain('://');
    expect(text).not.toContain(node.key.secretKey);
  });

  it('is a small answer, soon given', async () => {
    const startedMs = performance.now();
    const text = await scrape();
    expect(text.length).toBeLessThan(100_000);
    console.log(`metrics: ${(performance.now() - startedMs).toFixed(0)} ms, ${text.length} bytes`);
  });
});

describe('at the API', () => {
  it('they are for who has a key that may see nodes', async () => {
    expect((await fetch(`${node.api}/metrics`)).status).toBe(401);
    const key = JSON.parse(await node.command('key', 'create', '--api', '--json', '--policy', 'ReadOnlyAccess')) as {
      apiKey: string;
    };
    const answer = await fetch(`${node.api}/metrics`, { headers: { authorization: `Bearer ${key.apiKey}` } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('version=0.0.4'),
    ]);
    expect(await answer.text()).toContain('millrace_ready 1');
  });
});

const queries = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...charts.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
];

describe('the alerts and the dashboard', () => {
  it.each(queries)('%s asks for what there is: %s', async (_title, query) => {
    const text = await scrape();
    const told = new Set(
      [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].flatMap(([, name = '', kind = '']) =>
        kind === 'histogram' ? ['_bucket', '_sum', '_count'].map(end => name + end) : [name],
      ),
    );
    const names = namesIn(query);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter(name => !told.has(name))).toEqual([]);
  });

  it.each(queries)('%s names labels that there are: %s', (_title, query) => {
    const page = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');
    const known = (name: string): readonly string[] => {
      const family = name.replace(/_(bucket|sum|count)$/, '');
      const row = page.split('\n').find(line => line.startsWith(`| \`${family}\` |`)) ?? '';
      return [...(row.split('|').at(-2) ?? '').matchAll(/`(\w+)`/g)].map(match => match[1] ?? '');
    };
    const there = new Set(['instance', 'le', ...namesIn(query).flatMap(known)]);
    expect(labelsIn(query).filter(label => !there.has(label))).toEqual([]);
  });

  it('say each how urgent it is, what is wrong and what to do', () => {
    const poor = rules.filter(
      ({ labels, annotations }) =>
        !['page', 'ticket'].includes(labels?.severity ?? '') || !annotations?.summary || !annotations.action,
    );
    expect(poor.map(({ alert }) => alert)).toEqual([]);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('have panels that do not lie on each other', () => {
    const clashes = panels.flatMap((one, at) =>
      panels.slice(at + 1).filter(({ gridPos: { x, y, w, h } }) => {
        const own = one.gridPos;
        return x < own.x + own.w && own.x < x + w && y < own.y + own.h && own.y < y + h;
      }),
    );
    expect(clashes).toEqual([]);
    expect(charts.length).toBeGreaterThan(20);
  });
});
