import { describe, expect, it } from 'vitest';
import { figure } from './faults/figure.ts';
import { doubled, fallen, longestGapMs, longestStepMs, lost } from './lab/continuity.ts';
import { countedFile, Web } from './lab/counted-files.ts';
import { CountedSource } from './lab/counted-source.ts';
import { FaultProxy } from './lab/fault-proxy.ts';
import { OnePlayout } from './lab/one-playout.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const KEY = 'SECRETKEY123';

/** A destination that has a second door. */
async function destination(place: Place) {
  const oracle = await Oracle.start(place);
  const door = await FaultProxy.start(place, { to: oracle.port });
  return { oracle, elsewhere: `rtmp://127.0.0.1:${door.port}/live`, seen: oracle.stream(KEY), to: oracle.url(KEY) };
}

async function live(place: Place) {
  const there = await destination(place);
  const source = await CountedSource.start(place);
  const relay = OneRelay.start(place, { from: source.url(), to: there.to });
  await more(there.seen, 30);
  return { ...there, relay };
}

async function list(place: Place) {
  const there = await destination(place);
  const web = await Web.start(place);
  const urls = [web.put('/a.flv', countedFile(60, { tag: 'a' }))];
  const relay = OnePlayout.start(place, there.to, { urls });
  await more(there.seen, 30);
  return { ...there, relay };
}

async function more({ video }: SeenStream, count: number): Promise<void> {
  const wanted = video.length + count;
  await until(`${count} pictures more`, () => video.length >= wanted);
}

/** What the move has cost, seen where the stream arrives. */
function judge(what: string, seen: SeenStream): void {
  figure('reconnect', `frames lost, ${what}`, lost(seen), { unit: 'frames', exactly: 0 });
  figure('reconnect', `frames sent twice, ${what}`, doubled(seen), { unit: 'frames', exactly: 0 });
  figure('reconnect', `times that did not rise, ${what}`, fallen(seen), { unit: 'frames', exactly: 0 });
  figure('reconnect', `longest time without a picture, ${what}`, longestGapMs(seen.video), {
    unit: 'ms',
    atMost: 300,
    busyAtMost: 1_500,
  });
  expect(seen.pushes.map(({ startedAtKey }) => startedAtKey)).toEqual([true, true]);
  expect(seen.pushes[0]?.saidGoodbye).toBe(true);
  expect(seen.publishers).toBe(1);
}

describe.concurrent('a destination asks for another connection', () => {
  it.each([['a live stream', live] as const, ['a list', list] as const])('to another port: %s', async (what, begin) => {
    await using place = new Place();
    const { oracle, seen, elsewhere, relay } = await begin(place);
    oracle.refer(KEY, { tcUrl: elsewhere, description: `going down, ${KEY}` });
    await until('it has moved', () => seen.pushes.length === 2 && seen.pushes[0]?.endedAtMs);
    await more(seen, 40);
    judge(`${what} to another port`, seen);
    expect(relay.report).toMatchObject({ pushEpoch: 2, state: 'flowing' });
    expect(relay.news.filter(({ type }) => type === 'broke')).toEqual([]);
  });

  it.each([['a live stream', live] as const, ['a list', list] as const])('to itself: %s', async (what, begin) => {
    await using place = new Place();
    const { oracle, seen, relay } = await begin(place);
    oracle.second = 'refused';
    oracle.refer(KEY);
    await until('it has moved', () => seen.pushes.length === 2 && seen.pushes[0]?.endedAtMs);
    await more(seen, 40);
    judge(`${what} to its own port`, seen);
    expect(seen.overlaps).toBe(0);
    expect(relay.report).toMatchObject({ pushEpoch: 2, state: 'flowing' });
  });
});

describe.concurrent('a source asks for another connection', () => {
  /** The same camera through another door, which may be further away. */
  async function camera(place: Place, delayMs = 0) {
    const source = await CountedSource.start(place);
    const door = await FaultProxy.start(place, { to: source.port });
    door.set('down', { delayMs });
    const oracle = await Oracle.start(place);
    const seen = oracle.stream('out');
    const relay = OneRelay.start(place, { from: source.url('live/in'), to: oracle.url('out') });
    await more(seen, 30);
    return { source, relay, seen, door, elsewhere: `rtmp://127.0.0.1:${door.port}/live` };
  }

  function judgePull(what: string, seen: SeenStream, gapMs: number): void {
    figure('reconnect', `frames lost, ${what}`, lost(seen), { unit: 'frames', exactly: 0 });
    figure('reconnect', `frames sent twice, ${what}`, doubled(seen), { unit: 'frames', exactly: 0 });
    figure('reconnect', `times that did not rise, ${what}`, fallen(seen), { unit: 'frames', exactly: 0 });
    figure('reconnect', `longest step of time, ${what}`, longestStepMs(seen.video), { unit: 'ms', atMost: 80 });
    figure('reconnect', `longest time without a picture, ${what}`, longestGapMs(seen.video), {
      unit: 'ms',
      atMost: gapMs,
      busyAtMost: gapMs + 1_200,
    });
    expect(seen.pushes).toHaveLength(1);
  }

  it.each([0, 300])('at another port that is %i ms further away', async delayMs => {
    await using place = new Place();
    const { source, relay, seen, elsewhere } = await camera(place, delayMs);
    source.refer(elsewhere);
    await until('it has moved', () => relay.report.pullEpoch === 2 && source.pullers === 1);
    await more(seen, 40);
    judgePull(`a source ${delayMs} ms further away`, seen, 300 + delayMs);
    expect(relay.report.state).toBe('flowing');
    expect(relay.news.filter(({ type }) => type !== 'flowing')).toEqual([]);
  });

  it('at its own port', async () => {
    await using place = new Place();
    const { source, relay, seen } = await camera(place);
    source.refer();
    await until('it has moved', () => relay.report.pullEpoch === 2 && source.pullers === 1);
    await more(seen, 40);
    judgePull('a source at its own port', seen, 300);
  });
});
