// Enforces who may import whom (the table in ARCHITECTURE.md), where outside packages may be used, who may read the
// environment, and which names files and declarations may not have.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, normalize, relative, sep } from 'node:path';

interface Rule {
  /** Folders and files of ours (relative to src/) that it may import, beside its own folder. */
  readonly ours: readonly string[];
  /** Whose types alone it may import. */
  readonly types?: readonly string[];
  /** Whether Node's own modules may be used. */
  readonly node: boolean;
}

/** What the answers of the native API are: as types they leave nothing behind in whoever asks for them. */
const SCHEMAS = ['access', 'doctor', 'log', 'node', 'plan', 'signal', 'task'].map(
  name => `api/native/${name}-schema.ts`,
);

/** By folder of src/, or file where it stands in src/ itself. */
const RULES: Readonly<Record<string, Rule>> = {
  task: { ours: [], node: false },
  media: { ours: [], node: true },
  worker: { ours: ['task', 'media'], node: true },
  store: { ours: ['task'], node: true },
  cluster: { ours: ['task'], node: true },
  control: {
    ours: ['task', 'store/store.ts', 'store/node-store.ts', 'cluster/cluster.ts', 'worker/channel.ts'],
    node: true,
  },
  api: { ours: ['task', 'control'], node: true },
  ops: { ours: ['media/address.ts'], node: true },
  demo: { ours: ['media'], node: true },
  cli: {
    ours: ['main.ts', 'demo', 'config.ts', 'options.ts', 'client.ts', 'client', 'spelling.ts', 'ops'],
    node: true,
  },
  'client.ts': { ours: ['client'], node: true },
  client: { ours: [], types: SCHEMAS, node: true },
  'spelling.ts': { ours: [], node: false },
  'options.ts': { ours: [], node: false },
  'config-sources.ts': { ours: ['options.ts', 'spelling.ts'], node: true },
  'config-cluster.ts': { ours: ['options.ts'], node: false },
  'config.ts': { ours: ['config-cluster.ts', 'config-sources.ts', 'options.ts'], node: true },
  'survey.ts': { ours: ['config.ts', 'media', 'ops', 'store'], node: true },
  'looks.ts': { ours: ['media', 'control/plan.ts', 'api/native/probe.ts'], node: true },
  'kept.ts': { ours: ['config.ts', 'control', 'store', 'task', 'cli/banner.ts', 'cli/doors.ts'], node: true },
  'move-store.ts': { ours: ['config.ts', 'store', 'worker', 'cli/doors.ts'], node: true },
  'backup.ts': { ours: ['config.ts', 'store', 'cli/doors.ts'], node: true },
  'meters.ts': { ours: ['config.ts', 'control', 'ops', 'store/store.ts', 'task'], node: true },
  'foreground.ts': { ours: ['media', 'worker', 'cli/doors.ts'], node: true },
  'reach.ts': { ours: ['config.ts', 'media', 'task', 'worker/sleep.ts'], node: true },
  'compose-control.ts': {
    ours: [
      'compose-acting.ts',
      'compose-fleet.ts',
      'config.ts',
      'meters.ts',
      'reach.ts',
      'task',
      'media',
      'worker',
      'store',
      'cluster',
      'control',
      'api',
      'ops',
    ],
    node: true,
  },
  'compose-fleet.ts': {
    ours: ['config.ts', 'media/clock.ts', 'worker/sleep.ts', 'task', 'store/store.ts', 'cluster/cluster.ts', 'control'],
    node: true,
  },
  'compose-cluster.ts': {
    ours: ['config.ts', 'media/clock.ts', 'worker/sleep.ts', 'store/store.ts', 'cluster'],
    node: true,
  },
  'compose-acting.ts': {
    ours: [
      'compose-fleet.ts',
      'config.ts',
      'media/clock.ts',
      'worker/sleep.ts',
      'store/store.ts',
      'cluster/cluster.ts',
      'control',
      'ops',
    ],
    node: false,
  },
  'compose-api.ts': {
    ours: [
      'compose-control.ts',
      'cluster/cluster.ts',
      'config.ts',
      'kept.ts',
      'looks.ts',
      'meters.ts',
      'reach.ts',
      'survey.ts',
      'media',
      'store',
      'task',
      'control',
      'api',
      'ops',
      'cli/doors.ts',
    ],
    node: true,
  },
  'main.ts': {
    ours: [
      'backup.ts',
      'compose-acting.ts',
      'compose-api.ts',
      'compose-cluster.ts',
      'compose-control.ts',
      'foreground.ts',
      'kept.ts',
      'meters.ts',
      'move-store.ts',
      'reach.ts',
      'survey.ts',
      'task',
      'media',
      'worker',
      'store',
      'cluster',
      'control',
      'api',
      'ops',
      'cli/banner.ts',
      'cli/doors.ts',
      'config.ts',
    ],
    node: true,
  },
};

/** Where each outside package may be imported, by folder or file of src/. A new dependency enters here too. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  commander: ['cli'],
  fastify: ['api', 'main.ts', 'compose-api.ts'],
  kysely: ['store'],
  pino: ['ops'],
  pg: ['store'],
  'prom-client': ['ops'],
  typebox: ['api', 'client'],
  yaml: ['cli', 'config-sources.ts'],
  'node:sqlite': ['store'],
  '@nats-io/jetstream': ['cluster'],
  '@nats-io/kv': ['cluster'],
  '@nats-io/transport-node': ['cluster'],
};

/** Child processes are told what to do in variables of their own; everything else asks the configuration. */
const READS_ENVIRONMENT = ['config.ts', 'worker/main.ts', 'worker/origin.ts', 'worker/spawn.ts'];

/** What the console is built of. */
const CONSOLE_PACKAGES = ['preact', '@preact/signals', 'mpegts.js', 'uplot', 'vite'];

const VAGUE_FILES = ['utils', 'util', 'types', 'common', 'helpers', 'helper', 'misc', 'shared', 'index'];
const VAGUE_WORDS =
  /\b(?:class|interface|type|enum)\s+(\w*(?:Manager|Handler|Service|Job|Session|Pipeline|Context|Engine|Processor|Helper|Util)s?)\b/g;

export interface SourceFile {
  /** Relative to the repository, e.g. src/task/task.ts. */
  readonly path: string;
  readonly text: string;
}

/** One sentence for every broken rule, with file and line. */
export function checkImports(files: readonly SourceFile[]): string[] {
  return files.flatMap(file => [
    ...nameProblems(file),
    ...(file.path.startsWith('src/') && !isTest(file.path)
      ? [...importProblems(file), ...environmentProblems(file)]
      : []),
    ...(file.path.startsWith('console/') && !isTest(file.path) ? consoleProblems(file) : []),
  ]);
}

/** Tests, and suites that tests run, may reach anything; nothing of ours may reach them. */
const isTest = (path: string): boolean => /\.(test|testsuite)\.ts$/.test(path);

function nameProblems({ path, text }: SourceFile): string[] {
  const stem = basename(path).split('.', 1)[0] ?? '';
  const problems = VAGUE_FILES.includes(stem) ? [`${path}: a file is named for the thing it holds, not "${stem}"`] : [];
  if (path.startsWith('src/')) {
    for (const match of withoutComments(text).matchAll(VAGUE_WORDS)) {
      problems.push(`${at(path, text, match.index)}: ${match[1]} has a name that means everything`);
    }
  }
  return problems;
}

function importProblems(file: SourceFile): string[] {
  const own = file.path.slice('src/'.length);
  const folder = own.split('/', 1)[0] ?? '';
  const rule = RULES[folder];
  if (rule === undefined) return [`${file.path}: ${folder} has no row in the import table`];
  return importsOf(file.text).flatMap(({ target, offset }) => {
    const isOfTypes = /^\s*import type\b/.test(file.text.slice(offset));
    const why = target.startsWith('.')
      ? refusalOfOurs(
          own,
          normalize(join(dirname(own), target))
            .split(sep)
            .join('/'),
          isOfTypes ? { ...rule, ours: [...rule.ours, ...(rule.types ?? [])] } : rule,
        )
      : refusalOfPackage(own, target, rule);
    return why === undefined ? [] : [`${at(file.path, file.text, offset)}: ${why}`];
  });
}

function refusalOfOurs(own: string, target: string, rule: Rule): string | undefined {
  const [folder = '', dialect] = own.split('/');
  if (target.startsWith('../')) return `src may not import ${target} from outside src`;
  if (extname(target) !== '.ts') return `"${target}" is imported without its .ts ending`;
  if (isTest(target)) return `${target} is a test`;
  if (own.includes('/') && target.startsWith(`${folder}/`)) {
    const [, other] = target.split('/');
    const crossed = folder === 'api' && own.split('/').length > 2 && target.split('/').length > 2 && other !== dialect;
    return crossed ? `one dialect may not import another (${dialect} → ${other})` : undefined;
  }
  return rule.ours.some(name => isUnder(target, name)) ? undefined : `${folder} may not import ${target}`;
}

function refusalOfPackage(own: string, target: string, rule: Rule): string | undefined {
  const folder = own.split('/', 1)[0] ?? '';
  const name = target.startsWith('node:') ? target : packageName(target);
  const allowed = PACKAGES[name];
  if (allowed !== undefined) {
    return allowed.some(place => isUnder(own, place)) ? undefined : `only ${allowed.join(', ')} may import ${name}`;
  }
  if (!target.startsWith('node:')) return `${name} is not in the table of packages`;
  return rule.node ? undefined : `${folder} may not import ${target}: it is pure`;
}

/** It is a client like any other: of the server it may know what the public API looks like, and nothing else. */
function consoleProblems({ path, text }: SourceFile): string[] {
  return importsOf(text).flatMap(({ target, offset }) => {
    const why = target.startsWith('.')
      ? refusalInConsole(
          normalize(join(dirname(path), target))
            .split(sep)
            .join('/'),
        )
      : CONSOLE_PACKAGES.includes(packageName(target))
        ? undefined
        : `${target} is not for the console`;
    return why === undefined ? [] : [`${at(path, text, offset)}: ${why}`];
  });
}

const refusalInConsole = (target: string): string | undefined =>
  target.startsWith('console/') ? undefined : `the console may not import ${target}`;

const packageName = (target: string): string => target.split('/', target.startsWith('@') ? 2 : 1).join('/');

const isUnder = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`);

function environmentProblems({ path, text }: SourceFile): string[] {
  if (READS_ENVIRONMENT.includes(path.slice('src/'.length))) return [];
  return [...withoutComments(text).matchAll(/\bprocess\.env\b/g)].map(
    match => `${at(path, text, match.index)}: only config.ts reads the environment`,
  );
}

/** Every module that the text imports, exports from, or loads at run time. */
export function importsOf(text: string): { target: string; offset: number }[] {
  const code = withoutComments(text);
  const forms = [
    /^[ \t]*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"\n]+)['"]/gm,
    /^[ \t]*import\s*['"]([^'"\n]+)['"]/gm,
    /\b(?:import|require)\s*\(\s*['"]([^'"\n]+)['"]/g,
  ];
  return forms.flatMap(form =>
    [...code.matchAll(form)].map(match => ({ target: match[1] ?? '', offset: match.index })),
  );
}

/** The text with comments blanked out, same length, strings kept. */
function withoutComments(text: string): string {
  const tokens = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(tokens, token => (/^\/[/*]/.test(token) ? token.replace(/[^\n]/g, ' ') : token));
}

const at = (path: string, text: string, offset: number): string =>
  `${path}:${text.slice(0, offset).split('\n').length + (/^\s*\n/.test(text.slice(offset)) ? 1 : 0)}`;

/** Every TypeScript file of the folders we write in. */
export function sourceFiles(root: string): SourceFile[] {
  const folders = ['src', 'test', 'scripts', 'bench', 'examples', 'console/src'].filter(folder =>
    existsSync(join(root, folder)),
  );
  return folders.flatMap(folder => {
    const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
    return entries
      .filter(entry => entry.isFile() && /\.(tsx?|mjs)$/.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name))
      .map(path => ({ path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }));
  });
}

if (import.meta.main) {
  const problems = checkImports(sourceFiles(dirname(import.meta.dirname)));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
