// Which product tests mean something else where nodes keep their data in PostgreSQL: those that start a node or an API.
// Plain JavaScript, as scripts/test.mjs is.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** What every test reaches that starts a node or an API. */
const SHARED = join('test', 'lab', 'shared-servers.ts');

/** What is about data that lies in one directory, or about one node. */
export const ALONE = {
  'test/backup.test.ts': 'backup and restore copy the SQLite file; PostgreSQL has its own',
};

/** Of them, what `npm test` runs so: one of each kind. `npm run test:cluster` runs them all. */
export const FEW_ON_CLUSTER = [
  'test/callbacks.test.ts',
  'test/edits.test.ts',
  'test/events.test.ts',
  'test/kill.test.ts',
  'test/native-tasks.test.ts',
  'test/playout.test.ts',
  'test/policies.test.ts',
  'test/relay.test.ts',
];

/** The trials of several nodes that `npm test` runs: what may never go wrong. The others take as long again. */
export const FEW_TRIALS = ['bad-start', 'fence', 'freeze', 'kill', 'leave', 'partition'].map(
  name => `test/cluster/${name}.test.ts`,
);

/** Paths below the root, in order. */
export function filesOnCluster(root) {
  const all = testsIn(root, 'test').filter(path => !path.startsWith(join('test', 'cluster')));
  return all.filter(path => !(path in ALONE) && reaches(root, path)).sort();
}

/** Of the cloud dialects' tests those that start no media: the others need twice as many processes as they have cores. */
export const FEW_ON_TWO = [
  'test/alibaba-gateway.test.ts',
  'test/alibaba-inputs-taken.test.ts',
  'test/alibaba-inputs.test.ts',
  'test/alibaba-throttle.test.ts',
  'test/huawei-inputs.test.ts',
  'test/huawei.test.ts',
];

/** Those of the two cloud dialects: their requests are spread over two nodes. */
export const dialectFiles = root =>
  filesOnCluster(root).filter(path => /test\/(huawei|alibaba)[^/]*\.test\.ts$/.test(path));

const testsIn = (root, folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => join(folder, name));

/** Whether the file imports that one, over however many others. */
function reaches(root, path) {
  const seen = new Set();
  const open = [path];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === SHARED) return true;
    if (seen.has(next) || !existsSync(join(root, next))) continue;
    seen.add(next);
    open.push(...importsOf(root, next));
  }
  return false;
}

const read = new Map();

/** Each file is read once, however many tests come by it. */
function importsOf(root, path) {
  const file = join(root, path);
  if (!read.has(file)) read.set(file, importsIn(readFileSync(file, 'utf8'), dirname(path)));
  return read.get(file);
}

const importsIn = (text, folder) =>
  [...text.matchAll(/(?:from|import) '(\.[^']+)'/g)].map(([, to]) => normalize(join(folder, to)));
