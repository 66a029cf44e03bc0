import type { Command } from 'commander';
import type { Finding } from '../client/node-words.ts';
import { configOf } from './config.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { json, plain } from './terminal.ts';

const EXAMPLES = `
Examples:
  millrace doctor
  millrace doctor --data /var/lib/millrace --listen 0.0.0.0:8080 --json
  millrace doctor --all
  MILLRACE_API_KEY=mlr_... millrace doctor --api https://relay.example`;

interface DoctorFlags {
  readonly api?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** Of this machine with this configuration, or of a node that is asked. */
export function addDoctor(program: Command, world: World): void {
  const command = withNodeFlags(program.command('doctor'), ['rtmp', 'workers', 'network', 'media', 'ca', 'console-url'])
    .description('look over the machine and the installation, and tell what mends what is not well')
    .option('--all', 'tell also what is well, and why it matters')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES);
  command.action(async (flags: DoctorFlags) => {
    const findings = await (flags.api === undefined
      ? lookOver(command, world)
      : usingNode(command, world, client => client.diagnose()));
    world.terminal.out(flags.json ? json({ checks: findings }) : report(findings, flags.all === true));
    const failed = findings.filter(({ state }) => state === 'fail').length;
    if (failed > 0) throw new Error(`${failed} of ${findings.length} checks failed`);
  });
}

async function lookOver(command: Command, { terminal, doors, signal }: World): Promise<readonly Finding[]> {
  const { diagnose } = await doors();
  return diagnose(configOf(command, terminal), { isServing: false, signal });
}

const MARKS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

function report(findings: readonly Finding[], isWhole: boolean): string {
  const told = findings.filter(({ state }) => isWhole || state !== 'ok').map(finding => lines(finding));
  const well = findings.filter(({ state }) => state === 'ok').length;
  return `${told.join('')}${well} of ${findings.length} checks found nothing to mend\n`;
}

function lines({ name, state, found, why, fix }: Finding): string {
  const more = [why, ...(fix === '' ? [] : [`mend it: ${fix}`])].map(text => `      ${plain(text)}\n`);
  return `${MARKS[state]}  ${plain(`${name}: ${found}`)}\n${more.join('')}`;
}
