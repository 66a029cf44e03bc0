import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { lostFrames } from '../lab/airtime.ts';
import type { Witness } from '../lab/cluster.ts';
import { Place } from '../lab/place.ts';
import { pass } from '../lab/wait.ts';
import { isFull, Stage } from './stage.ts';

const NODES = 3;
const CUT_MS = isFull ? 20_000 : 9_000;
const SETTLED_MS = 3_000;
const CUTS: Readonly<Record<string, readonly Witness[]>> = {
  NATS: ['nats'],
  'the database': ['database'],
  both: ['nats', 'database'],
};

/** Which nodes are cut off, as bits: all ways there are, but for none. */
const SETS = Array.from({ length: 2 ** NODES - 1 }, (_, i) => i + 1);
/** One node, two of three, all of them: what differs most. */
const FEW: Readonly<Record<string, readonly number[]>> = {
  NATS: [0b111],
  'the database': [0b011],
  both: [0b001, 0b111],
};

const setsOf = (from: string): readonly number[] => (isFull ? SETS : (FEW[from] ?? []));

interface Told {
  readonly lost: number;
  readonly backMs: readonly number[];
  readonly doubledMs: number;
}

/** Cuts the nodes of the set off for a while, and answers what it came to. */
async function cut(stage: Stage, set: number, witnesses: readonly Witness[]): Promise<Told> {
  const { nodes } = stage.cluster;
  const links = nodes.flatMap((node, i) => ((set >> i) & 1 ? witnesses.map(witness => ({ node, witness })) : []));
  const [cutMs, doubledBefore] = [performance.now(), stage.doubledMs];
  for (const { node, witness } of links) node.sever(witness);
  await pass(CUT_MS);
  for (const { node, witness } of links) node.heal(witness);
  const healedMs = performance.now();
  const backMs = await stage.allOnAir(healedMs);
  await pass(SETTLED_MS);
  const lost = stage.tasks.reduce((sum, { seen }) => sum + lostFrames(seen, cutMs), 0);
  return { lost, backMs, doubledMs: stage.doubledMs - doubledBefore };
}

it.each(Object.keys(CUTS))(
  'never has two pushers, and all on air soon, when nodes are cut off from %s',
  { timeout: 900_000 },
  async from => {
    await using place = new Place();
    const stage = await Stage.start(place, { nodes: NODES, severable: true, lives: 9, lists: 3 });
    const told: Told[] = [];
    for (const set of setsOf(from)) {
      told.push(await cut(stage, set, CUTS[from] ?? []));
      const { lost, backMs, doubledMs } = told.at(-1) as Told;
      const nodes = set.toString(2).padStart(NODES, '0');
      console.log(
        `cut ${nodes} from ${from}: back ${Math.round(Math.max(...backMs))} ms, lost ${lost}, doubled ${doubledMs} ms`,
      );
    }
    const name = `${told.length} cuts from ${from} for ${CUT_MS / 1000} s`;
    figure('CLUSTER', `${name}: with two pushers`, stage.doubledMs, { unit: 'ms', exactly: 0 });
    const backMs = Math.max(...told.flatMap(it => it.backMs));
    figure('CLUSTER', `${name}: all on air after the heal, at most`, backMs, { unit: 'ms', atMost: 20_000 });
    // The other witness still proves the lease.
    const lost = told.reduce((sum, it) => sum + it.lost, 0);
    if (from !== 'both') figure('CLUSTER', `${name}: frames lost`, lost, { unit: 'frames', exactly: 0 });
    expect(told.length).toBeGreaterThan(0);
  },
);
