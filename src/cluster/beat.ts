import type { MemberFacts } from './cluster.ts';

/** What a node writes where the others see it, again and again, for as long as it may act. */
export interface Beat {
  /** Of the node's data directory: another one under the same name is another node. */
  readonly incarnation: string;
  /** Of one `join`. */
  readonly lease: string;
  /** Rises with every beat of the lease. */
  readonly n: number;
  readonly ttlMs: number;
  /** It acts no more, and this is the last of its lease. */
  readonly hasLeft: boolean;
  readonly facts: MemberFacts;
}

/** Two beats with the same mark are one. */
export const markOf = ({ lease, n }: Pick<Beat, 'lease' | 'n'>): string => `${lease}:${n}`;

/** The facts stand at the top, so that whoever reads them needs to know of no more. */
export const printBeat = ({ facts, ...beat }: Beat): string => JSON.stringify({ ...facts, beat });

/** Undefined for what no node of ours has written. Fields that are not known are of a later version, and left alone. */
export function parseBeat(text: string): Beat | undefined {
  const value = parseJson(text);
  if (!isObject(value) || !isObject(value.beat)) return undefined;
  const facts = readFacts(value);
  const { incarnation, lease, n, ttlMs, hasLeft } = value.beat;
  if (!facts || !isText(incarnation) || !isText(lease)) return undefined;
  if (!isAmount(n) || !isAmount(ttlMs)) return undefined;
  return { incarnation, lease, n, ttlMs, hasLeft: hasLeft === true, facts };
}

function readFacts(value: Readonly<Record<string, unknown>>): MemberFacts | undefined {
  const { region, version, api, isOpen, runs, capacity, load, wall } = value;
  if (!isText(region) || !isText(version) || !(api === null || isText(api))) return undefined;
  if (!isAmount(runs) || !isAmount(capacity) || !isAmount(load) || !isAmount(wall)) return undefined;
  return { region, version, api, isOpen: isOpen === true, runs, capacity, load, wall };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= 1_000;

export const isAmount = (value: unknown): value is number => typeof value === 'number' && value >= 0;
