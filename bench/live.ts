import { Nginx } from '../test/lab/nginx.ts';
import type { Place } from '../test/lab/place.ts';
import {
  type Contender,
  createTasks,
  type Ends,
  OURS,
  sourceName,
  sourceUrl,
  startFfmpegs,
  startMillrace,
  startNginxRelay,
  startOrigin,
  startPublishers,
} from './contenders.ts';
import { memoryMb } from './cost.ts';
import { type BenchOptions, type Flow, measure } from './measure.ts';
import { liveMedia } from './media.ts';
import type { Report, Subject } from './report.ts';
import { ownCounts, timeStartUp, untilArriving } from './start-up.ts';
import { type Look, lookAt } from './verify.ts';
import { pass } from './wait.ts';

const SUBJECT: Subject = {
  title: 'live relays, 720p25 H.264 and AAC at 2.64 Mbit/s',
  baseline: 'nginx-rtmp',
  fewest: 50,
  mostRatio: 1,
};

type Tell = (progress: string) => void;

/** Contenders relay at the same time from the same origin to the same sink; only they are measured. */
export async function live(
  place: Place,
  options: BenchOptions,
  run: { signal: AbortSignal; tell: Tell },
): Promise<Report> {
  const { signal, tell } = run;
  const file = await liveMedia();
  signal.throwIfAborted();
  const sink = await Nginx.start(place);
  if ((await sink.streams()).size > 0) throw new Error('the sink is not ours: it has streams already');
  const { relay, it: nginx } = await startNginxRelay(place, options.n, sink);
  const ends: Ends = { sink, origin: await startOrigin(place, options.n, relay) };
  signal.throwIfAborted();
  const publishers = await startPublishers(place, file, { ends, signal });
  await untilArriving([nginx], sink, signal);

  const { millrace, worker, service } = await startMillrace(place, { cpuProfile: options.cpuProfile });
  signal.throwIfAborted();
  const { huawei } = millrace;
  const ours = { relays: options.n, letter: OURS };
  const whole: Contender = { ...ours, name: 'millrace, whole service', pids: service, idle: memoryMb(service) };
  const part: Contender = { ...ours, name: 'millrace, its worker', pids: worker, idle: memoryMb(worker) };
  const startUp = await timeStartUp(
    () => createTasks(options.n, i => huawei.createLive(sourceUrl(ends, i), sink.url(`${OURS}${i}`)), signal),
    () => untilArriving([whole], sink, signal),
  );
  tell(`${options.n} tasks: created in ${startUp.created} s, all arriving after ${startUp.arriving} s`);

  const contenders = [
    nginx,
    whole,
    part,
    startFfmpegs(place, options.n, { input: i => ['-i', sourceUrl(ends, i)], sink }),
  ];
  await untilArriving(contenders, sink, signal);
  const seen = await lookAt(looksAt(ends, options.n), file, signal);
  await pass(options.warmUpSeconds * 1000, signal);
  const others = [process.pid, ends.origin.pid, sink.pid, ...publishers.map(it => it.pid)];
  const measured = await measure({ ...options, flow: () => flowOf(ends), contenders, others, signal });
  const counts = await ownCounts(millrace.api);
  const profiled = options.cpuProfile === undefined ? [] : ['Millrace was being profiled'];
  return { ...measured, ...counts, subject: SUBJECT, void: [...profiled, ...measured.void], startUp, seen };
}

async function flowOf({ origin, sink }: Ends): Promise<Flow> {
  const [sources, outputs] = await Promise.all([origin.streams(), sink.streams()]);
  return {
    sink: new Map([...outputs].map(([name, { bytesIn }]) => [name, bytesIn])),
    source: i => sources.get(sourceName(i))?.bytesIn ?? 0,
  };
}

/** Two random outputs of ours, and one of nginx-rtmp to compare the delay with. */
function looksAt(ends: Ends, n: number): Look[] {
  const first = Math.floor(Math.random() * n);
  const second = (first + 1 + Math.floor(Math.random() * (n - 1))) % n;
  const outputs = [
    { letter: OURS, i: first },
    { letter: OURS, i: second },
    { letter: 'n', i: first },
  ];
  return outputs.map(({ letter, i }) => {
    return { name: `${letter}${i}`, url: ends.sink.url(`${letter}${i}`), sourceUrl: sourceUrl(ends, i) };
  });
}
