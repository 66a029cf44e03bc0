import { basename, dirname } from 'node:path';
import { serveFiles } from '../test/lab/file-server.ts';
import type { HuaweiClient } from '../test/lab/huawei.ts';
import { Nginx } from '../test/lab/nginx.ts';
import type { Place } from '../test/lab/place.ts';
import { type Contender, createTasks, OURS, startFfmpegs, startMillrace } from './contenders.ts';
import { memoryMb } from './cost.ts';
import { type BenchOptions, type Flow, measure } from './measure.ts';
import { bytesPerSecond, fileMedia } from './media.ts';
import type { Report, Subject } from './report.ts';
import { ownCounts, timeStartUp, untilArriving } from './start-up.ts';
import { type Look, lookAt } from './verify.ts';
import { pass } from './wait.ts';

export interface VodOptions extends BenchOptions {
  /** Over HTTP instead of from the media directory. */
  readonly http: boolean;
}

const subjectOf = ({ http }: VodOptions): Subject => ({
  title: `tasks playing one MP4 round and round ${http ? 'over HTTP' : 'from disk'}, 720p25 H.264 with B-frames and AAC at 2.64 Mbit/s`,
  baseline: 'ffmpeg -re',
  fewest: 200,
  mostRatio: 0.15,
  mostRelayMb: 0.5,
});

/** Contenders play the same file at the same time to the same sink; only they are measured. */
export async function vod(
  place: Place,
  options: VodOptions,
  run: { signal: AbortSignal; tell: (progress: string) => void },
): Promise<Report> {
  const { n } = options;
  const { signal, tell } = run;
  const file = await fileMedia();
  const rate = await bytesPerSecond(file);
  signal.throwIfAborted();
  const sink = await Nginx.start(place);
  if ((await sink.streams()).size > 0) throw new Error('the sink is not ours: it has streams already');
  const source = `${options.http ? await serveFiles(place, dirname(file)) : 'media:/'}/${basename(file)}`;
  const flags = ['--media', dirname(file)];
  const { millrace, worker, service } = await startMillrace(place, { cpuProfile: options.cpuProfile, flags });
  signal.throwIfAborted();
  const ours = { relays: n, letter: OURS };
  const whole: Contender = { ...ours, name: 'millrace, whole service', pids: service, idle: memoryMb(service) };
  const part: Contender = { ...ours, name: 'millrace, its worker', pids: worker, idle: memoryMb(worker) };
  const startUp = await timeStartUp(
    () => createTasks(n, i => createVod(millrace.huawei, source, sink.url(`${OURS}${i}`)), signal),
    () => untilArriving([whole], sink, signal),
  );
  tell(`${n} tasks: created in ${startUp.created} s, all arriving after ${startUp.arriving} s`);

  const input = options.http ? source : file;
  const ffmpegs = startFfmpegs(place, n, { input: () => ['-re', '-stream_loop', '-1', '-i', input], sink });
  const contenders = [ffmpegs, whole, part];
  await untilArriving(contenders, sink, signal);
  const seen = await lookAt(looksAt(sink, n), file, signal);
  await pass(options.warmUpSeconds * 1000, signal);
  const others = [process.pid, sink.pid];
  const flow = (): Promise<Flow> => flowOf(sink, rate);
  const measured = await measure({ ...options, flow, contenders, others, signal });
  const counts = await ownCounts(millrace.api);
  const profiled = options.cpuProfile === undefined ? [] : ['Millrace was being profiled'];
  return { ...measured, ...counts, subject: subjectOf(options), void: [...profiled, ...measured.void], startUp, seen };
}

async function createVod(huawei: HuaweiClient, source: string, destination: string): Promise<void> {
  const list = { source_type: 'PullVodPushLive', source_urls: [source], vod_loop_time: '-1' };
  const { status, body } = await huawei.call({ method: 'POST', body: { ...list, destination_url: destination } });
  if (status !== 200) throw new Error(`create answered ${status}: ${JSON.stringify(body)}`);
}

/** A file's own pace is that of the clock. */
async function flowOf(sink: Nginx, rate: number): Promise<Flow> {
  const streams = await sink.streams();
  const due = (performance.now() / 1000) * rate;
  return { sink: new Map([...streams].map(([name, { bytesIn }]) => [name, bytesIn])), source: () => due };
}

/** Two random outputs of ours. */
function looksAt(sink: Nginx, n: number): Look[] {
  const first = Math.floor(Math.random() * n);
  const second = (first + 1 + Math.floor(Math.random() * (n - 1))) % n;
  return [first, second].map(i => ({ name: `${OURS}${i}`, url: sink.url(`${OURS}${i}`) }));
}
