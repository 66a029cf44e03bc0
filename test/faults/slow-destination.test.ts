import { describe, expect, it } from 'vitest';
import { fallen, missing, resumesAtKeys } from '../lab/continuity.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { OneRelay } from '../lab/one-relay.ts';
import { Place } from '../lab/place.ts';
import { acknowledges, startDestination } from '../lab/scripted-destination.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { lastingMs } from './full-length.ts';
import { type OnAir, onAir } from './on-air.ts';

/** So much that what the kernel holds, some 6 MB, is full after two seconds. */
const KBIT = 24_000;
const BYTES_PER_SECOND = KBIT * 125;
const MB = 1024 * 1024;

/** What is seen of the relay's queue and of what leaves it, every few milliseconds. */
function sample(place: Place, relay: OneRelay) {
  const seen = { queuedMs: 0, queuedBytes: 0, lastOutMs: performance.now(), slowAtMs: 0 };
  let bytesOut = 0;
  const look = (): void => {
    const report = relay.report;
    if (report.bytesOut !== bytesOut) seen.lastOutMs = performance.now();
    bytesOut = report.bytesOut;
    if (report.queuedMs > 0) seen.slowAtMs ||= performance.now();
    seen.queuedMs = Math.max(seen.queuedMs, report.queuedMs);
    seen.queuedBytes = Math.max(seen.queuedBytes, relay.queuedBytes);
  };
  place.own(setInterval(look, 20), clearInterval);
  return seen;
}

const drops = ({ report }: OneRelay): number => (report.dropped.disposable ?? 0) + (report.dropped.untilKey ?? 0);

async function stalled(place: Place, stall: (all: OnAir) => void) {
  const all = await onAir(place, { shape: { videoKbit: KBIT } });
  const queue = sample(place, all.relay);
  const stalledMs = performance.now();
  stall(all);
  const loss = await until('it is declared dead', () => all.relay.lossAfter(stalledMs), { timeoutMs: 40_000 });
  expect([loss.side, loss.reason]).toEqual(['push', expect.stringMatching(/taken no byte|too slow/)]);
  return { all, queuedMb: queue.queuedBytes / MB, deadMs: loss.atMs - queue.lastOutMs };
}

describe.concurrent('the destination takes less than it is given', () => {
  it('D4: a destination at half the pace costs pictures up to key frames, never sound, and no reconnect', async () => {
    await using place = new Place();
    const all = await onAir(place, { shape: { videoKbit: KBIT } });
    const { source, push, relay, seen } = all;
    const queue = sample(place, relay);
    push.set('up', { bytesPerSecond: BYTES_PER_SECOND / 2 });
    await until('pictures that none refers to are dropped', () => drops(relay) > 20, { timeoutMs: 40_000 });
    await pass(lastingMs(0, 60_000));
    push.set('up', { bytesPerSecond: BYTES_PER_SECOND / 4 });
    await pass(8_000);
    push.set('up', { bytesPerSecond: Number.POSITIVE_INFINITY });
    const freeMs = source.headMs;
    await until('what is filmed now arrives', () => (seen.video.numbers.at(-1) ?? 0) * 40 > freeMs + 2_000);
    const lost = missing(seen.video).length;
    const alarmMs = (relay.raisedAtMs('DestinationCongested') ?? Number.POSITIVE_INFINITY) - queue.slowAtMs;
    figure('D4', 'alarm, once media waits', alarmMs / 1_000, { unit: 's', atMost: 3 });
    figure('D4', 'longest queue', queue.queuedMs, { unit: 'ms', atMost: 2_050, busyAtMost: 3_000 });
    figure('D4', 'sound lost', missing(seen.audio).length, { unit: 'frames', exactly: 0 });
    figure('D4', 'pictures dropped', lost, { unit: 'frames', atLeast: 50 });
    figure('D4', 'counted drops beside those missing', drops(relay) - lost, { unit: 'frames', exactly: 0 });
    expect(resumesAtKeys(seen.video, number => (number % 25) % 2 === 1)).toBe(true);
    expect(fallen(seen)).toBe(0);
    figure('D4', 'pushes that it took', seen.pushes.length, { unit: 'pushes', exactly: 1 });
  });

  it('D5: a link to the destination that is cut without a word is declared dead', async () => {
    await using place = new Place();
    const { deadMs, queuedMb } = await stalled(place, ({ push }) => {
      for (const way of ['up', 'down'] as const) push.set(way, { stalled: true });
    });
    figure('D5', 'declared dead after the last byte taken', deadMs, { unit: 'ms', atMost: 6_000, busyAtMost: 7_000 });
    figure('D5', 'queued meanwhile', queuedMb, { unit: 'MB', atMost: 8 });
  });

  it('D6: a destination that reads nothing is declared dead, and tried again', async () => {
    await using place = new Place();
    const { all, deadMs, queuedMb } = await stalled(place, ({ oracle }) => oracle.stall('out'));
    figure('D6', 'declared dead after the last byte taken', deadMs, { unit: 'ms', atMost: 6_000, busyAtMost: 7_000 });
    figure('D6', 'queued meanwhile', queuedMb, { unit: 'MB', atMost: 8 });
    await until('it is on air again', () => all.seen.pushes[1]?.startedAtKey);
  });

  it('D6: of one that has acknowledged, it is told while its kernel still takes everything', async () => {
    await using place = new Place();
    const source = await CountedSource.start(place, { shape: { videoKbit: 3_000 } });
    const server = await startDestination(place, acknowledges({ everyBytes: 250_000, untilBytes: 1e12 }));
    const relay = OneRelay.start(place, { from: source.url(), to: server.url() });
    const { socket } = await until('it acknowledges', () => server.visits.find(it => it.socket.bytesRead > 2_000_000));
    const queue = sample(place, relay);
    const hungMs = performance.now();
    socket.pause();
    const raisedMs = await until('it is told', () => relay.raisedAtMs('DestinationCongested'));
    figure('D6', 'hang of one that acknowledges told', raisedMs - hungMs, { unit: 'ms', atMost: 8_500 });
    const loss = await until('it is declared dead', () => relay.lossAfter(hungMs), { timeoutMs: 40_000 });
    expect(loss.reason).toContain('should have acknowledged');
    expect(loss.atMs).toBeGreaterThan(raisedMs);
    figure('D6', 'it is declared dead after the last byte taken', loss.atMs - queue.lastOutMs, {
      unit: 'ms',
      atMost: 1_000,
    });
    figure('D6', 'it is declared dead after the hang', (loss.atMs - hungMs) / 1000, { unit: 's', atMost: 20 });
  });
});
