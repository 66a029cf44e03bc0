import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
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

const RELAYS = 10;
const SHAPE = { videoKbit: 2_500, width: 640, height: 368 } as const;
const WINDOWS = 6;
const WINDOW_MS = 10_000;
const WARM_UP_MS = 8_000;
const START_MS = 40_000;
const MOST_MB = 2;

/** What each may cost of what RTMP costs. */
const GOALS = { RTMP: 1, 'HTTP-FLV': 1.5, HLS: 2, RTSP: 2 } as const;
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
  };
}

/** A process of relays of one protocol. */
class Contender {
  readonly protocol: Protocol;
  readonly #child: ChildProcess;
  readonly windows: Window[] = [];
  rssMb = 0;
  #before: Standing | undefined;

  constructor(protocol: Protocol, from: string, to: string) {
    this.protocol = protocol;
    const file = fileURLToPath(new URL('./protocols/relays.ts', import.meta.url));
    this.#child = fork(file, ['--from', from, '--to', to, '--n', `${RELAYS}`], { execArgv: [...NODE_FLAGS] });
  }

  async ask(): Promise<Standing> {
    const answer = once(this.#child, 'message');
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
export async function measureProtocols(machine: string, tell: (progress: string) => void): Promise<ProtocolsRun> {
  await using place = new Place();
  const nginx = await Nginx.start(place);
  const from = await sources(place);
  const idle = place.own(new Contender('RTMP', 'rtmp://127.0.0.1:1/none/none', nginx.url('idle')), it => it.kill());
  const contenders = (Object.keys(GOALS) as Protocol[]).map(protocol =>
    place.own(new Contender(protocol, from[protocol], nginx.url(`out-${protocol}`)), it => it.kill()),
  );
  await untilFlowing(contenders);
  tell('all flow');
  await pass(WARM_UP_MS);
  for (let i = 0; i < WINDOWS; i++) {
    await Promise.all(contenders.map(each => each.begin()));
    await pass(WINDOW_MS);
    await Promise.all(contenders.map(each => each.end()));
    tell(`window ${i + 1} of ${WINDOWS}`);
  }
  return report(contenders, { baseMb: (await idle.ask()).rssMb, machine });
}

async function untilFlowing(contenders: readonly Contender[]): Promise<void> {
  for (const end = performance.now() + START_MS; ; ) {
    const all = await Promise.all(contenders.map(each => each.ask()));
    if (all.every(({ flowing }) => flowing === RELAYS)) return;
    if (performance.now() > end) throw new Error(`not all flow: ${JSON.stringify(all)}`);
    await pass(200);
  }
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
    const passed = ratio <= GOALS[protocol] && mb <= MOST_MB && rate > 0.9;
    const us = Math.round(median(windows.map(({ usPerSecond }) => usPerSecond)));
    const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
    const cells = [
      protocol,
      us,
      `${ratio.toFixed(2)} (${spread})`,
      `≤ ${GOALS[protocol]}`,
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
