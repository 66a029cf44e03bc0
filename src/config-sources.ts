import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { CLIENT_VARIABLES, OPTIONS, type Option, type OptionName } from './options.ts';
import { didYouMean } from './spelling.ts';

/** Where a value came from, as a person would say it: "--data", "MILLRACE_DATA", "/etc/millrace.yaml", "default". */
export type Origin = string;

export interface Surroundings {
  /** Values of flags by option name. */
  readonly flags: Readonly<Partial<Record<OptionName, string>>>;
  /** Words on the command line that no command knows. */
  readonly strangers?: readonly string[];
  /** `--config FILE`; absent: millrace.yaml in `cwd`, if it is there. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly cores: number;
}

/** The value of an option, as it stands there. */
export interface Found {
  readonly text: string;
  readonly origin: Origin;
  /** The folder a relative path is taken from. */
  readonly base: string;
}

const SWITCHES: readonly OptionName[] = ['rtmp', 'eager-recovery', 'warm-standby', 'slate'];

/** Looks every option up once: flags before environment before file. What is wrong with any of them is a problem. */
export function findValues(from: Surroundings, problems: string[]): ReadonlyMap<OptionName, Found> {
  problems.push(...strangerProblems(from.strangers ?? []));
  const file = readFile(from, problems);
  problems.push(...variableProblems(from.env));
  const found = new Map<OptionName, Found>();
  for (const option of OPTIONS) {
    const value = fromFlag(option, from) ?? fromVariable(option, from) ?? file.get(option.name);
    if (value !== undefined) found.set(option.name, value);
  }
  return found;
}

function fromFlag(option: Option, from: Surroundings): Found | undefined {
  const text = from.flags[option.name];
  return text === undefined ? undefined : { text, origin: `--${option.name}`, base: from.cwd };
}

/** An empty variable counts as unset: that is how compose files and unit files leave one out. */
function fromVariable(option: Option, from: Surroundings): Found | undefined {
  const text = from.env[option.env] ?? '';
  return text === '' ? undefined : { text, origin: option.env, base: from.cwd };
}

function strangerProblems(strangers: readonly string[]): string[] {
  const flags = OPTIONS.filter(option => option.value !== undefined).map(option => `--${option.name}`);
  const known = [...flags, '--config', '--help'];
  const flagAt = (at: number) => strangers[at]?.startsWith('-') === true;
  return strangers.flatMap((word, at) => {
    if (flagAt(at))
      return [`unknown option ${word.split('=', 1)[0]}${didYouMean(word.split('=', 1)[0] ?? word, known)}`];
    // The word behind an unknown option is most likely its value, perhaps a secret one.
    return flagAt(at - 1) && strangers[at - 1]?.includes('=') === false ? [] : [`unexpected argument "${word}"`];
  });
}

function variableProblems(env: Surroundings['env']): string[] {
  const known = [...OPTIONS.map(option => option.env), ...CLIENT_VARIABLES];
  return Object.keys(env)
    .filter(name => name.startsWith('MILLRACE_') && !known.includes(name))
    .map(name => `unknown environment variable ${name}${didYouMean(name, known)}`);
}

/** The file's values by option; none without a file. Its keys are the flags' names. */
function readFile(from: Surroundings, problems: string[]): Map<OptionName, Found> {
  const found = new Map<OptionName, Found>();
  const path = resolve(from.cwd, from.file ?? 'millrace.yaml');
  const content = readYaml(path, from.file === undefined, problems);
  const options = OPTIONS.filter(option => option.value !== undefined);
  for (const [key, value] of Object.entries(content)) {
    const option = options.find(({ name }) => name === key);
    if (option === undefined) {
      problems.push(
        `${path}: unknown key ${key}${didYouMean(
          key,
          options.map(({ name }) => name),
        )}`,
      );
    } else if (typeof value === 'string' || typeof value === 'number') {
      found.set(option.name, { text: String(value), origin: path, base: dirname(path) });
    } else if (typeof value === 'boolean' && SWITCHES.includes(option.name)) {
      // Some YAML writers print the words on and off as true and false.
      found.set(option.name, { text: value ? 'on' : 'off', origin: path, base: dirname(path) });
    } else if (value !== null) {
      problems.push(`${path}: ${key} is not a text or a number`);
    }
  }
  return found;
}

function readYaml(path: string, mayBeAbsent: boolean, problems: string[]): Record<string, unknown> {
  try {
    const content: unknown = parseYaml(readFileSync(path, 'utf8'));
    if (content === null) return {};
    if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
    problems.push(`${path}: not a list of "key: value" lines`);
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!absent || !mayBeAbsent)
      problems.push(`${path}: ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`);
  }
  return {};
}
