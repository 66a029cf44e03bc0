import { describe, expect, it } from 'vitest';
import { firstAfter } from '../lab/continuity.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import {
  acknowledges,
  asksFor,
  REFUSAL_NAMES,
  redirectsTo,
  refuses,
  STEPS,
  startDestination,
  stopsAt,
} from '../lab/scripted-destination.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { framesMore, onAir, times } from './on-air.ts';

const CAP_MS = 10_000;
const GOP_MS = 1_000;

describe.concurrent('the destination fails', () => {
  it('D1: a destination that is gone is told of at once and found again', async () => {
    await using place = new Place();
    const results = await times(4, async () => {
      const all = await onAir(place);
      const { source, push, relay, seen } = all;
      const goneMs = performance.now();
      push.welcome = 'reset';
      push.reset();
      const loss = await until('the loss is told', () => relay.lossAfter(goneMs));
      expect(loss.side).toBe('push');
      await pass(3_000);
      push.welcome = 'pass';
      const backMs = performance.now();
      const onAirMs = await until('it is on air again', () => firstAfter(seen.video, backMs));
      await framesMore(seen, 20);
      expect(source.visits).toBe(1);
      expect(seen.pushes.map(it => it.startedAtKey)).toEqual([true, true]);
      return { told: loss.atMs - goneMs, back: onAirMs - backMs };
    });
    figure('D1', 'loss told', Math.max(...results.map(it => it.told)), { unit: 'ms', atMost: 300, busyAtMost: 1_000 });
    const back = Math.max(...results.map(it => it.back));
    figure('D1', 'on air after the return of the destination', back, { unit: 'ms', atMost: CAP_MS + GOP_MS });
  });

  it('D2: a destination that stops at any step of the negotiation is given up within 5 s, and the step is named', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const steps = STEPS.slice(0, STEPS.indexOf('first data'));
    const told = await times(steps.length, async i => {
      const step = steps[i] ?? 'accept';
      const destination = await startDestination(place, stopsAt(step));
      const relay = OneRelay.start(place, { from: source.url(), to: destination.url() });
      const dialledMs = await until('it is dialled', () => destination.visits.length > 0 && performance.now());
      const loss = await until('it is given up', () => relay.lossAfter(dialledMs));
      const named = { accept: 'handshake', C0C1: 'handshake', S0S1S2: 'handshake', releaseStream: 'createStream' };
      expect(loss.reason).toContain(named[step as keyof typeof named] ?? step);
      return loss.atMs - dialledMs;
    });
    figure('D2', 'stuck negotiation told', Math.max(...told), { unit: 'ms', atMost: 5_200, busyAtMost: 6_500 });
  });

  it('D3: a refusal is told at once, in the words of the server, with the key masked', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const results = await times(REFUSAL_NAMES.length, async i => {
      const kind = REFUSAL_NAMES[i] ?? 'denied';
      const server = await startDestination(place, refuses(kind, { quoting: ' SECRETKEY123' }));
      const to = server.url('live/SECRETKEY123?sign=SECRETSIGN456');
      const relay = OneRelay.start(place, { from: source.url(), to });
      const dialledMs = await until('it is dialled', () => server.visits.length > 0 && performance.now());
      const loss = await until('it is told', () => relay.lossAfter(0));
      await pass(6_000);
      expect(loss.reason).not.toMatch(/SECRET/);
      expect([kind, loss.reason]).toEqual([kind, expect.stringMatching(/refused \w+: Net|authentication|user name/)]);
      return { told: loss.atMs - dialledMs, tries: server.visits.length };
    });
    figure('D3', 'refusal told', Math.max(...results.map(it => it.told)), { unit: 'ms', atMost: 1_000 });
    const tries = Math.max(...results.map(it => it.tries));
    figure('D3', 'tries within the first 6 s', tries, { unit: 'tries', atMost: 6 });
  });

  it('D3: a name that the platform still holds after a drop is taken again once it is free', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const HELD_MS = 5_000;
    let heldUntilMs = 0;
    const refusing = refuses('badName');
    const server = await startDestination(place, {
      script: (visit, asked) => performance.now() < heldUntilMs && refusing.script?.(visit, asked) === true,
    });
    const relay = OneRelay.start(place, { from: source.url(), to: server.url() });
    await until('it is on air', () => relay.report.state === 'flowing');
    heldUntilMs = performance.now() + HELD_MS;
    server.visit.socket.resetAndDestroy();
    const again = await until('it is on air again', () =>
      relay.news.findLast(it => it.type === 'flowing' && it.atMs > heldUntilMs),
    );
    figure('D3', 'on air after the name was free', again.atMs - heldUntilMs, { unit: 'ms', atMost: HELD_MS + GOP_MS });
    expect(server.visits.length).toBeLessThan(10);
  });

  it('D7: a destination that acknowledges no more and reads on keeps its push', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const server = await startDestination(place, acknowledges({ everyBytes: 10_000, untilBytes: 60_000 }));
    const relay = OneRelay.start(place, { from: source.url(), to: server.url() });
    await until('it has stopped to acknowledge', () => (server.visits[0]?.socket.bytesRead ?? 0) > 60_000);
    await pass(8_000);
    expect(relay.report.state).toBe('flowing');
    figure('D7', 'pushes that it took', relay.report.pushEpoch, { unit: 'pushes', exactly: 1 });
  });

  it('D7: odd sizes that a destination asks for are lived with', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const sizes = [1, 100, 2 ** 31 - 1].flatMap(bytes => [
      { windowBytes: bytes },
      { bandwidthBytes: bytes },
      { chunkBytes: bytes },
    ]);
    const pushes = await times(sizes.length, async i => {
      const server = await startDestination(place, asksFor(sizes[i] ?? {}));
      const relay = OneRelay.start(place, { from: source.url(), to: server.url() });
      await until('it is on air', () => relay.report.state === 'flowing');
      await pass(3_000);
      return relay.report.pushEpoch;
    });
    figure('D7', 'pushes that odd sizes took', Math.max(...pushes), { unit: 'pushes', exactly: 1 });
  });

  it('D8: redirects are followed three times, and in circles not at all', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place);
    const oracle = await Oracle.start(place);
    let to = `rtmp://127.0.0.1:${oracle.port}/live`;
    for (let hop = 0; hop < 3; hop++) to = (await startDestination(place, redirectsTo(to))).url('live');
    OneRelay.start(place, { from: source.url(), to: `${to}/out` });
    await framesMore(oracle.stream('out'), 20);
    let circle = '';
    const one = await startDestination(place, { script: (...args) => redirectsTo(circle).script?.(...args) === true });
    const other = await startDestination(place, redirectsTo(one.url('live')));
    circle = other.url('live');
    const beganMs = performance.now();
    const relay = OneRelay.start(place, { from: source.url(), to: one.url() });
    const loss = await until('the circle is told', () => relay.lossAfter(beganMs));
    expect(loss.reason).toContain('redirects more than 3 times');
    figure('D8', 'hops of a circle', one.visits.length + other.visits.length, { unit: 'dials', atMost: 4 });
  });

  it('D9: a push that the server ends is opened again within a second, and begins with headers and a key frame', async () => {
    await using place = new Place();
    const gaps = await times(6, async i => {
      const { seen } = await onAir(place);
      // The first wait is short again only after ten healthy seconds.
      await until('it was healthy for a while', () => (seen.video.dtsMs.at(-1) ?? 0) > 10_500 + i * 170);
      const endedMs = performance.now();
      seen.pushes[0]?.visit.socket.end();
      const again = await until('it is on air again', () => seen.pushes[1]?.firstFrameAtMs);
      await until('a picture is here', () => seen.pushes[1]?.startedAtKey !== undefined);
      expect(seen.pushes[1]?.startedAtKey).toBe(true);
      expect(seen.headers.filter(it => it.push === 1).map(it => it.kind)).toEqual(['videoHeader', 'audioHeader']);
      return { open: (seen.pushes[1]?.openedAtMs ?? Number.NaN) - endedMs, onAir: again - endedMs };
    });
    figure('D9', 'push open again', Math.max(...gaps.map(it => it.open)), {
      unit: 'ms',
      atMost: 1_000,
      busyAtMost: 2_000,
    });
    figure('D9', 'on air after the server ended the push', Math.max(...gaps.map(it => it.onAir)), {
      unit: 'ms',
      atMost: 1_000 + GOP_MS,
      busyAtMost: 3_000,
    });
  });
});
