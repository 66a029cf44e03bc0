import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Load, NodeFacts } from '../client/node-words.ts';
import type { Client } from '../client.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { repeatedly } from './repeatedly.ts';
import { rate } from './task-line.ts';
import { json, table } from './terminal.ts';

const LIST_EXAMPLES = `
Examples:
  millrace node list
  millrace node list --watch
  millrace node list --json | jq '.[].workers'`;

const DRAIN_EXAMPLES = `
Examples:
  millrace node drain relay-2
  millrace node drain relay-2 --wait && ssh relay-2 systemctl stop millrace`;

const LOOK_MS = 1_000;

export function addNodeCommands(program: Command, world: World): void {
  const node = program.command('node').description('nodes: what they carry, what that costs, and what becomes of them');
  addList(node, world);
  addDrain(node, world);
  addWish(node, world, ['cordon', 'have a node take nothing more, and keep what it has']);
  addWish(node, world, ['uncordon', 'have a node take tasks again']);
}

function addList(node: Command, world: World): void {
  const list = withNodeFlags(node.command('list'))
    .description('list the nodes with their processes')
    .option('--json', 'print JSON')
    .option('--watch', 'print them again every 2 s, until Ctrl-C')
    .addHelpText('after', LIST_EXAMPLES);
  list.action((flags: { json?: boolean; watch?: boolean }) =>
    usingNode(list, world, client =>
      repeatedly(world, flags.watch === true, async () => {
        const nodes = await client.nodes();
        return flags.json ? json(nodes) : nodes.map(nodeText).join('\n');
      }),
    ),
  );
}

function addDrain(node: Command, world: World): void {
  const drain = withNodeFlags(node.command('drain <NAME>'))
    .description('have a node take nothing more, and give its tasks to others, one by one')
    .option('--wait', 'until it has none left')
    .addHelpText('after', DRAIN_EXAMPLES);
  drain.action((name: string, flags: { wait?: boolean }) =>
    usingNode(drain, world, async client => {
      const nodes = await client.wantOfNode(name, 'drain');
      if (flags.wait === true) await untilEmpty(client, name, world);
      else world.terminal.out(`${name} is being drained: ${leftOn(nodes, name)}\n`);
    }),
  );
}

function addWish(node: Command, world: World, [what, about]: readonly ['cordon' | 'uncordon', string]): void {
  const command = withNodeFlags(node.command(`${what} <NAME>`))
    .description(about)
    .addHelpText('after', `\nExamples:\n  millrace node ${what} relay-2`);
  command.action((name: string) =>
    usingNode(command, world, async client => {
      await client.wantOfNode(name, what);
      world.terminal.out(what === 'cordon' ? `${name} takes nothing more\n` : `${name} takes tasks again\n`);
    }),
  );
}

/** Says how many are left whenever that has changed. A node that is gone has none. */
async function untilEmpty(client: Client, name: string, { terminal, signal }: World): Promise<void> {
  const ending = AbortSignal.any([signal, terminal.gone]);
  for (let said = ''; ; ) {
    const nodes = await client.nodes();
    const left = leftOn(nodes, name);
    if (left !== said) terminal.out(`${name}: ${left}\n`);
    said = left;
    const node = nodes.find(one => one.name === name);
    if (node === undefined || node.presence === 'gone' || node.runs === 0) return;
    await sleep(LOOK_MS, undefined, { signal: ending });
  }
}

function leftOn(nodes: readonly NodeFacts[], name: string): string {
  const runs = nodes.find(node => node.name === name)?.runs ?? 0;
  return runs === 1 ? '1 task left' : `${runs} tasks left`;
}

function nodeText(node: NodeFacts): string {
  const { name, version, region, uptime_s: upS, tasks, kbit_in, kbit_out, viewers } = node;
  const counts = `${tasks.running} running, ${tasks.recovering} recovering, ${tasks.scheduled} scheduled`;
  const up = upS === null ? '' : `  up ${Math.round(upS)} s`;
  const head = `${name}  ${wordOf(node)}  version ${version}  region ${region}${up}\n`;
  const flow = `${counts}; in ${rate(kbit_in)}, out ${rate(kbit_out)}; ${viewers} viewers\n`;
  const rows = [
    ...(node.control === null ? [] : [['control', pidOf(node.control.pid), '-', '-', ...loadOf(node.control)]]),
    ...node.workers.map(worker => [
      `worker ${worker.slot}`,
      pidOf(worker.pid),
      worker.state,
      String(worker.runs),
      ...loadOf(worker),
    ]),
  ];
  const processes = rows.length === 0 ? '' : table(['PROCESS', 'PID', 'STATE', 'RUNS', 'CPU', 'MEMORY', 'LAG'], rows);
  return `${head}${flow}${roomOf(node)}${processes}`;
}

/** What matters most of it: that it is away, then what is wanted of it. */
const wordOf = ({ presence, wanted, state }: NodeFacts): string =>
  presence !== 'present' ? presence : wanted !== 'active' ? wanted : state;

function roomOf({ runs, capacity, load, duties, clock_offset_s: offsetS }: NodeFacts): string {
  const parts = [`acts for ${runs} of ${capacity}`, `load ${Math.round(load * 100)} %`];
  if (duties.length > 0) parts.push(`does ${duties.join(' and ')}`);
  if (offsetS !== null && offsetS !== 0) parts.push(`clock ${offsetS > 0 ? '+' : ''}${offsetS} s`);
  return `${parts.join('; ')}\n`;
}

const pidOf = (pid: number | null): string => (pid === null ? '-' : String(pid));

const loadOf = ({ cpu, rss_mb: mb, lag_ms: lag }: Load): string[] => [
  cpu === null ? '-' : `${Math.round(cpu * 100)} %`,
  mb === null ? '-' : `${Math.round(mb)} MB`,
  lag === null ? '-' : `${Math.round(lag)} ms`,
];
