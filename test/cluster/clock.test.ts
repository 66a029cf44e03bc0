import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { Stage } from './stage.ts';

const PRELOAD = fileURLToPath(new URL('../lab/shifted-clock.ts', import.meta.url));
const AHEAD_MS = 30_000;

it('has no two pushers where the clock of a node is wrong, and says that it is', { timeout: 240_000 }, async () => {
  await using place = new Place();
  const clock = (node: number): string => place.path(`clock-${node}`);
  const env = (node: number): NodeJS.ProcessEnv => ({
    ...{ NODE_OPTIONS: `--import=${PRELOAD}`, LAB_CLOCK_FILE: clock(node) },
  });
  const stage = await Stage.start(place, { nodes: 3, lives: 9, env });
  const { cluster } = stage;
  const startedMs = performance.now();
  for (const shiftMs of [AHEAD_MS, -AHEAD_MS]) {
    writeFileSync(clock(0), String(shiftMs));
    await pass(8_000);
    await stage.allOnAir(performance.now());
  }
  const said = (): string => cluster.nodes.map(({ millrace }) => millrace.output).join('');
  await until('somebody says that a clock is wrong', () => /clock/i.test(said()), { timeoutMs: 15_000 });
  // Its lease does not hang on the clock: it is found dead as soon as any other.
  const victim = cluster.node(0);
  const lost = await stage.heldBy(victim);
  const killedMs = await victim.kill();
  const tookMs = await stage.backOnAir(lost, killedMs);
  figure('CLUSTER', 'a clock off by 30 s: with two pushers', stage.doubledMs, { unit: 'ms', exactly: 0 });
  const moved = stage.tasks.reduce((sum, { seen }) => sum + seen.pushes.length - 1, 0) - lost.length;
  figure('CLUSTER', 'a clock off by 30 s: pushes broken by it', moved, { unit: 'pushes', exactly: 0 });
  figure('CLUSTER', 'a clock off by 30 s, that node killed: on air elsewhere, at most', Math.max(0, ...tookMs), {
    ...{ unit: 'ms', atMost: 8_000 },
  });
  expect(performance.now() - startedMs).toBeGreaterThan(2 * 8_000);
});
