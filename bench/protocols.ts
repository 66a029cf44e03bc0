import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../src/worker/spawn.ts';
import { CountedFlv } from '../test/lab/counted-flv.ts';
import { CountedHls } from '../test/lab/counted-hls.ts';
import { CountedSource } from '../test/lab/counted-source.ts';
import { Nginx } from '../test/lab/nginx.ts';
import { Place } from '../test/lab/place.ts';
import { RtspCamera } from '../test/lab/rtsp-camera.ts';
import { median } from './cost.ts';
import type { Standing } from './protocols/relays.ts';
import { pass, until } from './wait.ts';

const RELAYS = 10;
const SHAPE = { videoKbit: 2_500, width: 640, height: 368 } as const;
const WINDOWS = 6;
const WINDOW_MS = 10_000;
const WARM_UP_MS = 8_000;
const START_MS = 40_000;
const LOOK_MS = 200;
const MOST_MB = 2;

/** What each may cost of what RTMP costs, with which the others are compared. By UDP each packet is a read of its own. */
const GOALS = { RTMP: undefined, 'HTTP-FLV': 1.5, HLS: 2, RTSP: 2, 'RTSP by UDP': 2 } as const;
type Protocol = keyof typeof GOALS;

interface Window {
  readonly usPerSecond: number;
  /** Media seconds relayed a second, over all relays. */
  readonly rate: number;
}

async function sources(place: Place): Promise<Readonly<Record<Protocol, string>>> {
  const flv = await CountedFlv.start(place, SHAPE);
  return {
    RTMP: (await CountedSource.start(place, { shape: SHAPE })).url(),
    'HTTP-FLV': `http://127.0.0.1:${flv.port}/live.flv`,
    HLS: (await CountedHls.start(place, { shape: SHAPE, segmentMs: 2_000 })).url,
    RTSP: (await RtspCamera.start(place, { shape: SHAPE })).url(),
    'RTSP by UDP': (await RtspCamera.start(place, { shape: SHAPE, byDatagrams: true })).url(),
  };
}

/** A process of relays of one protocol. */
class Contender {
  readonly protocol: Protocol;
  readonly #child: ChildProcess;
  /** Aborts when the bench is called off or the process has ended. */
  readonly #signal: AbortSignal;
  readonly windows: Window[] = [];
  rssMb = 0;
  #before: Standing | undefined;

  constructor(protocol: Protocol, { from, to, signal }: { from: string; to: string; signal: AbortSignal }) {
    this.protocol = protocol;
    const file = fileURLToPath(new URL('./protocols/relays.ts', import.meta.url));
    this.#child = fork(file, ['--from', from, '--to', to, '--n', `${RELAYS}`], { execArgv: [...NODE_FLAGS] });
    const left = new AbortController();
    this.#child.once('exit', code => left.abort(new Error(`the process of ${protocol} has ended with ${code}`)));
    this.#signal = AbortSignal.any([signal, left.signal]);
  }

  async ask(): Promise<Standing> {
    const answer = once(this.#child, 'message', { signal: this.#signal });
    this.#child.send('how');
    return (await answer)[0] as Standing;
  }

  async begin(): Promise<void> {
    this.#before = await this.ask();
  }

  async end(): Promise<void> {
    const [before, after] = [this.#before, await this.ask()];
    if (before === undefined) return;
    const mediaS = (after.mediaMs - before.mediaMs) / 1_000;
    this.windows.push({
      usPerSecond: ((after.cpuMs - before.cpuMs) * 1_000) / mediaS,
      rate: mediaS / RELAYS / (WINDOW_MS / 1_000),
    });
    this.rssMb = after.rssMb;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

export interface ProtocolsRun {
  readonly text: string;
  readonly passed: boolean;
}

/** Relays from a source of each protocol to the same server, side by side, in the same windows. */
export async function measureProtocols(
  machine: string,
  { signal, tell }: { signal: AbortSignal; tell: (progress: string) => void },
): Promise<ProtocolsRun> {
  await using place = new Place();
  const nginx = await Nginx.start(place);
  const from = await sources(place);
  const begin = (protocol: Protocol, own: { from: string; to: string }): Contender =>
    place.own(new Contender(protocol, { ...own, signal }), it => it.kill());
  const idle = begin('RTMP', { from: 'rtmp://127.0.0.1:1/none/none', to: nginx.url('idle') });
  const contenders = (Object.keys(GOALS) as Protocol[]).map(protocol =>
    begin(protocol, { from: from[protocol], to: nginx.url(`out-${protocol.replaceAll(' ', '-')}`) }),
  );
  await until('all relays flow', () => allFlow(contenders), { timeoutMs: START_MS, everyMs: LOOK_MS, signal });
  tell('all flow');
  await pass(WARM_UP_MS, signal);
  for (let i = 0; i < WINDOWS; i++) {
    await Promise.all(contenders.map(each => each.begin()));
    await pass(WINDOW_MS, signal);
    await Promise.all(contenders.map(each => each.end()));
    tell(`window ${i + 1} of ${WINDOWS}`);
  }
  return report(contenders, { baseMb: (await idle.ask()).rssMb, machine });
}

async function allFlow(contenders: readonly Contender[]): Promise<boolean> {
  const all = await Promise.all(contenders.map(each => each.ask()));
  return all.every(({ flowing }) => flowing === RELAYS);
}

function report(
  contenders: readonly Contender[],
  { baseMb, machine }: { baseMb: number; machine: string },
): ProtocolsRun {
  const [rtmp] = contenders;
  const rows = contenders.map(({ protocol, windows, rssMb }) => {
    const ratios = windows.map(({ usPerSecond }, i) => usPerSecond / (rtmp?.windows[i]?.usPerSecond ?? Number.NaN));
    const ratio = median(ratios);
    const mb = (rssMb - baseMb) / RELAYS;
    const rate = Math.min(...windows.map(window => window.rate));
    const goal = GOALS[protocol];
    const passed = ratio <= (goal ?? ratio) && mb <= MOST_MB && rate > 0.9;
    const us = Math.round(median(windows.map(({ usPerSecond }) => usPerSecond)));
    const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
    const cells = [
      protocol,
      us,
      `${ratio.toFixed(2)} (${spread})`,
      goal === undefined ? '' : `≤ ${goal}`,
      mb.toFixed(2),
      `≤ ${MOST_MB}`,
      rate.toFixed(2),
    ];
    return { passed, line: `| ${cells.join(' | ')} | ${passed ? '' : 'missed'} |` };
  });
  const passed = rows.every(row => row.passed);
  const text = [
    `${RELAYS} relays from a source of each protocol at ${SHAPE.videoKbit} kbit/s to one nginx-rtmp, side by side; ${WINDOWS} windows of ${WINDOW_MS / 1_000} s`,
    machine,
    '',
    '| source | CPU µs per stream-second | of RTMP (min–max) | goal | MB a relay beyond the base | goal | worst rate | |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(({ line }) => line),
    '',
    passed ? 'PASSED' : 'MISSED',
  ].join('\n');
  return { text, passed };
}

/** Kept beside the others. */
export const keepProtocols = (text: string): void =>
  writeFileSync(new URL('./results/protocols.md', import.meta.url), `${text}\n`);
