import type { Command } from 'commander';
import type { Load, NodeFacts } from '../client/node-words.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { repeatedly } from './repeatedly.ts';
import { rate } from './task-line.ts';
import { json, table } from './terminal.ts';

const EXAMPLES = `
Examples:
  millrace node list
  millrace node list --watch
  millrace node list --json | jq '.[].workers'`;

export function addNodeCommands(program: Command, world: World): void {
  const node = program.command('node').description('nodes: what they carry, and what that costs');
  const list = withNodeFlags(node.command('list'))
    .description('list the nodes with their processes')
    .option('--json', 'print JSON')
    .option('--watch', 'print them again every 2 s, until Ctrl-C')
    .addHelpText('after', EXAMPLES);
  list.action((flags: { json?: boolean; watch?: boolean }) =>
    usingNode(list, world, client =>
      repeatedly(world, flags.watch === true, async () => {
        const nodes = await client.nodes();
        return flags.json ? json(nodes) : nodes.map(nodeText).join('\n');
      }),
    ),
  );
}

function nodeText(node: NodeFacts): string {
  const { name, version, region, state, uptime_s: upS, tasks, kbit_in, kbit_out, viewers } = node;
  const counts = `${tasks.running} running, ${tasks.recovering} recovering, ${tasks.scheduled} scheduled`;
  const head = `${name}  ${state}  version ${version}  region ${region}  up ${Math.round(upS)} s\n`;
  const flow = `${counts}; in ${rate(kbit_in)}, out ${rate(kbit_out)}; ${viewers} viewers\n`;
  const rows = [
    ['control', pidOf(node.control.pid), '-', '-', ...loadOf(node.control)],
    ...node.workers.map(worker => [
      `worker ${worker.slot}`,
      pidOf(worker.pid),
      worker.state,
      String(worker.runs),
      ...loadOf(worker),
    ]),
  ];
  return `${head}${flow}${table(['PROCESS', 'PID', 'STATE', 'RUNS', 'CPU', 'MEMORY', 'LAG'], rows)}`;
}

const pidOf = (pid: number | null): string => (pid === null ? '-' : String(pid));

const loadOf = ({ cpu, rss_mb: mb, lag_ms: lag }: Load): string[] => [
  cpu === null ? '-' : `${Math.round(cpu * 100)} %`,
  mb === null ? '-' : `${Math.round(mb)} MB`,
  lag === null ? '-' : `${Math.round(lag)} ms`,
];
