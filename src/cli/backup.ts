import { resolve } from 'node:path';
import type { Command } from 'commander';
import { configOf, withConfigFlags } from './config.ts';
import type { Backup } from './doors.ts';
import type { World } from './program.ts';
import { json } from './terminal.ts';

interface Flags {
  readonly key?: string;
  readonly json?: boolean;
  readonly verify?: boolean;
}

/** The copy of all that a node keeps, and the way back from it. */
export function addBackupCommands(program: Command, world: World): void {
  addBackup(program, world);
  addRestore(program, world);
}

const BACKUP_EXAMPLES = `
Examples:
  millrace backup /backup/millrace-friday.db
  millrace backup /backup/millrace-friday.db --key /safe/seal.key --data /var/lib/millrace`;

function addBackup(program: Command, { terminal, doors }: World): void {
  const command = withConfigFlags(program.command('backup <FILE>'), ['data'])
    .description('copy all that a node keeps into one file, also while it runs')
    .option('--key <FILE>', 'also copy the key that opens it, into another folder')
    .option('--json', 'print JSON')
    .addHelpText('after', BACKUP_EXAMPLES);
  command.action(async (file: string, flags: Flags) => {
    const { backup } = await doors();
    const at = (path: string): string => resolve(terminal.cwd, path);
    const wish = { file: at(file), ...(flags.key === undefined ? {} : { key: at(flags.key) }) };
    const made = await backup(configOf(command, terminal), wish);
    if (flags.json) return terminal.out(json(made));
    terminal.out(`${described(made)}\n`);
    const isKept = flags.key !== undefined;
    return terminal.err(
      isKept
        ? `It opens with ${made.key} alone: keep that apart from it.\n`
        : `It opens with the key in ${made.key} alone: keep a copy of that apart from it (--key FILE makes one).\n`,
    );
  });
}

const RESTORE_EXAMPLES = `
Examples:
  millrace restore /backup/millrace-friday.db --verify --key /safe/seal.key
  millrace restore /backup/millrace-friday.db --key /safe/seal.key --data /var/lib/millrace`;

function addRestore(program: Command, { terminal, doors }: World): void {
  const command = withConfigFlags(program.command('restore <FILE>'), ['data'])
    .description('make a data directory of such a file')
    .option('--key <FILE>', 'the key that opens it (default: seal.key of the data directory)')
    .option('--verify', 'only look it through, and tell whether it could be restored')
    .option('--json', 'print JSON')
    .addHelpText('after', RESTORE_EXAMPLES);
  command.action(async (file: string, { key, verify = false, json: asJson = false }: Flags) => {
    const { restore } = await doors();
    const config = configOf(command, terminal);
    const at = (path: string): string => resolve(terminal.cwd, path);
    const found = await restore(config, { file: at(file), verify, ...(key === undefined ? {} : { key: at(key) }) });
    if (asJson) return terminal.out(json(found));
    terminal.out(`${described(found)}\n`);
    return terminal.err(verify ? 'It is whole, and the key opens it.\n' : `${AFTER}${config.data}\n`);
  });
}

/** Two nodes with one wish would push twice. */
const AFTER = `What should be on air goes on air when a node is started on it, so the former node must be off:
  millrace serve --data `;

const MB = 1024 * 1024;

const described = ({ file, bytes, tasks, events }: Backup): string =>
  `${file}: ${(bytes / MB).toFixed(1)} MB, ${tasks} tasks, ${events} events`;
