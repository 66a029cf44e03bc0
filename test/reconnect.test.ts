import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../src/media/rtmp/amf0.ts';
import { MessageType } from '../src/media/rtmp/message.ts';
import { figure } from './faults/figure.ts';
import { doubled, fallen, longestGapMs, longestStepMs, lost } from './lab/continuity.ts';
import { countedFile, Web } from './lab/counted-files.ts';
import { CountedSource } from './lab/counted-source.ts';
import { FaultProxy } from './lab/fault-proxy.ts';
import { OnePlayout } from './lab/one-playout.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { securedUrl } from './lab/secured.ts';
import { selfMade } from './lab/self-made.ts';
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

  it.each(['to another port', 'to itself'])('%s, and the break point of a list stays true', async where => {
    await using place = new Place();
    const { oracle, seen, elsewhere, relay } = await list(place);
    oracle.second = 'refused';
    const ahead: number[] = [];
    const look = (): void => {
      const number = seen.video.numbers.at(-1) ?? 0;
      ahead.push((relay.report.breakpoint?.offsetMs ?? 0) - number * 40);
    };
    place.own(setInterval(look, 5), clearInterval);
    oracle.refer(KEY, where === 'to itself' ? {} : { tcUrl: elsewhere });
    await until('it has moved', () => seen.pushes.length === 2 && seen.pushes[0]?.endedAtMs);
    await more(seen, 60);
    // What has just been taken is on its way.
    const most = { unit: 'ms', atMost: 300, busyAtMost: 1_000 } as const;
    figure('reconnect', `break point ahead of the destination, ${where}`, Math.max(...ahead), most);
    const behind = { unit: 'ms', atMost: 400, busyAtMost: 1_500 } as const;
    figure('reconnect', `break point behind the destination, ${where}`, -Math.min(...ahead), behind);
  });
});

describe.concurrent('a destination that is particular asks for another connection', () => {
  it.each([['a live stream', live] as const, ['a list', list] as const])(
    'and takes no second publish of a name: %s',
    async (what, begin) => {
      await using place = new Place();
      const { oracle, seen, elsewhere, relay } = await begin(place);
      oracle.second = 'refused';
      oracle.refer(KEY, { tcUrl: elsewhere });
      await until('it has moved', () => seen.pushes.length === 2 && seen.pushes[0]?.endedAtMs);
      await more(seen, 40);
      judge(`${what} to another port that shares its names`, seen);
      expect([seen.overlaps, relay.report.state]).toEqual([0, 'flowing']);
    },
  );

  it.each([['a live stream', live] as const, ['a list', list] as const])(
    'and ends the former publish for it: %s',
    async (what, begin) => {
      await using place = new Place();
      const { oracle, seen, elsewhere, relay } = await begin(place);
      oracle.second = 'instead';
      oracle.refer(KEY, { tcUrl: elsewhere });
      await until('it has moved', () => seen.pushes.length === 2 && seen.pushes[0]?.endedAtMs);
      await more(seen, 40);
      figure('reconnect', `frames lost, ${what} thrown out`, lost(seen), { unit: 'frames', exactly: 0 });
      expect(seen.pushes.map(({ startedAtKey }) => startedAtKey)).toEqual([true, true]);
      expect(relay.news.filter(({ type }) => type === 'broke')).toEqual([]);
    },
  );
});

describe.concurrent('a hostile destination asks for another connection', () => {
  it('at a thousand forbidden and senseless places: the push stays, and no key is told', async () => {
    await using place = new Place();
    const { oracle, seen, to } = await destination(place);
    const secret = await Oracle.start(place);
    const source = await CountedSource.start(place);
    const forbidden = [`127.0.0.1:${secret.port}`];
    const relay = OneRelay.start(place, { from: source.url(), to, forbidden });
    await more(seen, 30);
    const senseless = ['http://127.0.0.1/', 'rtmp://', `rtmp://x/${'a'.repeat(9_000)}`, '\u0000', 'rtmp://a b/c'];
    for (const tcUrl of [`rtmp://127.0.0.1:${secret.port}/live`, ...senseless]) {
      oracle.refer(KEY, { tcUrl, description: KEY }, 170);
      await more(seen, 10);
    }
    expect(relay.raisedAtMs('DestinationMoveFailed')).toBeDefined();
    expect(relay.report.health?.faults).toMatchObject({ 'push.policy': expect.any(Number) });
    expect([lost(seen), seen.pushes.length, oracle.connectsAtMs.length]).toEqual([0, 1, 1]);
    expect(secret.connectsAtMs).toEqual([]);
    expect(JSON.stringify([relay.news, relay.report])).not.toContain(KEY);
  });

  it('in words that break off: it is given its stream all the same', async () => {
    await using place = new Place();
    const { seen, relay } = await live(place);
    const info = { code: 'NetConnection.Connect.ReconnectRequest', tcUrl: 'rtmp://x' };
    const words = encodeAmf0(['onStatus', 0, null, info]);
    for (const length of [5, 20, 25, words.length - 4]) {
      seen.pushes.at(-1)?.visit.message(MessageType.commandAmf0, words.subarray(0, length));
      await more(seen, 25);
    }
    expect([relay.report.state, relay.bugs, seen.publishers]).toEqual(['flowing', [], 1]);
  });

  it('a thousand times: it is given one', async () => {
    await using place = new Place();
    const { oracle, seen, elsewhere, relay } = await live(place);
    oracle.refer(KEY, { tcUrl: elsewhere }, 1_000);
    await until('it has moved', () => seen.pushes.length === 2 && seen.pushes[0]?.endedAtMs);
    await more(seen, 100);
    figure('reconnect', 'connections made for a thousand requests', oracle.connectsAtMs.length - 1, {
      unit: 'connections',
      exactly: 1,
    });
    expect([lost(seen), doubled(seen), relay.report.pushEpoch]).toEqual([0, 0, 2]);
  });

  it('from one place to the next: it is given five a minute', async () => {
    await using place = new Place();
    const { oracle, seen, elsewhere, relay } = await live(place);
    const places = [elsewhere, oracle.url('').replace(/\/$/, '')];
    for (let i = 0; i < 12; i++) {
      const pushes = seen.pushes.length;
      oracle.refer(KEY, { tcUrl: places[i % 2] ?? '' });
      if (i < 5) await until('it has moved', () => seen.pushes.length > pushes && seen.publishers === 1);
      await more(seen, 10);
    }
    expect(seen.pushes).toHaveLength(6);
    expect([lost(seen), doubled(seen), relay.report.state]).toEqual([0, 0, 'flowing']);
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

describe.concurrent('over TLS', () => {
  it('a push goes to another server that bears a good certificate, and to none without', async () => {
    await using place = new Place();
    const pair = await selfMade(place);
    const oracle = await Oracle.start(place);
    const seen = oracle.stream(KEY);
    const [to, other] = [
      await securedUrl(place, oracle.url(KEY), pair),
      await securedUrl(place, oracle.url(KEY), pair),
    ];
    const source = await CountedSource.start(place);
    const relay = OneRelay.start(place, { from: source.url(), to, ca: pair.cert });
    await more(seen, 30);
    oracle.refer(KEY, { tcUrl: `rtmp://127.0.0.1:${oracle.port}/live` });
    await until('it is told', () => relay.raisedAtMs('DestinationMoveFailed'));
    expect(seen.pushes).toHaveLength(1);
    oracle.refer(KEY, { tcUrl: other.slice(0, other.lastIndexOf('/')) });
    await until('it has moved', () => seen.pushes.length === 2 && seen.pushes[0]?.endedAtMs);
    await more(seen, 40);
    judge('a live stream over TLS', seen);
  });

  it('a source is pulled from another server that is trusted as the first', async () => {
    await using place = new Place();
    const pair = await selfMade(place);
    const source = await CountedSource.start(place);
    const [from, other] = [await securedUrl(place, source.url(), pair), await securedUrl(place, source.url(), pair)];
    const oracle = await Oracle.start(place);
    const seen = oracle.stream('out');
    const relay = OneRelay.start(place, { from, to: oracle.url('out'), fromTls: { ca: pair.cert } });
    await more(seen, 30);
    source.refer(other.slice(0, other.lastIndexOf('/')));
    await until('it has moved', () => relay.report.pullEpoch === 2 && source.pullers === 1);
    await more(seen, 40);
    expect([lost(seen), doubled(seen), fallen(seen)]).toEqual([0, 0, 0]);
  });
});
