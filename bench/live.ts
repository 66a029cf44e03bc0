import { Nginx } from '../test/lab/nginx.ts';
import type { Place } from '../test/lab/place.ts';
import {
  type Contender,
  createTasks,
  type Ends,
  OURS,
  SOURCES,
  sourceName,
  startFfmpegs,
  startMillrace,
  startNginxRelay,
  startOrigin,
  startPublishers,
} from './contenders.ts';
import { memoryMb } from './cost.ts';
import { type Measured, measure, type Windows } from './measure.ts';
import { liveMedia } from './media.ts';
import { lookAt, type Seen } from './verify.ts';
import { pass, until } from './wait.ts';

export interface LiveOptions extends Windows {
  readonly n: number;
  readonly warmUpSeconds: number;
  /** Where Millrace's processes leave their CPU profiles. */
  readonly cpuProfile?: string;
}

/** From the first call that creates a task, in seconds. */
export interface StartUp {
  readonly created: number;
  /** Every task's stream has reached the sink. Up to a GOP of it is the wait for a key frame. */
  readonly arriving: number;
}

export interface LiveReport extends Measured {
  readonly startUp: StartUp;
  readonly seen: readonly Seen[];
  /** What Millrace itself counts. */
  readonly runs: number;
  /** Packets that were taken out of queues that had grown too long. */
  readonly dropped: number;
}

type Tell = (progress: string) => void;

/** Contenders relay at the same time from the same origin to the same sink; only they are measured. */
export async function live(
  place: Place,
  options: LiveOptions,
  run: { signal: AbortSignal; tell: Tell },
): Promise<LiveReport> {
  const { signal, tell } = run;
  const file = await liveMedia();
  signal.throwIfAborted();
  const sink = await Nginx.start(place);
  if ((await sink.streams()).size > 0) throw new Error('the sink is not ours: it has streams already');
  const { relay, it: nginx } = await startNginxRelay(place, options.n, sink);
  const ends: Ends = { sink, origin: await startOrigin(place, options.n, relay) };
  signal.throwIfAborted();
  const publishers = await startPublishers(place, file, { ends, signal });
  await untilArriving([nginx], ends, signal);

  const { millrace, worker, service } = await startMillrace(place, { cpuProfile: options.cpuProfile });
  signal.throwIfAborted();
  const ours = { relays: options.n, letter: OURS };
  const whole: Contender = { ...ours, name: 'millrace, whole service', pids: service, idle: memoryMb(service) };
  const part: Contender = { ...ours, name: 'millrace, its worker', pids: worker, idle: memoryMb(worker) };
  const startUp = await timeStartUp(
    () => createTasks(millrace, options.n, { ends, signal }),
    () => untilArriving([whole], ends, signal),
  );
  tell(`${options.n} tasks: created in ${startUp.created} s, all arriving after ${startUp.arriving} s`);

  const contenders = [nginx, whole, part, startFfmpegs(place, options.n, ends)];
  await untilArriving(contenders, ends, signal);
  const seen = await lookAt(looksAt(ends, options.n), file, signal);
  await pass(options.warmUpSeconds * 1000, signal);
  const others = [process.pid, ends.origin.pid, sink.pid, ...publishers.map(it => it.pid)];
  const measured = await measure({ ...options, ends, contenders, others, signal });
  const { runs, dropped } = await ownCounts(millrace.api);
  const profiled = options.cpuProfile === undefined ? [] : ['Millrace was being profiled'];
  return {
    ...measured,
    void: [...profiled, ...measured.void],
    startUp,
    seen,
    runs,
    dropped: (dropped.disposable ?? 0) + (dropped.untilKey ?? 0),
  };
}

async function timeStartUp(create: () => Promise<void>, arriving: () => Promise<void>): Promise<StartUp> {
  const atMs = performance.now();
  const seconds = (): number => Number(((performance.now() - atMs) / 1000).toFixed(2));
  await create();
  const created = seconds();
  await arriving();
  return { created, arriving: seconds() };
}

function untilArriving(contenders: readonly Contender[], { sink }: Ends, signal: AbortSignal): Promise<void> {
  const names = contenders.flatMap(({ letter, relays }) => Array.from({ length: relays }, (_, i) => `${letter}${i}`));
  const areArriving = async (): Promise<boolean> => {
    const streams = await sink.streams();
    // More than headers.
    return names.every(name => (streams.get(name)?.bytesIn ?? 0) > 10_000);
  };
  return until('every relay delivers', areArriving, { timeoutMs: 60_000, everyMs: 100, signal });
}

/** Two random outputs of ours, and one of nginx-rtmp to compare the delay with. */
function looksAt({ origin, sink }: Ends, n: number): { name: string; url: string; sourceUrl: string }[] {
  const first = Math.floor(Math.random() * n);
  const second = (first + 1 + Math.floor(Math.random() * (n - 1))) % n;
  const outputs = [
    { letter: OURS, i: first },
    { letter: OURS, i: second },
    { letter: 'n', i: first },
  ];
  return outputs.map(({ letter, i }) => {
    const source = sourceName(i % SOURCES);
    const sourceUrl = `rtmp://127.0.0.1:${origin.port}/${source}/${source}`;
    return { name: `${letter}${i}`, url: sink.url(`${letter}${i}`), sourceUrl };
  });
}

interface OwnCounts {
  readonly runs: number;
  /** Packets, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

async function ownCounts(api: string): Promise<OwnCounts> {
  return (await (await fetch(`${api}/healthz`)).json()) as OwnCounts;
}
