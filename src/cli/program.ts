import { Command } from 'commander';
import { version } from '../ops/version.ts';
import { addAccountCommands } from './account.ts';
import { addApply } from './apply.ts';
import { addAssetCommands } from './asset.ts';
import { addBackupCommands } from './backup.ts';
import { addCallbackCommands } from './callback.ts';
import { addCompletion } from './completion.ts';
import { addConfigCommands } from './config.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addDomainCommands } from './domain.ts';
import type { Doors } from './doors.ts';
import { addExamples } from './examples.ts';
import { addExport } from './export.ts';
import { addKeyCommands } from './key.ts';
import { addMigrateStore } from './migrate-store.ts';
import { addNodeCommands } from './nodes.ts';
import { addPlan } from './plan.ts';
import { addPolicyCommands } from './policy.ts';
import { addProbe } from './probe.ts';
import { addServe } from './serve.ts';
import { addSetup } from './setup.ts';
import { addTaskCommands } from './task.ts';
import type { Terminal } from './terminal.ts';
import { addTry } from './try.ts';
import { addUserCommands } from './user.ts';

export interface World {
  readonly terminal: Terminal;
  /** Loads the rest of the program; only the commands that need it call this, so that the others start fast. */
  readonly doors: () => Promise<Doors>;
  /** Aborted when the person or the system asks the command to end. */
  readonly signal: AbortSignal;
  /** Aborted when another control process is to go on with what this one runs. */
  readonly handOver: AbortSignal;
}

/** Every command there is. */
export function buildProgram(world: World): Command {
  const { terminal } = world;
  const program = new Command('millrace')
    .description('Pulls a live stream and keeps it pushed, on schedule, for days.')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showSuggestionAfterError()
    .helpCommand('help [command]', 'tell about a command');
  addServe(program, world);
  addDemo(program, world);
  addSetup(program, world);
  addTry(program, world);
  addDoctor(program, world);
  addProbe(program, world);
  addPlan(program, world);
  addTaskCommands(program, world);
  addCallbackCommands(program, world);
  addAccountCommands(program, world);
  addKeyCommands(program, world);
  addUserCommands(program, world);
  addPolicyCommands(program, world);
  addDomainCommands(program, world);
  addAssetCommands(program, world);
  addNodeCommands(program, world);
  addExport(program, world);
  addApply(program, world);
  addBackupCommands(program, world);
  addMigrateStore(program, world);
  addConfigCommands(program, world);
  addCompletion(program, world);
  program
    .command('version')
    .description('tell the version')
    .action(() => terminal.out(`millrace ${version} (Node ${process.versions.node})\n`));
  addExamples(program);
  return program;
}
