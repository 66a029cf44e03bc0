import { type Command, Option } from 'commander';
import { type Config, printConfig, readConfig } from '../config.ts';
import { OPTIONS, type OptionName } from '../options.ts';
import type { World } from './program.ts';
import { json, type Terminal, table } from './terminal.ts';

/** Whoever works on what is stored has to be told of all of it. */
const STORED: readonly OptionName[] = ['data', 'database', 'seal-key-file'];

/** Gives a command the flags of the configuration: all of them, or those named. */
export function withConfigFlags(command: Command, only?: readonly OptionName[]): Command {
  command.option('--config <FILE>', 'read this file instead of millrace.yaml in the current folder');
  for (const { name, value, about, fallback, env } of OPTIONS) {
    if (value === undefined || isLeftOut(name, only)) continue;
    command.addOption(new Option(`--${name} <${value}>`, `${about} (default: ${fallback}; ${env})`));
  }
  return command;
}

const isLeftOut = (name: OptionName, only: readonly OptionName[] | undefined): boolean =>
  only !== undefined && !only.includes(name) && !(only.includes('data') && STORED.includes(name));

/** Lets the configuration name the words a command does not know, so that all mistakes are told at once. */
export const leavingStrangers = (command: Command): Command => command.allowUnknownOption().allowExcessArguments();

/** The configuration a command was given; `strangers` are the words that commander could not place. */
export function configOf(
  command: Command,
  terminal: Terminal,
  strangers: readonly string[] = [],
  said: Readonly<Partial<Record<OptionName, string>>> = {},
): Config {
  const given: Record<string, unknown> = command.opts();
  const flags: Partial<Record<OptionName, string>> = { ...said };
  for (const { name } of OPTIONS) {
    const value = given[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value === 'string') flags[name] = value;
  }
  const { env, cwd, cores } = terminal;
  const file = typeof given.config === 'string' ? given.config : undefined;
  return readConfig({ flags, strangers, file, env, cwd, cores });
}

export function addConfigCommands(program: Command, { terminal }: World): void {
  const config = program.command('config').description('look at the configuration');
  const show = withConfigFlags(leavingStrangers(config.command('show')))
    .description('print every option as it is in force')
    .option('--origin', 'say where each value comes from')
    .option('--json', 'print JSON');
  show.action((given: { origin?: boolean; json?: boolean }) => {
    const lines = printConfig(configOf(show, terminal, show.args));
    const said = lines.map(({ name, value, origin }) => (given.origin ? { name, value, origin } : { name, value }));
    if (given.json) return terminal.out(json(said));
    const headings = given.origin ? ['OPTION', 'VALUE', 'FROM'] : ['OPTION', 'VALUE'];
    return terminal.out(
      table(
        headings,
        said.map(line => Object.values(line)),
      ),
    );
  });
}
