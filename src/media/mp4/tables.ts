import { uint32At } from '../bytes.ts';
import { type Box, broken, descend, Fields } from './boxes.ts';

/** Rows of 32-bit numbers behind a count, read where they lie: an index of a long film costs no more than its bytes. */
export class Table {
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #at: number;
  readonly #columns: number;

  constructor(box: Box, { columns, at = 4 }: { columns: number; at?: number }) {
    const rows = new Fields(box).u32(at);
    const room = Math.floor((box.end - box.start - at - 4) / (4 * columns));
    if (rows > room) throw broken(box.type, `claims ${rows} entries and has room for ${room}`);
    this.length = rows;
    this.#bytes = box.bytes;
    this.#at = box.start + at + 4;
    this.#columns = columns;
  }

  u32(row: number, column = 0): number {
    return uint32At(this.#bytes, this.#at + 4 * (row * this.#columns + column));
  }
}

/** A day of 60 frames a second has 5.2 million. A table of one size for all can claim any number in 12 bytes. */
const MOST_SAMPLES = 8_000_000;

/** The sample tables of a track (ISO/IEC 14496-12, section 8.5 to 8.7), with what does not agree refused. */
export interface SampleTables {
  readonly count: number;
  /** Of one sample. */
  readonly sizeOf: (sample: number) => number;
  /** Runs of samples of one duration: count, duration. */
  readonly durations: Table;
  /** Runs of samples of one composition offset: count, offset. */
  readonly offsets: Table | undefined;
  /** Numbers of key samples from 1 on, rising; undefined: every sample is one. */
  readonly keys: Table | undefined;
  readonly chunkCount: number;
  readonly chunkAt: (chunk: number) => number;
  /** Runs of chunks of one length: first chunk from 1 on, samples in each. */
  readonly chunkRuns: Table;
}

export function readSampleTables(stbl: Box): SampleTables {
  const durations = new Table(need(stbl, 'stts'), { columns: 2 });
  const keys = tableOf(stbl, 'stss', 1);
  const sizes = readSizes(stbl);
  const chunks = readChunks(stbl);
  if (sizes.count > MOST_SAMPLES) throw broken('stsz', `claims ${sizes.count} samples, more than ${MOST_SAMPLES}`);
  const chunkRuns = new Table(need(stbl, 'stsc'), { columns: 3 });
  const count = Math.min(sizes.count, samplesIn(durations), samplesInChunks(chunkRuns, chunks.count));
  return {
    count,
    sizeOf: sizes.of,
    durations,
    offsets: tableOf(stbl, 'ctts', 2),
    keys,
    chunkCount: chunks.count,
    chunkAt: chunks.at,
    chunkRuns,
  };
}

function need(stbl: Box, type: string): Box {
  const box = descend(stbl, type);
  if (box === undefined) throw broken('stbl', `has no "${type}"`);
  return box;
}

function tableOf(stbl: Box, type: string, columns: number): Table | undefined {
  const box = descend(stbl, type);
  return box === undefined ? undefined : new Table(box, { columns });
}

function readSizes(stbl: Box): { count: number; of: (sample: number) => number } {
  const compact = descend(stbl, 'stz2');
  if (compact !== undefined) return readCompactSizes(compact);
  const box = need(stbl, 'stsz');
  const fields = new Fields(box);
  const same = fields.u32(4);
  if (same !== 0) return { count: fields.u32(8), of: () => same };
  const table = new Table(box, { columns: 1, at: 8 });
  return { count: table.length, of: sample => table.u32(sample) };
}

/** Section 8.7.3.3: sizes of 4, 8 or 16 bits. */
function readCompactSizes(box: Box): { count: number; of: (sample: number) => number } {
  const fields = new Fields(box);
  const bits = fields.u8(7);
  const count = fields.u32(8);
  if (bits !== 4 && bits !== 8 && bits !== 16) throw broken('stz2', `has sizes of ${bits} bits`);
  if (count * bits > (fields.length - 12) * 8) throw broken('stz2', `claims ${count} entries and has no room for them`);
  if (bits === 16) return { count, of: sample => fields.u16(12 + 2 * sample) };
  if (bits === 8) return { count, of: sample => fields.u8(12 + sample) };
  return { count, of: sample => (fields.u8(12 + (sample >> 1)) >> (sample % 2 === 0 ? 4 : 0)) & 15 };
}

function readChunks(stbl: Box): { count: number; at: (chunk: number) => number } {
  const large = descend(stbl, 'co64');
  if (large === undefined) {
    const table = new Table(need(stbl, 'stco'), { columns: 1 });
    return { count: table.length, at: chunk => table.u32(chunk) };
  }
  const table = new Table(large, { columns: 2 });
  return { count: table.length, at: chunk => table.u32(chunk) * 2 ** 32 + table.u32(chunk, 1) };
}

function samplesIn(runs: Table): number {
  let samples = 0;
  for (let i = 0; i < runs.length; i++) samples += runs.u32(i);
  return samples;
}

function samplesInChunks(runs: Table, chunkCount: number): number {
  let samples = 0;
  for (let i = 0; i < runs.length; i++) {
    const first = runs.u32(i);
    const next = i + 1 < runs.length ? runs.u32(i + 1) : chunkCount + 1;
    if (first < 1 || next <= first || (i === 0 && first !== 1)) {
      if (next === first && i + 1 === runs.length) break;
      throw broken('stsc', `has run ${i} begin at chunk ${first}, and the next at ${next}`);
    }
    samples += (Math.min(next, chunkCount + 1) - first) * runs.u32(i, 1);
  }
  return samples;
}
