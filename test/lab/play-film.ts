// A program: plays the first file briefly, so that all code is there, and then two seconds of the second one; says what
// that took.
//   node --expose-gc play-film.ts DIRECTORY URL URL
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Dialler } from '../../src/media/net.ts';
import { openItem } from '../../src/media/open-item.ts';
import { Batch, isHeader } from '../../src/media/packet.ts';

const PLAYED_MS = 2_000;
const TICK_MS = 50;

export interface Played {
  readonly openMs: number;
  readonly packets: number;
  readonly durationMs: number | undefined;
  /** In MB, over what the process had before: at most, and when everything superfluous is collected. */
  readonly peakMb: number;
  readonly keptMb: number;
}

const [, , mediaDir = '', warmUp = '', film = ''] = process.argv;
const dialler = new Dialler({ preset: 'lab' });

async function play(url: string): Promise<Omit<Played, 'peakMb' | 'keptMb'>> {
  const atMs = performance.now();
  const { signal } = new AbortController();
  const item = await openItem(url, { dialler, mediaDir, startMs: 0, signal });
  const openMs = performance.now() - atMs;
  const batch = new Batch();
  let packets = 0;
  for (let untilMs = 0; untilMs < PLAYED_MS; ) {
    batch.clear();
    const state = item.read(batch, untilMs);
    packets += batch.packets.slice(0, batch.count).filter(({ kind }) => !isHeader(kind)).length;
    if (state === 'ok') untilMs += TICK_MS;
    else if (state === 'end') break;
    await sleep(1);
  }
  const { durationMs } = item;
  keepOpen.push(item);
  return { openMs, packets, durationMs };
}

/** What is measured belongs to items that are open. */
const keepOpen: { close(): void }[] = [];

const megabytes = (name: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;

await play(warmUp);
for (const item of keepOpen.splice(0)) item.close();
globalThis.gc?.();
const base = megabytes('VmRSS');
// Begins the count of the peak anew.
writeFileSync('/proc/self/clear_refs', '5');
const seen = await play(film);
const peakMb = megabytes('VmHWM') - base;
globalThis.gc?.();
const keptMb = megabytes('VmRSS') - base;
console.log(JSON.stringify({ ...seen, peakMb, keptMb } satisfies Played));
for (const item of keepOpen) item.close();
process.exit(0);
