import { describe, expect, it } from 'vitest';
import { unsayable } from './sayable.ts';
import type { ListSource, TaskSpec } from './spec.ts';

const LIST: ListSource = {
  kind: 'list',
  items: [{ url: 'http://f.example/a.mp4' }, { url: 'http://f.example/b.mp4' }],
  rounds: 1,
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};
const TRIES = { count: 3, intervalMs: 60_000 };

const spec = (change: Partial<TaskSpec>): TaskSpec => ({
  dialect: 'huawei',
  name: '',
  region: 'r',
  source: { kind: 'live', url: 'rtmp://src.example/live/a' },
  standby: [],
  destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' },
  startAt: 0,
  endAt: 1,
  callback: null,
  enabled: true,
  retry: change.dialect === 'alibaba' ? TRIES : null,
  echo: {},
  ...change,
});

const list = (change: Partial<ListSource>): Partial<TaskSpec> => ({ source: { ...LIST, ...change } });
const fields = (change: Partial<TaskSpec>): readonly string[] => unsayable(spec(change)).map(({ field }) => field);
const ALIBABA = { dialect: 'alibaba' } as const;

describe('a dialect can say', () => {
  const cases: readonly [string, Partial<TaskSpec>][] = [
    ['what it is made for', {}],
    ['a list, of Huawei', list({ refresh: 'breakpoint', startSeconds: 7, boundary: 'inline', silence: false })],
    ['its own words for events', { callback: { url: 'http://h.example', events: ['TaskStart', 'TaskExit'] } }],
    ['standbys and their turn, of Huawei', { standby: ['rtmp://s.example/live/a'], pin: 1 }],
    ['labels, which change nothing of what it is', { name: 'News', tags: ['a'], delayMs: null, slate: null }],
    ['tries, of Alibaba', ALIBABA],
    ['a list of assets, of Alibaba', { ...ALIBABA, ...list({ items: [{ url: 'asset://a' }] }) }],
    ['another address of its protocol', { ...ALIBABA, echo: { SourceProtocol: 'RTMP' } }],
    ['anything, of ours', { dialect: 'native', delayMs: 1, slate: 'hold', retry: TRIES, ...list({ silence: true }) }],
  ];
  for (const [name, change] of cases) it(name, () => expect(fields(change)).toEqual([]));
});

describe('a dialect cannot say', () => {
  const PINS = { tls: { pins: ['x'] } };
  const cases: readonly [string, Partial<TaskSpec>, string][] = [
    ['a point in a file', list({ items: [{ url: 'a', inMs: 1 }] }), 'source.items[0]'],
    ['a push of its own for a file', list({ boundary: 'republish' }), 'source.boundary'],
    ['silence', list({ silence: true }), 'source.silence'],
    ['half a second', list({ startSeconds: 0.5 }), 'source.startSeconds'],
    ['whom to believe of its source', { source: { kind: 'live', url: 'https://a.example', ...PINS } }, 'source.tls'],
    [
      'whom to believe',
      { destination: { kind: 'url', url: 'rtmps://a.example/b/c', args: '', ...PINS } },
      'destination.tls',
    ],
    [
      'our words for events',
      { callback: { url: 'http://h.example', events: ['TaskStart', 'flowing'] } },
      'callback.events',
    ],
    ['a choice of events, of Alibaba', { ...ALIBABA, callback: { url: '', events: ['TaskStart'] } }, 'callback.events'],
    ['a delay', { delayMs: 0 }, 'delayMs'],
    ['a slate', { slate: 'off' }, 'slate'],
    ['tries, of Huawei', { retry: TRIES }, 'retry'],
    ['no tries, of Alibaba', { ...ALIBABA, retry: null }, 'retry'],
    ['standbys, of Alibaba', { ...ALIBABA, standby: ['rtmp://s.example/live/a'] }, 'standby'],
    ['a source to stay at, of Alibaba', { ...ALIBABA, pin: 0 }, 'pin'],
    ['what becomes of an edit, of Alibaba', { ...ALIBABA, ...list({ refresh: 'fileStart' }) }, 'source.refresh'],
    [
      'assets beside addresses, of Alibaba',
      { ...ALIBABA, ...list({ items: [{ url: 'asset://a' }, { url: 'http://f.example/a.mp4' }] }) },
      'source.items',
    ],
    ['another protocol', { ...ALIBABA, echo: { SourceProtocol: 'srt' } }, 'source.url'],
    ['another protocol of the web', { ...ALIBABA, echo: { SourceProtocol: 'hls' } }, 'source.url'],
  ];
  for (const [name, change, field] of cases) it(name, () => expect(fields(change)).toEqual([field]));
});
