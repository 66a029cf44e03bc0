// Keeps the documents true: links lead somewhere, commands exist, dependencies and options are told, the vocabulary
// stands, every page is there in both languages, and no file names the host of a package registry.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { buildProgram } from '../src/cli/program.ts';
import { OPTIONS } from '../src/options.ts';
import type { EventType } from '../src/task/event.ts';
import { nextStatus, type Status } from '../src/task/status.ts';
import { NATIVE } from './catalogue/native.ts';
import { anchorProblems, languageProblems } from './languages.ts';

export interface TextFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

type Exists = (path: string) => boolean;

/** Relative links of a document that lead nowhere. */
export function linkProblems({ path, text }: TextFile, exists: Exists): string[] {
  const links = [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].map(match => match[1] ?? '');
  return links
    .filter(link => !/^([a-z]+:|#)/.test(link))
    .filter(link => !exists(normalize(join(dirname(path), link.replace(/#.*$/, '')))))
    .map(link => `${path}: the link to ${link} leads nowhere`);
}

export interface Known {
  /** Names of the scripts in package.json. */
  readonly scripts: readonly string[];
  readonly program: Command;
  readonly exists: Exists;
}

/** Commands in a document's shell blocks that are not there, or are not so. */
export function commandProblems({ path, text }: TextFile, known: Known): string[] {
  const blocks = [...text.matchAll(/^```(?:sh|bash|console)\b.*\n([\s\S]*?)^```/gm)].map(match => match[1] ?? '');
  const commands = blocks
    .flatMap(block => block.replace(/\\\n/g, ' ').split(/\n|&&|\||;|"?\$\(|\)/))
    .map(line => line.trim());
  return commands.flatMap(command => {
    const why = refusalOf(command.split(/\s+/), known);
    return why === undefined ? [] : [`${path}: \`${command}\`: ${why}`];
  });
}

function refusalOf([first = '', second = '', ...rest]: readonly string[], known: Known): string | undefined {
  if (first === 'npm') {
    const script = second === 'run' ? (rest[0] ?? '') : second;
    return ['ci', 'install', ...known.scripts].includes(script) ? undefined : `package.json has no script ${script}`;
  }
  if (first === 'node' && /^[\w./-]+\.(ts|mjs|js)$/.test(second))
    return known.exists(second) ? undefined : `there is no ${second}`;
  return /(^|\/)millrace$/.test(first) ? refusalOfMillrace([second, ...rest], known.program) : undefined;
}

function refusalOfMillrace(words: readonly string[], program: Command): string | undefined {
  let command = program;
  let at = 0;
  for (; command.commands.length > 0 && at < words.length; at++) {
    const name = words[at] ?? '';
    const inner = command.commands.find(candidate => candidate.name() === name);
    if (inner === undefined) return name === 'help' || name === '' ? undefined : `there is no command ${name}`;
    command = inner;
  }
  const flags = words.slice(at).filter(word => word.startsWith('--') && word.length > 2);
  const unknown = flags.find(flag => !command.options.some(option => option.long === flag.split('=', 1)[0]));
  return unknown && `${command.name()} has no option ${unknown}`;
}

/** Names that a document should tell and does not. */
export const untold = ({ path, text }: TextFile, names: readonly string[], what: string): string[] =>
  names.filter(name => !text.includes(`\`${name}\``)).map(name => `${path}: does not name the ${what} \`${name}\``);

/** The vocabulary is a table of words with the files they live in; a word that is not built yet says so. */
export function vocabularyProblems({ path, text }: TextFile, exists: Exists): string[] {
  const [, table = ''] = /^\| Word \| Means \| Lives in \|\n((?:\|.*\n)+)/m.exec(text) ?? [];
  const rows = table.split('\n').slice(1, -1).map(cells);
  if (rows.length < 10) return [`${path}: the vocabulary table is not there`];
  return rows.flatMap(([word, , place = '']) => {
    if (place.startsWith('not yet')) return [];
    const files = [...place.matchAll(/`([^`]+)`/g)].map(match => match[1] ?? '');
    const missing = files.filter(file => !exists(join('src', file)));
    return files.length === 0
      ? [`${path}: ${word} lives nowhere`]
      : missing.map(file => `${path}: ${word} does not live in ${file}`);
  });
}

/** The printed status table against the one in force. */
export function statusProblems({ path, text }: TextFile): string[] {
  const [, head = '', table = ''] = /^\| from (\|.*)\n\|[-|]+\n((?:\|.*\n)+)/m.exec(text) ?? [];
  const events = cells(head);
  const rows = table.split('\n').slice(0, -1).map(cells);
  if (rows.length !== 5) return [`${path}: the status table is not there`];
  return rows.flatMap(([from = '', ...moves]) =>
    events.flatMap((event, column) => {
      // Words of a document: what they are not, the table answers with undefined.
      const right = nextStatus(from as Status, event as EventType) ?? '–';
      return moves[column] === right ? [] : [`${path}: ${event} in ${from} leads to ${right}, not ${moves[column]}`];
    }),
  );
}

const cells = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim());

/** Hosts of package registries: any registry must do. */
export function hostProblems({ path, text }: TextFile, registry: string | undefined): string[] {
  const shapes = [
    /\b(?:registry|npm|mirrors?|artifactory|nexus)(?:\.[a-z0-9-]+)+\.(?:org|com|net|io|dev|cn|internal|local)\b/gi,
    /\bnpm(?:js|mirror)\.(?:org|com)\b/gi,
  ];
  const found = shapes.flatMap(shape => [...text.matchAll(shape)].map(match => match[0]));
  if (registry !== undefined && text.includes(registry)) found.push('the registry of this machine');
  return [...new Set(found)].map(host => `${path}: names a registry (${host})`);
}

const withoutFences = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '');

const SKIPPED = new Set(['node_modules', '.git', 'data', 'coverage', 'tmp']);

function textFiles(root: string, folder = root): TextFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return textFiles(root, path);
    return entry.isFile() ? [{ path: relative(root, path), text: readFileSync(path, 'utf8') }] : [];
  });
}

/** The command tree alone: nothing of it is run. */
function commandTree(): Command {
  const nothing = () => {};
  return buildProgram({
    terminal: {
      stdin: Readable.from([]),
      out: nothing,
      err: nothing,
      live: false,
      gone: AbortSignal.abort(),
      now: () => 0,
      env: {},
      cwd: '/',
      cores: 1,
    },
    doors: () => Promise.reject(new Error('no command is run here')),
    signal: AbortSignal.abort(),
    handOver: AbortSignal.abort(),
  });
}

const leaves = (command: Command): string[] =>
  command.commands.flatMap(inner =>
    inner.commands.length > 0 ? leaves(inner).map(leaf => `${inner.name()} ${leaf}`) : [inner.name()],
  );

/** The host of the registry that npm was told to use, as npm hands it to scripts. */
function registryHere(): string | undefined {
  const url = process.env.npm_config_registry;
  return url === undefined ? undefined : new URL(url).host;
}

export function checkDocs(root: string): string[] {
  const files = textFiles(root);
  const exists: Exists = path => existsSync(join(root, path));
  const file = (path: string): TextFile => files.find(candidate => candidate.path === path) ?? { path, text: '' };
  const manifest = JSON.parse(file('package.json').text) as Record<string, Record<string, string>>;
  const program = commandTree();
  const known: Known = { scripts: Object.keys(manifest.scripts ?? {}), program, exists };
  const documents = files.filter(({ path }) => path.endsWith('.md'));
  const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  return [
    ...documents.flatMap(document => linkProblems(document, exists)),
    ...documents.flatMap(document => commandProblems(document, known)),
    ...anchorProblems(documents),
    ...languageProblems(documents),
    ...untold(file('docs/problems.md'), Object.keys(NATIVE), 'code'),
    ...untold(file('ARCHITECTURE.md'), dependencies, 'dependency'),
    ...untold(
      file('docs/configuration.md'),
      OPTIONS.map(({ env }) => env),
      'variable',
    ),
    ...untold(file('docs/cli.md'), leaves(program), 'command'),
    ...statusProblems(file('ARCHITECTURE.md')),
    ...vocabularyProblems(file('ARCHITECTURE.md'), exists),
    ...files.flatMap(candidate => hostProblems(candidate, registryHere())),
  ];
}

if (import.meta.main) {
  const problems = checkDocs(dirname(import.meta.dirname));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
