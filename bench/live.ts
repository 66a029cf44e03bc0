import { Child } from '../test/lab/child.ts';
import { media, publish } from '../test/lab/ffmpeg.ts';
import { Millrace, processesOf } from '../test/lab/millrace.ts';
import { Nginx } from '../test/lab/nginx.ts';
import type { Place } from '../test/lab/place.ts';
import { pass, until } from '../test/lab/wait.ts';
import { cpuSeconds, median, memoryMb } from './cost.ts';

/** Sources with phases of their own: relays of sources in step would be woken together and look cheaper than life. */
const SOURCES = 5;
/** One ffmpeg each is dear: so many are enough to know the price of one. */
const MOST_FFMPEG = 40;

export interface LiveOptions {
  readonly n: number;
  readonly windows: number;
  readonly windowSeconds: number;
  readonly warmUpSeconds: number;
}

interface Contender {
  readonly name: string;
  readonly relays: number;
  /** Sink stream names begin with this. */
  readonly prefix: string;
  readonly pids: () => readonly number[];
}

export interface Row {
  readonly name: string;
  readonly relays: number;
  /** CPU microseconds (user and system) per relayed stream-second: median over the windows. */
  readonly cpuMicros: number;
  readonly ratioToNginx: number;
  readonly ratioRange: readonly [number, number];
  readonly rssMb: number;
  readonly pssMb: number;
  readonly pssPerRelayMb: number;
  /** The worst stream's bytes at the sink over all windows, against the median stream of all contenders. */
  readonly worstStream: number;
}

/** Contenders relay at the same time from the same origin to the same sink; only they are measured. */
export async function live(place: Place, options: LiveOptions): Promise<Row[]> {
  const file = await media({ seconds: 60, size: '1280x720', bframes: 0, videoKbit: 2500, gop: 50 });
  const sink = await Nginx.start(place);
  const nginxRelay = await startNginxRelay(place, options.n, sink);
  const origin = await startOrigin(place, options.n, nginxRelay);
  for (let k = 0; k < SOURCES; k++) {
    publish(place, file, `rtmp://127.0.0.1:${origin.port}/src${k}/s`, { loop: true });
    await pass(10 + ((k * 37) % 60));
  }
  await pass(1_000);
  const source = (i: number) => `rtmp://127.0.0.1:${origin.port}/src${i % SOURCES}/s`;
  const contenders: Contender[] = [
    { name: 'nginx-rtmp', relays: options.n, prefix: 'n', pids: () => [nginxRelay.pid] },
    ...(await startMillrace(place, options.n, source, sink)),
    startFfmpegs(place, Math.min(options.n, MOST_FFMPEG), source, sink),
  ];
  await until('every relay delivers', async () => (await arrived(sink, contenders)).every(n => n), {
    timeoutMs: 60_000,
    everyMs: 500,
  });
  await pass(options.warmUpSeconds * 1000);
  return measure(sink, contenders, options);
}

async function startNginxRelay(place: Place, n: number, sink: Nginx): Promise<Nginx> {
  const blocks = Array.from({ length: n }, (_, i) => `application a${i} { live on; push ${sink.url(`n${i}`)}; }`);
  return Nginx.start(place, { applications: blocks.join('\n') });
}

/** nginx-rtmp cannot pull and push in one hop, so the origin pushes to it: the same bytes, messages and connections. */
async function startOrigin(place: Place, n: number, relay: Nginx): Promise<Nginx> {
  const blocks = Array.from({ length: SOURCES }, (_, k) => {
    const pushes: string[] = [];
    for (let i = k; i < n; i += SOURCES) pushes.push(`push rtmp://127.0.0.1:${relay.port}/a${i}/s;`);
    return `application src${k} { live on; ${pushes.join(' ')} }`;
  });
  return Nginx.start(place, { applications: blocks.join('\n') });
}

async function startMillrace(
  place: Place,
  n: number,
  source: (i: number) => string,
  sink: Nginx,
): Promise<Contender[]> {
  const millrace = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off', '--network', 'lab'] });
  const { huawei } = millrace;
  for (let i = 0; i < n; i++) await huawei.createLive(source(i), sink.url(`m${i}`));
  const pidsOf = (part: string) =>
    processesOf(millrace.data).flatMap(it => (it.command.includes(part) ? [it.pid] : []));
  const worker = pidsOf('worker/main');
  return [
    { name: 'millrace, whole service', relays: n, prefix: 'm', pids: () => [...new Set([...worker, millrace.pid])] },
    { name: 'millrace, its worker', relays: n, prefix: 'm', pids: () => worker },
  ];
}

function startFfmpegs(place: Place, n: number, source: (i: number) => string, sink: Nginx): Contender {
  const children: Child[] = [];
  for (let i = 0; i < n; i++) {
    const args = ['-nostats', '-loglevel', 'error', '-nostdin', '-i', source(i), '-c', 'copy', '-f', 'flv'];
    children.push(place.own(new Child('ffmpeg', [...args, sink.url(`f${i}`)]), child => child.stop('SIGKILL')));
  }
  return { name: 'ffmpeg, one each', relays: n, prefix: 'f', pids: () => children.map(child => child.pid) };
}

async function arrived(sink: Nginx, contenders: readonly Contender[]): Promise<boolean[]> {
  const streams = [...(await sink.streams())];
  return contenders.map(({ prefix, relays }) => {
    const mine = streams.filter(([name, { bytesIn }]) => isOf(name, prefix) && bytesIn > 200_000);
    return mine.length === relays;
  });
}

const isOf = (name: string, prefix: string): boolean => name.startsWith(prefix) && /^\d+$/.test(name.slice(1));

async function measure(sink: Nginx, contenders: readonly Contender[], options: LiveOptions): Promise<Row[]> {
  const cpu = contenders.map((): number[] => []);
  const first = await sink.streams();
  for (let w = 0; w < options.windows; w++) {
    const before = contenders.map(it => cpuSeconds(it.pids()));
    const at = performance.now();
    await pass(options.windowSeconds * 1000);
    const seconds = (performance.now() - at) / 1000;
    contenders.forEach((it, c) => {
      const used = cpuSeconds(it.pids()) - (before[c] ?? 0);
      cpu[c]?.push((used / seconds / it.relays) * 1e6);
    });
  }
  const last = await sink.streams();
  const gained = new Map([...last].map(([name, { bytesIn }]) => [name, bytesIn - (first.get(name)?.bytesIn ?? 0)]));
  const usual = median([...gained.values()].filter(bytes => bytes > 0));
  const nginx = cpu[0] ?? [];
  return contenders.map((it, c) => {
    const ratios = (cpu[c] ?? []).map((micros, w) => micros / (nginx[w] ?? Number.NaN));
    const mine = [...gained].filter(([name]) => isOf(name, it.prefix)).map(([, bytes]) => bytes / usual);
    const memory = memoryMb(it.pids());
    return {
      name: it.name,
      relays: it.relays,
      cpuMicros: Math.round(median(cpu[c] ?? [])),
      ratioToNginx: round(median(ratios)),
      ratioRange: [round(Math.min(...ratios)), round(Math.max(...ratios))],
      rssMb: round(memory.rss),
      pssMb: round(memory.pss),
      pssPerRelayMb: round(memory.pss / it.relays),
      worstStream: round(Math.min(...mine)),
    };
  });
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
