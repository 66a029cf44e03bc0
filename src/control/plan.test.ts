import { describe, expect, it } from 'vitest';
import { InvalidTask } from '../task/error.ts';
import type { ListItem } from '../task/playlist.ts';
import { type ListSource, NO_END, type TaskSpec } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import type { Trust } from '../task/trust.ts';
import { type Eyes, type FileFacts, type LiveFacts, type Plan, Plans } from './plan.ts';
import type { WarningCode } from './plan-warnings.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const HOUR_MS = 3_600_000;
const OWNER = { accountId: 'default', projectId: 'p' };
const YES = { copies: 'yes', because: '' } as const;

const FILE: FileFacts = {
  durationMs: 60_000,
  bytes: 7_500_000,
  video: { codec: 'H.264', width: 1280, height: 720, fps: 25 },
  audio: { codec: 'AAC', sampleRate: 48_000, channels: 2 },
  keyFrames: { count: 30, longestGapMs: 2_000 },
  isIndexLast: false,
  readKbit: 50_000,
  starts: new Map([
    [0, 0],
    [30_500, 30_000],
  ]),
  headers: { video: Buffer.from('h'), audio: Buffer.from('a') },
  verdicts: { rtmp: YES, enhancedRtmp: YES, srt: YES },
  notes: [],
};
const LIVE: LiveFacts = {
  bitrateKbit: 2_600,
  video: { codec: 'H.264', width: 1280, height: 720, fps: 25, keyFrames: { longestGapMs: 2_000 } },
  audio: { codec: 'AAC', sampleRate: 48_000, channels: 2 },
  verdicts: { rtmp: YES, enhancedRtmp: YES, srt: YES },
  notes: [],
};
const { audio: _sound, ...MUTE } = FILE;
const { video: _picture, ...BLIND } = FILE;
const { durationMs: _length, ...ENDLESS } = FILE;

const file = (change: Partial<FileFacts>): FileFacts => ({ ...FILE, ...change });
const list = (items: readonly ListItem[], change: Partial<ListSource> = {}): ListSource => ({
  kind: 'list',
  items,
  rounds: 1,
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
  ...change,
});
const spec = (change: Partial<TaskSpec> = {}): TaskSpec => ({
  dialect: 'native',
  name: '',
  region: 'r',
  source: list([{ url: 'media://a' }, { url: 'media://b' }]),
  standby: [],
  destination: { kind: 'url', url: 'rtmp://to/live/key', args: '' },
  startAt: NOW,
  endAt: NO_END,
  callback: null,
  enabled: true,
  retry: null,
  echo: {},
  ...change,
});
const live = (url = 'rtmp://from/live/a', change: Partial<TaskSpec> = {}): TaskSpec =>
  spec({ source: { kind: 'live', url }, ...change });

interface World {
  readonly files?: Readonly<Record<string, FileFacts | undefined>>;
  readonly lives?: Readonly<Record<string, LiveFacts | undefined>>;
  readonly tasks?: readonly Task[];
  readonly joint?: ReturnType<Eyes['joint']>;
  /** Ends all looks while the first of a stream is taken. */
  readonly ending?: AbortController;
}

const gone = { ok: false, kind: 'refused', error: 'the server refused the connection' } as const;

function plansIn({ files = {}, lives = {}, tasks = [], joint, ending }: World): {
  plans: Plans;
  asked: string[];
  believed: [string, Trust | undefined][];
} {
  const asked: string[] = [];
  const believed: [string, Trust | undefined][] = [];
  const eyes: Eyes = {
    file: async url => {
      asked.push(url);
      const found = url in files ? files[url] : FILE;
      return found === undefined ? gone : { ok: true, found };
    },
    live: async (url, tls) => {
      asked.push(url);
      believed.push([url, tls]);
      ending?.abort();
      if (ending !== undefined) return gone;
      const found = url in lives ? lives[url] : LIVE;
      return found === undefined ? gone : { ok: true, found };
    },
    joint: () => joint ?? { kind: 'copy', because: '' },
  };
  const plans = new Plans({
    eyes,
    assets: { resolve: async () => ({ 'asset://known': 'media://a' }) },
    directory: { find: async () => ({ tasks, next: null, total: tasks.length }) },
    targetOf: async () => 'rtmp://ingest',
    now: () => NOW,
    signal: ending?.signal ?? new AbortController().signal,
  });
  return { plans, asked, believed };
}

const plan = (wanted: TaskSpec, world: World = {}): Promise<Plan> => plansIn(world).plans.plan(OWNER, wanted);
const codesOf = ({ warnings }: Plan): string[] => warnings.map(({ code, field }) => `${code} ${field}`);

const rival = (change: Partial<Task>, wanted: Partial<TaskSpec> = {}): Task =>
  ({ id: 'other', status: 'running', spec: spec(wanted), ...change }) as Task;

const PIN = `sha256/${'A'.repeat(43)}=`;

describe('trust', () => {
  it('is that of the task for its own source, and that of the node for a standby', async () => {
    const { plans, believed } = plansIn({});
    const source = { kind: 'live', url: 'rtmps://a/a/a', tls: { pins: [PIN] } } as const;
    await plans.plan(OWNER, spec({ source, standby: ['rtmps://b/b/b'] }));
    expect(believed).toEqual([
      ['rtmps://a/a/a', { pins: [PIN] }],
      ['rtmps://b/b/b', undefined],
    ]);
  });

  it('in what is no certificate is refused before anything is looked at', async () => {
    const { plans, asked } = plansIn({});
    const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    await expect(
      plans.plan(OWNER, spec({ source: { kind: 'live', url: 'rtmps://a/a/a', tls: { ca } } })),
    ).rejects.toThrow(InvalidTask);
    expect(asked).toEqual([]);
  });
});

describe('a plan', () => {
  const soon = `Expires=${NOW / 1_000 + 30}`;
  const late = `Expires=${(NOW + 24 * HOUR_MS) / 1_000}`;

  it.each<[string, TaskSpec, World, readonly `${WarningCode} ${string}`[]]>([
    ['a file that is not there', spec(), { files: { 'media://b': undefined } }, ['unreadable source.items[1].url']],
    ['a stream that is not there', live(), { lives: { 'rtmp://from/live/a': undefined } }, ['unreadable source.url']],
    [
      'a standby that is not there',
      live(undefined, { standby: ['rtmp://b/b/b'] }),
      { lives: { 'rtmp://b/b/b': undefined } },
      ['unreadable standby[0]'],
    ],
    [
      'an asset that is not there',
      spec({ source: list([{ url: 'asset://x' }, { url: 'media://a' }]) }),
      {},
      ['unreadable source.items[0].url'],
    ],
    [
      'an index at the end',
      spec(),
      { files: { 'media://a': file({ isIndexLast: true }) } },
      ['index_last source.items[0].url'],
    ],
    [
      'long groups',
      spec(),
      { files: { 'media://b': file({ keyFrames: { count: 6, longestGapMs: 10_000 } }) } },
      ['long_gop source.items[1].url'],
    ],
    [
      'long groups of a stream',
      live(),
      { lives: { 'rtmp://from/live/a': { ...LIVE, video: { codec: 'H.264', keyFrames: { longestGapMs: 9_000 } } } } },
      ['long_gop source.url'],
    ],
    [
      'an in point far behind a key frame',
      spec({ source: list([{ url: 'media://a', inMs: 30_000 }]) }),
      { files: { 'media://a': file({ starts: new Map([[30_000, 25_000]]) }) } },
      ['no_key_frame_near_start source.items[0].in_s'],
    ],
    [
      'a start far behind a key frame',
      spec({ source: list([{ url: 'media://a' }], { startSeconds: 30 }) }),
      { files: { 'media://a': file({ starts: new Map([[30_000, 24_000]]) }) } },
      ['no_key_frame_near_start source.start_s'],
    ],
    [
      'an in point behind the end',
      spec({ source: list([{ url: 'media://a', inMs: 60_000 }, { url: 'media://b' }]) }),
      {},
      ['start_behind_end source.items[0].in_s'],
    ],
    [
      'an out point behind the end',
      spec({ source: list([{ url: 'media://a', outMs: 60_001 }]) }),
      {},
      ['out_behind_end source.items[0].out_s'],
    ],
    [
      'another sample rate',
      spec(),
      {
        files: { 'media://b': file({ audio: { codec: 'AAC', sampleRate: 44_100 } }) },
        joint: { kind: 'headerUpdate', because: 'x' },
      },
      ['sample_rate_changes source.items[1].url'],
    ],
    [
      'another codec',
      spec(),
      { joint: { kind: 'incompatible', because: 'H.265 after H.264' } },
      ['codec_changes source.items[1].url'],
    ],
    [
      'a boundary that is refused',
      spec({ source: list([{ url: 'media://a' }, { url: 'media://b' }], { boundary: 'reject' }) }),
      { joint: { kind: 'headerUpdate', because: 'x' } },
      ['codec_changes source.items[1].url'],
    ],
    [
      'a codec that the destination cannot have',
      spec({ source: list([{ url: 'media://a' }]) }),
      {
        files: {
          'media://a': file({ verdicts: { rtmp: { copies: 'no', because: 'no H.265' }, enhancedRtmp: YES, srt: YES } }),
        },
      },
      ['codec_not_for_destination source.items[0].url'],
    ],
    [
      'a sound that the destination cannot have',
      live(undefined, { destination: { kind: 'url', url: 'srt://to:1', args: '' } }),
      {
        lives: {
          'rtmp://from/live/a': {
            ...LIVE,
            verdicts: { rtmp: YES, enhancedRtmp: YES, srt: { copies: 'change', because: 'x' } },
          },
        },
      },
      ['sound_left_out source.url'],
    ],
    [
      'a signature that ends before its file is on air',
      spec({ source: list([{ url: 'media://a' }, { url: `https://b/b?${soon}` }]) }),
      {},
      ['url_expires source.items[1].url'],
    ],
    [
      'a signature that ends before a stream does',
      live(`https://a/a.flv?${late}`, { endAt: NOW + 25 * HOUR_MS }),
      {},
      ['url_expires source.url'],
    ],
    [
      'a signature in a list without an end',
      spec({ source: list([{ url: `https://b/b?${late}` }], { rounds: 'endless' }) }),
      {},
      ['url_expires source.items[0].url'],
    ],
    ['another task at the destination', spec(), { tasks: [rival({})] }, ['destination_in_use destination']],
    ['a destination that is pulled from', live('rtmp://to/live/key'), {}, ['destination_is_source destination']],
    [
      'a standby that is the source',
      live(undefined, { standby: ['rtmp://from/live/a'] }),
      {},
      ['standby_is_source standby[0]'],
    ],
    [
      'a server that is too slow',
      spec(),
      { files: { 'media://a': file({ readKbit: 900 }) } },
      ['slower_than_real_time source.items[0].url'],
    ],
    [
      'nothing that can be played',
      spec({ source: list([{ url: 'media://a' }]) }),
      { files: { 'media://a': undefined } },
      ['unreadable source.items[0].url', 'nothing_to_play source.items'],
    ],
  ])('warns of %s', async (_, wanted, world, warnings) => {
    expect(codesOf(await plan(wanted, world))).toEqual(warnings);
  });

  it.each<[string, FileFacts, readonly string[]]>([
    ['sound', MUTE, ['no_audio source.items[0].url']],
    ['a picture', { ...BLIND, keyFrames: { count: 0, longestGapMs: 60_000 } }, ['no_video source.items[0].url']],
    ['a length', ENDLESS, ['length_unknown source.items[0].url']],
  ])('warns of a file without %s', async (_, found, warnings) => {
    const wanted = spec({ source: list([{ url: 'media://a' }]) });
    expect(codesOf(await plan(wanted, { files: { 'media://a': found } }))).toEqual(warnings);
  });

  it.each<[string, TaskSpec, World]>([
    ['a list', spec(), {}],
    ['a list in rounds', spec({ source: list([{ url: 'media://a' }, { url: 'media://b' }], { rounds: 3 }) }), {}],
    ['an asset', spec({ source: list([{ url: 'asset://known' }]) }), {}],
    ['a stream', live(), {}],
    ['a stream with a standby', live(undefined, { standby: ['rtmp://other/live/b'], endAt: NOW + HOUR_MS }), {}],
    ['an in point at a key frame', spec({ source: list([{ url: 'media://a', inMs: 30_500, outMs: 60_000 }]) }), {}],
    ['another header of the same codec', spec(), { joint: { kind: 'headerUpdate', because: 'other size' } }],
    [
      'another codec behind a new push',
      spec({ source: list([{ url: 'media://a' }, { url: 'media://b' }], { boundary: 'republish' }) }),
      { joint: { kind: 'incompatible', because: 'H.265 after H.264' } },
    ],
    [
      'silence for a file without sound',
      spec({ source: list([{ url: 'media://a' }], { silence: true }) }),
      { files: { 'media://a': MUTE } },
    ],
    ['a signature that lasts', spec({ source: list([{ url: `https://b/b?${late}` }]) }), {}],
    ['another task that is over', spec(), { tasks: [rival({ status: 'exited' })] }],
    ['another task before', spec(), { tasks: [rival({}, { startAt: NOW - 9, endAt: NOW })] }],
    [
      'another task elsewhere',
      spec(),
      { tasks: [rival({}, { destination: { kind: 'url', url: 'rtmp://x/y/z', args: '' } })] },
    ],
  ])('has nothing to say against %s', async (_, wanted, world) => {
    expect(codesOf(await plan(wanted, world))).toEqual([]);
  });

  it('lays out every file of every round, and how they join', async () => {
    const items = [{ url: 'media://a', inMs: 30_500 }, { url: 'media://b' }];
    const { timeline, joints, startsAt, endsAt } = await plan(spec({ source: list(items, { rounds: 2 }) }));
    expect(startsAt).toBe(NOW);
    expect(timeline?.airings.map(({ index, startsAt }) => [index, startsAt - NOW])).toEqual([
      [0, 0],
      [1, 30_000],
      [0, 90_000],
      [1, 120_000],
    ]);
    expect(endsAt).toBe(NOW + 180_000);
    expect(joints.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('joins what can be played: what cannot is passed over', async () => {
    const items = ['media://a', 'media://gone', 'media://b'].map(url => ({ url }));
    const { joints } = await plan(spec({ source: list(items) }), { files: { 'media://gone': undefined } });
    expect(joints.map(({ from, to }) => [from, to])).toEqual([[0, 2]]);
  });

  it('does not take what it had no time for, or what is too many, for gone', async () => {
    const source = list(Array.from({ length: 201 }, (_, at) => ({ url: `media://${at}` })));
    const { timeline, warnings } = await plan(spec({ source }));
    expect(warnings.map(({ code, field }) => `${code} ${field}`)).toEqual(['not_looked_at source.items[200].url']);
    expect(timeline).toMatchObject({ isWhole: false, endsAt: null });
    expect(timeline?.airings).toHaveLength(200);
    const late = new AbortController();
    const { plans } = plansIn({ ending: late });
    expect(codesOf(await plans.plan(OWNER, live()))).toEqual(['not_looked_at source.url']);
  });

  it('begins no sooner than now, and tells the end of a stream by its task', async () => {
    const { startsAt, endsAt, timeline } = await plan(
      live(undefined, { startAt: NOW - HOUR_MS, endAt: NOW + HOUR_MS }),
    );
    expect([startsAt, endsAt, timeline]).toEqual([NOW, NOW + HOUR_MS, null]);
    expect((await plan(live())).endsAt).toBeNull();
  });

  it('looks at each file once', async () => {
    const { plans, asked } = plansIn({});
    const source = list([{ url: 'media://a' }, { url: 'media://b' }, { url: 'media://a' }]);
    await plans.plan(OWNER, spec({ source }));
    expect(asked.sort()).toEqual(['media://a', 'media://b']);
  });

  it('refuses a wish that would make no task', async () => {
    await expect(plan(spec({ endAt: NOW - 1, startAt: NOW - 2 }))).rejects.toThrow(InvalidTask);
  });
});
