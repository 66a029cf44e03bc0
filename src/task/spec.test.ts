import { describe, expect, it } from 'vitest';
import type { ListItem } from './playlist.ts';
import { checkSpec, type Destination, destinationUrl, type ListSource, mergeSpec, type TaskSpec } from './spec.ts';

const NOW = Date.UTC(2026, 2, 1);
const DAY = 86_400_000;

const listOf = (urls: readonly string[]): ListItem[] => urls.map(url => ({ url }));

const LIST: ListSource = {
  kind: 'list',
  items: listOf(['http://files.example/a.mp4', 'http://files.example/b.mp4']),
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};

const PLAIN = { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' } as const;
const PIN = `sha256/${'A'.repeat(43)}=`;

const spec = (change: Partial<TaskSpec> = {}): TaskSpec => ({
  dialect: 'huawei',
  name: '',
  region: 'cn-north-4',
  source: { kind: 'live', url: 'rtmp://src.example/live/a' },
  standby: [],
  destination: PLAIN,
  startAt: NOW,
  endAt: NOW + DAY,
  callback: null,
  enabled: true,
  retry: null,
  echo: {},
  ...change,
});

const list = (change: Partial<ListSource>): Partial<TaskSpec> => ({ source: { ...LIST, ...change } });
const item = (change: Partial<ListItem>): Partial<TaskSpec> =>
  list({ items: [{ url: 'http://files.example/a.mp4' }, { url: 'http://files.example/b.mp4', ...change }] });
const ingest = (change: object): Partial<TaskSpec> => ({
  destination: { kind: 'ingest', domain: 'push.example', app: 'live', stream: 's', args: '', ...change },
});
const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `http://files.example/${at}.mp4`);
const brokenFields = (change: Partial<TaskSpec>): string[] =>
  checkSpec(spec(change), { now: NOW }).map(({ field }) => field);

describe('a spec that is in order', () => {
  const cases: readonly [string, Partial<TaskSpec>][] = [
    ['a live source', {}],
    ['a list', { source: LIST }],
    ['a list of 30', list({ items: listOf(many(30)) })],
    ['a native list of 31', { dialect: 'native', ...list({ items: listOf(many(31)) }) }],
    ['a part of a file', item({ inMs: 1_000, outMs: 1_001, repeats: 3, videoTrack: 0, audioTrack: 7 })],
    ['a part from the start', item({ inMs: 0, outMs: 1 })],
    ['a single round', list({ rounds: 1 })],
    ['a start at the last item', list({ startIndex: 1, startSeconds: 0.5 })],
    ['a start in the past', { startAt: NOW - DAY }],
    ['a span of 7 days to the millisecond', { endAt: NOW + 7 * DAY }],
    ['a longer span where the dialect knows no limit', { dialect: 'alibaba', endAt: NOW + 30 * DAY }],
    ['no tries at all', { retry: { count: 0, intervalMs: 60_000 } }],
    ['30 standbys', { standby: many(30) }],
    ['16 tags of 64 characters', { tags: many(16).map(tag => tag.padStart(64, 'x').slice(0, 64)) }],
    ['a delay and a slate', { delayMs: 30_000, slate: 'hold' }],
    ['the last standby', { standby: many(2), pin: 2 }],
    ['what the node does', { pin: null, delayMs: null, slate: null }],
    ['an ingest destination', ingest({})],
    ['pins of a destination', { destination: { ...PLAIN, url: 'rtmps://dst.example/live/b', tls: { pins: [PIN] } } }],
    ['pins of a domain, whose target is not known', ingest({ tls: { pins: [PIN] } })],
    ['the last moment of the year 2100', { startAt: Date.UTC(2100, 11, 31), endAt: Date.UTC(2101, 0, 1) - 1 }],
  ];
  for (const [name, change] of cases) it(name, () => expect(brokenFields(change)).toEqual([]));
});

describe('a spec that breaks a rule names the field', () => {
  const cases: readonly [string, Partial<TaskSpec>, string][] = [
    ['no live address', { source: { kind: 'live', url: '' } }, 'source.url'],
    ['an empty list', list({ items: listOf([]), startIndex: 0 }), 'source.items'],
    ['a list of 31', list({ items: listOf(many(31)) }), 'source.items'],
    ['an empty item', list({ items: listOf(['http://files.example/a.mp4', '']) }), 'source.items[1].url'],
    ['a negative in point', item({ inMs: -1 }), 'source.items[1].inMs'],
    ['an in point between milliseconds', item({ inMs: 0.5 }), 'source.items[1].inMs'],
    ['an in point of years', item({ inMs: 2_100_000_000_001 }), 'source.items[1].inMs'],
    ['an out point at the start', item({ outMs: 0 }), 'source.items[1].outMs'],
    ['an out point that is no number', item({ outMs: Number.NaN }), 'source.items[1].outMs'],
    ['an out point of years', item({ outMs: 2_100_000_000_001 }), 'source.items[1].outMs'],
    ['an out point at the in point', item({ inMs: 5, outMs: 5 }), 'source.items[1].outMs'],
    ['no repeat', item({ repeats: 0 }), 'source.items[1].repeats'],
    ['half a repeat', item({ repeats: 1.5 }), 'source.items[1].repeats'],
    ['a negative picture', item({ videoTrack: -1 }), 'source.items[1].videoTrack'],
    ['half a sound', item({ audioTrack: 0.5 }), 'source.items[1].audioTrack'],
    ['no round', list({ rounds: 0 }), 'source.rounds'],
    ['half a round', list({ rounds: 1.5 }), 'source.rounds'],
    ['rounds beyond counting', list({ rounds: 2 ** 53 }), 'source.rounds'],
    ['a start before the first item', list({ startIndex: -1 }), 'source.startIndex'],
    ['a start behind the last item', list({ startIndex: 2 }), 'source.startIndex'],
    ['a start between items', list({ startIndex: 0.5 }), 'source.startIndex'],
    ['a negative offset', list({ startSeconds: -1 }), 'source.startSeconds'],
    ['an offset of years', list({ startSeconds: 2_100_000_001 }), 'source.startSeconds'],
    ['an offset that is no number', list({ startSeconds: Number.NaN }), 'source.startSeconds'],
    ['31 standbys', { standby: many(31) }, 'standby'],
    ['an empty standby', { standby: [''] }, 'standby'],
    ['no destination', { destination: { kind: 'url', url: '', args: '' } }, 'destination.url'],
    ['pins for what is not encrypted', { destination: { ...PLAIN, tls: { pins: [PIN] } } }, 'destination.tls'],
    [
      'no pin of a source',
      { source: { kind: 'live', url: 'https://src.example/a', tls: { pins: [] } } },
      'source.tls.pins',
    ],
    ['a name of a domain that is none', ingest({ tls: { serverName: 'a b' } }), 'destination.tls.serverName'],
    ['no domain', ingest({ domain: '' }), 'destination.domain'],
    ['no app', ingest({ app: '' }), 'destination.app'],
    ['no stream', ingest({ stream: '' }), 'destination.stream'],
    ['an end that is the start', { startAt: NOW + 1, endAt: NOW + 1 }, 'endAt'],
    ['an end that has come', { startAt: NOW - 10, endAt: NOW }, 'endAt'],
    ['a millisecond more than 7 days', { endAt: NOW + 7 * DAY + 1 }, 'endAt'],
    ['a start before 2000', { startAt: Date.UTC(2000, 0, 1) - 1 }, 'startAt'],
    ['an end after 2100', { endAt: Date.UTC(2101, 0, 1) }, 'endAt'],
    ['a start that is no time', { startAt: Number.NaN }, 'startAt'],
    ['fewer than no tries', { retry: { count: -1, intervalMs: 60_000 } }, 'retry.count'],
    ['17 tags', { tags: many(17) }, 'tags'],
    ['an empty tag', { tags: [''] }, 'tags'],
    ['a long tag', { tags: ['x'.repeat(65)] }, 'tags'],
    ['a tag twice', { tags: ['a', 'b', 'a'] }, 'tags'],
    ['a delay of minutes', { delayMs: 30_001 }, 'delayMs'],
    ['a delay in the past', { delayMs: -1 }, 'delayMs'],
    ['no slate at all', { slate: '' }, 'slate'],
    ['a standby that there is not', { standby: many(2), pin: 3 }, 'pin'],
    ['half a standby', { standby: many(2), pin: 0.5 }, 'pin'],
    ['a standby of a list', { ...list({}), standby: many(2), pin: 1 }, 'pin'],
    ['tries without a pause', { retry: { count: 3, intervalMs: 999 } }, 'retry.intervalMs'],
  ];
  for (const [name, change, field] of cases) {
    it(name, () => expect([...new Set(brokenFields(change))]).toEqual([field]));
  }

  it('and all of them at once', () => {
    const fields = brokenFields({ source: { kind: 'live', url: '' }, standby: [''], endAt: NOW - DAY });
    expect(fields).toEqual(['source.url', 'standby', 'endAt', 'endAt']);
  });
});

describe('a patch', () => {
  it('replaces the fields it carries and leaves the others', () => {
    const before = spec();
    expect(mergeSpec(before, { enabled: false, source: LIST })).toEqual({ ...before, enabled: false, source: LIST });
  });

  it('leaves a field that is there but undefined', () => {
    const patch = { endAt: undefined } as unknown as { endAt: number };
    expect(mergeSpec(spec(), patch)).toEqual(spec());
  });
});

describe('the address to dial', () => {
  const url = (address: string, args: string): Destination => ({ kind: 'url', url: address, args });
  const named = (args: string): Destination => ({
    kind: 'ingest',
    domain: 'push.example',
    app: 'live',
    stream: 's',
    args,
  });
  const cases: readonly [string, Destination, string | undefined, string][] = [
    ['is the url itself', url('rtmp://d/live/s', ''), undefined, 'rtmp://d/live/s'],
    ['takes args behind ?', url('rtmp://d/live/s', 'a=1'), undefined, 'rtmp://d/live/s?a=1'],
    [
      'takes args behind & where there are some',
      url('rtmp://d/live/s?k=2', 'a=1'),
      undefined,
      'rtmp://d/live/s?k=2&a=1',
    ],
    ['needs no joint after ?', url('rtmp://d/live/s?', 'a=1'), undefined, 'rtmp://d/live/s?a=1'],
    ['needs no joint after &', url('rtmp://d/live/s?k=2&', 'a=1'), undefined, 'rtmp://d/live/s?k=2&a=1'],
    ['drops a leading ? of the args', url('rtmp://d/live/s', '?a=1'), undefined, 'rtmp://d/live/s?a=1'],
    ['drops a leading & of the args', url('rtmp://d/live/s?k=2', '&a=1'), undefined, 'rtmp://d/live/s?k=2&a=1'],
    ['adds nothing for a lone ?', url('rtmp://d/live/s', '?'), undefined, 'rtmp://d/live/s'],
    ['is built from the target', named('a=1'), 'rtmp://127.0.0.1:1935', 'rtmp://127.0.0.1:1935/live/s?a=1'],
    ['bears a target that ends in /', named(''), 'rtmp://127.0.0.1:1935/', 'rtmp://127.0.0.1:1935/live/s'],
    ['is the domain itself where it has no target', named(''), undefined, 'rtmp://push.example/live/s'],
  ];
  for (const [name, destination, target, wanted] of cases) {
    it(name, () => expect(destinationUrl(destination, target)).toBe(wanted));
  }
});
