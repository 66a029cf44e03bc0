import { dice } from '../lab/films.ts';

/** Values at which counters, sizes and signs turn over. */
const EDGES = [0, 1, 3, 4, 7, 8, 127, 128, 187, 188, 255, 0x7fff, 0x8000, 0xffff, 0xffffff, 0x7fffffff, 0xffffffff];
const MOST_STEPS = 6;
const MOST_BYTES = 64 * 1024;

type Below = (below: number) => number;
type Step = (bytes: Buffer, below: Below, other: Buffer) => Buffer;

const place = (bytes: Buffer, below: Below): number => below(Math.max(1, bytes.length));

function stretch(bytes: Buffer, below: Below): [from: number, to: number] {
  const from = place(bytes, below);
  return [from, Math.min(bytes.length, from + 1 + below(Math.min(256, bytes.length + 1)))];
}

const flip: Step = (bytes, below) => {
  const at = place(bytes, below);
  if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << below(8));
  return bytes;
};

const setByte: Step = (bytes, below) => {
  const at = place(bytes, below);
  if (at < bytes.length) bytes[at] = below(256);
  return bytes;
};

/** A number of one, two, three or four bytes, in either order, at one of the values where things turn over. */
const setNumber: Step = (bytes, below) => {
  const size = 1 + below(4);
  const at = place(bytes, below);
  const value = (EDGES[below(EDGES.length)] as number) % 2 ** (8 * size);
  if (at + size > bytes.length) return bytes;
  if (below(2) === 0) bytes.writeUIntBE(value, at, size);
  else bytes.writeUIntLE(value, at, size);
  return bytes;
};

const cutOut: Step = (bytes, below) => {
  const [from, to] = stretch(bytes, below);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
};

const repeat: Step = (bytes, below) => {
  const [from, to] = stretch(bytes, below);
  const piece = bytes.subarray(from, to);
  return Buffer.concat([
    bytes.subarray(0, to),
    ...Array.from({ length: 1 + below(20) }, () => piece),
    bytes.subarray(to),
  ]);
};

const insert: Step = (bytes, below) => {
  const at = place(bytes, below);
  const made = Buffer.from(Array.from({ length: 1 + below(16) }, () => below(256)));
  return Buffer.concat([bytes.subarray(0, at), made, bytes.subarray(at)]);
};

const truncate: Step = (bytes, below) => bytes.subarray(0, below(bytes.length + 1));

/** The head of one, the tail of another. */
const cross: Step = (bytes, below, other) =>
  Buffer.concat([bytes.subarray(0, place(bytes, below)), other.subarray(place(other, below))]);

const swap: Step = (bytes, below) => {
  const [from, to] = stretch(bytes, below);
  const at = place(bytes, below);
  const piece = Buffer.from(bytes.subarray(from, to));
  piece.copy(bytes, at);
  return bytes;
};

const STEPS: readonly Step[] = [
  flip,
  flip,
  setByte,
  setNumber,
  setNumber,
  cutOut,
  repeat,
  insert,
  truncate,
  cross,
  swap,
];

/** The same bytes for the same seed, whatever was made before. */
export function mutate(seeds: readonly Buffer[], seed: number): Buffer {
  const below = dice(seed);
  let bytes = Buffer.from(seeds[below(seeds.length)] ?? Buffer.alloc(0));
  for (let steps = 1 + below(MOST_STEPS); steps > 0; steps--) {
    const step = STEPS[below(STEPS.length)] as Step;
    bytes = Buffer.from(step(bytes, below, seeds[below(seeds.length)] ?? bytes));
  }
  return bytes.subarray(0, MOST_BYTES);
}
