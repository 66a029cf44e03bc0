import { expect, it } from 'vitest';
import { type Batch, isHeader, type Sink } from '../media/packet.ts';
import { ScriptedItem } from '../media/scripted-item.ts';
import type { Breakpoint, Playlist } from '../task/playlist.ts';
import type { RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { Runs } from './runs.ts';

const openSink = async (): Promise<Sink> => {
  const sink = { bytesOut: 0, drops: { disposable: 0, untilKey: 0 }, queuedMs: 0, queuedBytes: 0, flowing: false };
  const write = (batch: Batch): void => {
    sink.flowing ||= batch.packets.slice(0, batch.count).some(({ kind }) => !isHeader(kind));
  };
  return Object.assign(sink, { write, close: async () => {} });
};

const LIST: Playlist = {
  items: [{ url: 'a' }, { url: 'b' }],
  rounds: 9,
  startIndex: 0,
  startSeconds: 0,
  refresh: 'breakpoint',
};

/** The runs of a worker, with the files that were opened and the ends that were told. */
function worker() {
  const clock = new HandClock();
  const opened: string[] = [];
  const ends: { readonly epoch: number; readonly at: Breakpoint | undefined; readonly isCut: boolean }[] = [];
  const runs = new Runs({
    heartbeat: { add: relay => void clock.relays.add(relay), remove: relay => void clock.relays.delete(relay) },
    openSource: () => Promise.reject(new Error('no stream is asked for')),
    openItem: async ({ url }, startMs) => {
      opened.push(`${url} ${startMs}`);
      return new ScriptedItem({ name: url, seconds: 20, startMs });
    },
    openSink,
    now: () => clock.nowMs,
    sleep: clock.sleep,
    random: () => 0,
    tell: () => {},
    ended: (_taskId, epoch, end) => void ends.push({ epoch, at: end?.breakpoint, isCut: end?.isCut ?? false }),
    prepared: () => {},
    log: () => {},
  });
  const order = (epoch: number): RunOrder => {
    const source = { kind: 'list', version: epoch, list: LIST, from: { round: 0, index: 0, offsetMs: 0 } } as const;
    return { taskId: 't', epoch, destination: 'rtmp://d/live/out', source };
  };
  return { clock, opened, ends, runs, order };
}

it('a list that is stopped and enabled at once goes on where it was really stopped, not where that was known', async () => {
  const { clock, opened, ends, runs, order } = worker();
  runs.start(order(1));
  await clock.until(() => (runs.reports[0]?.breakpoint?.offsetMs ?? 0) > 7_000);
  runs.start(order(2));
  await clock.until(() => opened.length > 2 && ends.length > 0);
  const stoppedAtMs = ends[0]?.at?.offsetMs;
  expect(stoppedAtMs).toBeGreaterThan(7_000);
  expect(opened).toEqual(['a 0', 'b 0', `a ${stoppedAtMs}`]);
  const closed = runs.close();
  await clock.until(() => ends.length === 2);
  await closed;
});

it('the end of a run is told that was stopped before the former one had made room for it', async () => {
  const { clock, ends, runs, order } = worker();
  runs.start(order(1));
  await clock.until(() => (runs.reports[0]?.breakpoint?.offsetMs ?? 0) > 1_000);
  runs.start(order(2));
  runs.stop('t', 2);
  await clock.until(() => ends.length > 1);
  expect(ends.map(({ epoch }) => epoch)).toEqual([1, 2]);
  expect(runs.reports).toEqual([]);
  await runs.close();
});

it('a list that is cut tells how far it has come, and that nobody was told good-bye', async () => {
  const { clock, ends, runs, order } = worker();
  runs.start(order(1));
  await clock.until(() => (runs.reports[0]?.breakpoint?.offsetMs ?? 0) > 7_000);
  runs.cut();
  await clock.until(() => ends.length > 0);
  expect(ends).toMatchObject([{ epoch: 1, isCut: true, at: { index: 0 } }]);
  expect(ends[0]?.at?.offsetMs).toBeGreaterThan(7_000);
  expect(runs.reports).toEqual([]);
});
