import type { Command } from 'commander';
import type { Plan } from '../client/task-words.ts';
import { usingNode } from './node.ts';
import { readCount } from './numbers.ts';
import type { World } from './program.ts';
import { readWish, type WishFlags, withWishFlags } from './task-create.ts';
import { json, plain, table } from './terminal.ts';

const EXAMPLES = `
Examples:
  millrace plan --source media://a.mp4 --source media://b.mp4 --rounds 3 --to rtmp://push.example/live/KEY
  millrace plan -f task.yaml --json | jq .warnings`;

export function addPlan(program: Command, world: World): void {
  const plan = withWishFlags(program.command('plan'))
    .description('tell what would become of a task, without making it: its sources are looked at')
    .option('--limit <N>', 'at most so many lines of the timeline', readCount, 20)
    .option('--json', 'print all of it as JSON')
    .addHelpText('after', EXAMPLES);
  plan.action(async (flags: WishFlags & { readonly limit: number; readonly json?: boolean }) => {
    const wish = await readWish(flags, world.terminal);
    const told = await usingNode(plan, world, client => client.plan(wish));
    world.terminal.out(flags.json ? json(told) : planText(told, flags.limit));
  });
}

function planText(plan: Plan, limit: number): string {
  return [
    `from ${plan.starts_at} to ${plan.ends_at ?? 'no end'}${plan.cut_by_end ? ', cut by its end' : ''}\n`,
    table(['SOURCE', 'LENGTH', 'VIDEO', 'AUDIO', 'ADDRESS'], plan.sources.map(sourceRow)),
    ...(plan.timeline.length === 0 ? [] : [timelineText(plan, limit)]),
    ...plan.joints.filter(({ kind }) => kind !== 'copy').map(jointLine),
    ...plan.warnings.map(({ code, field, message }) => plain(`warning ${code} at ${field}: ${message}`).concat('\n')),
    ...(plan.warnings.length === 0 ? ['no warnings\n'] : []),
  ].join('');
}

function sourceRow({ field, url, found, error }: Plan['sources'][number]): string[] {
  if (found === null) return [field, '-', '-', '-', `${url}: ${error?.message ?? 'not looked at'}`].map(plain);
  const { duration_s: length, video, audio } = found;
  const size = video?.width === undefined ? '' : ` ${video.width}x${video.height}`;
  const known = [length === null ? '-' : `${length} s`, video === null ? '-' : `${video.codec}${size}`];
  return [field, ...known, audio?.codec ?? '-', url].map(plain);
}

function timelineText({ timeline, timeline_is_whole: isWhole }: Plan, limit: number): string {
  const rows = timeline
    .slice(0, limit)
    .map(({ round, index, in_s, out_s, starts_at, ends_at }) => [
      starts_at,
      ends_at,
      String(round),
      String(index),
      `${in_s} to ${out_s} s`,
    ]);
  const more = timeline.length > limit || !isWhole ? '… and so on\n' : '';
  return `${table(['FROM', 'TO', 'ROUND', 'FILE', 'PART'], rows)}${more}`;
}

const jointLine = ({ from, to, kind, because }: Plan['joints'][number]): string =>
  plain(`from file ${from} to ${to}: ${kind.replace('_', ' ')}, ${because}`).concat('\n');
