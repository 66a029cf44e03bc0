import { Child } from '../test/lab/child.ts';
import { publish } from '../test/lab/ffmpeg.ts';
import { Millrace, processesOf } from '../test/lab/millrace.ts';
import { Nginx } from '../test/lab/nginx.ts';
import type { Place } from '../test/lab/place.ts';
import { type Memory, memoryMb } from './cost.ts';
import { GOP_SECONDS } from './media.ts';
import { pass } from './wait.ts';

/** Sources with phases of their own: relays of sources in step would be woken together and look cheaper than life. */
export const SOURCES = 5;
/** The letter of our own streams. */
export const OURS = 'm';
/** One ffmpeg each is dear: so many are enough to know the price of one. */
const MOST_FFMPEG = 40;

/** One program, or one each, that relays streams to the sink under names that begin with its letter. */
export interface Contender {
  readonly name: string;
  readonly relays: number;
  readonly letter: string;
  readonly pids: readonly number[];
  /** Before its first relay; undefined where each relay is a process of its own. */
  readonly idle: Memory | undefined;
}

/** Where everything comes from and goes to: nginx-rtmp, nobody's code under test. */
export interface Ends {
  readonly origin: Nginx;
  readonly sink: Nginx;
}

export const sourceName = (i: number): string => `src${i % SOURCES}`;
export const sourceUrl = ({ origin }: Ends, i: number): string =>
  `rtmp://127.0.0.1:${origin.port}/${sourceName(i)}/${sourceName(i)}`;

/** nginx-rtmp cannot pull and push in one hop, so the origin pushes to it: the same bytes, messages and connections. */
export async function startNginxRelay(place: Place, n: number, sink: Nginx): Promise<{ relay: Nginx; it: Contender }> {
  const blocks = Array.from({ length: n }, (_, i) => `application a${i} { live on; push ${sink.url(`n${i}`)}; }`);
  const relay = await Nginx.start(place, { applications: blocks.join('\n') });
  const pids = [relay.pid];
  return { relay, it: { name: 'nginx-rtmp', relays: n, letter: 'n', pids, idle: memoryMb(pids) } };
}

export function startOrigin(place: Place, n: number, relay: Nginx): Promise<Nginx> {
  const blocks = Array.from({ length: SOURCES }, (_, k) => {
    const pushes: string[] = [];
    for (let i = k; i < n; i += SOURCES) pushes.push(`push rtmp://127.0.0.1:${relay.port}/a${i}/s;`);
    return `application ${sourceName(k)} { live on; ${pushes.join(' ')} }`;
  });
  return Nginx.start(place, { applications: blocks.join('\n') });
}

/** Publishers whose key frames are spread over the length of a GOP, with some jitter. */
export async function startPublishers(
  place: Place,
  file: string,
  { ends, signal }: { ends: Ends; signal: AbortSignal },
): Promise<Child[]> {
  const publishers: Child[] = [];
  for (let k = 0; k < SOURCES; k++) {
    publishers.push(publish(place, file, sourceUrl(ends, k), { loop: true }));
    await pass((GOP_SECONDS * 1000) / SOURCES + 70 * Math.random(), signal);
  }
  return publishers;
}

/**
 * A whole Millrace with one worker and without its own RTMP server, which nothing here would use. It is started twice:
 * only the first start ever compiles its modules.
 */
export async function startMillrace(
  place: Place,
  options: { readonly cpuProfile: string | undefined; readonly flags?: readonly string[] },
): Promise<{ millrace: Millrace; worker: readonly number[]; service: readonly number[] }> {
  const { cpuProfile, flags = [] } = options;
  const millrace = await Millrace.start(place, {
    flags: ['--workers', '1', '--rtmp', 'off', '--network', 'lab', ...flags],
    env: cpuProfile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${cpuProfile}` },
  });
  await millrace.stop();
  await millrace.restart();
  const processes = processesOf(millrace.data);
  const worker = processes.flatMap(it => (it.command.includes('worker/main') ? [it.pid] : []));
  return { millrace, worker, service: [...new Set([millrace.pid, ...worker])] };
}

const CREATES_AT_ONCE = 8;

/** Creates the tasks as a client would, a few calls at a time. */
export async function createTasks(
  n: number,
  create: (i: number) => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  const createSome = async (): Promise<void> => {
    while (next < n) {
      signal.throwIfAborted();
      await create(next++);
    }
  };
  await Promise.all(Array.from({ length: CREATES_AT_ONCE }, createSome));
}

/** `ffmpeg -c copy` for every relay, with the input of relay `i`: what a shell script would do. */
export function startFfmpegs(
  place: Place,
  n: number,
  way: { readonly input: (i: number) => readonly string[]; readonly sink: Nginx },
): Contender {
  const pids: number[] = [];
  const relays = Math.min(n, MOST_FFMPEG);
  for (let i = 0; i < relays; i++) {
    const args = ['-nostats', '-loglevel', 'error', '-nostdin', ...way.input(i), '-c', 'copy', '-f', 'flv'];
    const child = place.own(new Child('ffmpeg', [...args, way.sink.url(`f${i}`)]), it => it.stop('SIGKILL'));
    pids.push(child.pid);
  }
  return { name: 'ffmpeg, one each', relays, letter: 'f', pids, idle: undefined };
}
