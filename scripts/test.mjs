// `npm test`: from a fresh clone to the verdict. Installs what is missing, runs the check, then the product's tests.
// `npm run test:cluster`: the product's tests once more, with all data in PostgreSQL and NATS between the nodes.
// Plain JavaScript for any Node ≥ 20, because it runs before the project's own Node is there.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './console.mjs';
import { dialectFiles, FEW_ON_CLUSTER, FEW_ON_TWO, FEW_TRIALS, filesOnCluster } from './on-cluster.mjs';
import { installPackages } from './packages.mjs';

/** They take about forty minutes on two quiet cores; a busy machine is no reason to fail. */
const LIMIT_MS = 80 * 60 * 1000;
/** All of it once more, and all trials. */
const CLUSTER_LIMIT_MS = 90 * 60 * 1000;

/** What the product tests need of Debian: the package, and the file by which it is known to be there. */
const NEEDED = [
  { name: 'ffmpeg', file: 'ffmpeg', why: 'sends and judges media' },
  { name: 'nginx', file: 'nginx', why: 'an RTMP peer that is not ours' },
  { name: 'libnginx-mod-rtmp', file: '/usr/lib/nginx/modules/ngx_rtmp_module.so', why: "that peer's RTMP" },
  { name: 'chromium', file: 'chromium', why: 'opens the console' },
  { name: 'fonts-wqy-microhei', file: '/usr/share/fonts/truetype/wqy/wqy-microhei.ttc', why: 'writes its Chinese' },
  { name: 'srt-tools', file: 'srt-live-transmit', why: 'speaks SRT' },
  { name: 'python3-gi', file: '/usr/share/doc/python3-gi', why: 'starts an RTSP server that is not ours' },
  { name: 'gir1.2-gst-rtsp-server-1.0', file: '/usr/share/doc/gir1.2-gst-rtsp-server-1.0', why: 'that RTSP server' },
  { name: 'gstreamer1.0-plugins-good', file: '/usr/share/doc/gstreamer1.0-plugins-good', why: 'what it sends' },
  { name: 'gstreamer1.0-plugins-bad', file: '/usr/share/doc/gstreamer1.0-plugins-bad', why: 'what it reads of a film' },
  { name: 'nats-server', file: 'nats-server', why: 'agrees for several nodes who does what' },
  { name: 'postgresql-15', file: '/usr/lib/postgresql/15/bin/postgres', why: 'keeps the data of several nodes' },
];

/** The needed packages that are not there, by the places programs are looked for in. */
export function missingPackages(needed, places) {
  return needed.filter(
    ({ file }) =>
      ![file, ...places.map(place => join(place, file))].some(path => path.startsWith('/') && existsSync(path)),
  );
}

/** Tests by outcome over the reports of vitest. A report that is not there, or a file that would not load, counts as failed. */
export function tally(reports) {
  let passed = 0;
  let failed = 0;
  const skipped = [];
  for (const report of reports) {
    const tests = (report?.testResults ?? []).flatMap(file => file.assertionResults);
    const count = status => tests.filter(test => test.status === status).length;
    passed += count('passed');
    const broken = count('failed');
    failed += broken > 0 ? broken : report?.success === true ? 0 : 1;
    skipped.push(...tests.filter(test => !['passed', 'failed'].includes(test.status)).map(test => test.fullName));
  }
  return { passed, failed, skipped };
}

/** So many files with a failure may have met a busy machine; more of them are a broken product. */
const MOST_AGAIN = 5;

/** The files worth a second look, alone. */
export function worthAgain(report) {
  const files = (report?.testResults ?? []).filter(({ status }) => status === 'failed').map(({ name }) => name);
  return files.length <= MOST_AGAIN ? files : [];
}

/** The first report with the files of the second in their place, and the names of the tests that only passed then. */
export function settle(first, second) {
  const again = new Map((second?.testResults ?? []).map(file => [file.name, file]));
  const failed = new Set(namesOf(first.testResults, 'failed'));
  const testResults = first.testResults.map(file => again.get(file.name) ?? file);
  const success = testResults.every(({ status }) => status === 'passed');
  return {
    report: { success, testResults },
    unsteady: namesOf([...again.values()], 'passed').filter(name => failed.has(name)),
  };
}

const namesOf = (files, status) =>
  files.flatMap(file => file.assertionResults.filter(test => test.status === status).map(test => test.fullName));

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Programs of root stand in /usr/sbin, which a user's PATH may lack. */
const placesOf = env => [...(env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function installDebianPackages(missing) {
  // RUNLEVEL=1 keeps the packages from starting their servers: the tests start their own.
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-qq'];
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const run = args => {
    const [command, ...rest] = [...prefix, ...apt, ...args];
    return spawnSync(command, rest, { stdio: ['ignore', 2, 2] }).status === 0;
  };
  if (prefix.length > 0 && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) return;
  console.error(`Debian packages: installing ${missing.map(({ name }) => name).join(', ')}`);
  spawnSync(...withPrefix(prefix, ['sh', '-c', NO_MAIN_CLUSTER]), { stdio: ['ignore', 2, 2] });
  run(['update']);
  const keepOurs = ['-o', 'Dpkg::Options::=--force-confold'];
  run(['install', '-y', '--no-install-recommends', ...keepOurs, ...missing.map(({ name }) => name)]);
}

/** PostgreSQL's packages would make a database for the machine; the tests make their own. */
const NO_MAIN_CLUSTER = `conf=/etc/postgresql-common/createcluster.conf
[ -e $conf ] || { mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' > $conf; }`;

function withPrefix(prefix, command) {
  const [program, ...args] = [...prefix, ...command];
  return [program, args];
}

/** Sees to the Debian packages; answers those that are still missing. */
function seeToDebianPackages() {
  const places = placesOf(process.env);
  const missing = missingPackages(NEEDED, places);
  if (missing.length === 0) return [];
  installDebianPackages(missing);
  return missingPackages(NEEDED, places);
}

function tellMissing(missing) {
  console.error(
    'The product tests need what is not here and could not be installed (that takes root, or sudo without a password):',
  );
  for (const { name, why } of missing) console.error(`  ${name}  (${why})`);
  console.error(`Install it with: apt-get install ${missing.map(({ name }) => name).join(' ')}`);
}

async function main(what) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const startedAt = performance.now();
  const installed = installPackages(root);
  if (installed !== 0) return installed;
  const built = buildConsole(root);
  if (built !== 0) return built;

  const missing = seeToDebianPackages();
  if (missing.length > 0) {
    tellMissing(missing);
    // A build machine must not call the half of it a success; a person may still want to see the rest.
    if (process.env.CI) return 1;
  }

  const node = join(root, 'node_modules', 'node', 'bin', 'node');
  const limitMs = what === 'cluster' ? CLUSTER_LIMIT_MS : LIMIT_MS;
  const run = (args, env) => runBefore(startedAt + limitMs, { node, args, root, env });
  const stages = what === 'cluster' ? onCluster(root) : [...ALONE_STAGES, ...FEW_STAGES];
  const checked = what === 'cluster' || (await check(run, root));
  const results = [];
  for (const stage of stages) results.push(await testStage(run, root, stage));

  const reports = [...(what === 'cluster' ? [] : [readReport(unitReport(root))]), ...results.map(it => it.report)];
  const { passed, failed, skipped } = tally(reports);
  for (const name of results.flatMap(it => it.unsteady))
    console.error(`unsteady, failed beside others and passed alone: ${name}`);
  for (const name of skipped) console.error(`skipped, which counts as failed: ${name}`);
  // A step of the check that is no test (format, types, imports, documents) counts as one.
  const failures = failed + skipped.length + (!checked && failed === 0 ? 1 : 0);
  if (missing.length > 0) tellMissing(missing);
  console.log(`${passed} passed, ${failures} failed`);
  return checked && results.every(it => it.tested) && failures === 0 && missing.length === 0 ? 0 : 1;
}

const unitReport = root => join(root, 'coverage', 'unit-tests.json');

function check(run, root) {
  rmSync(unitReport(root), { force: true });
  return run(['scripts/check.ts']);
}

const ALONE_STAGES = [{ name: 'product', project: 'product', files: [] }];

const TRIALS = { name: 'trials of several nodes', project: 'cluster', files: [] };

/** The cloud dialects with each second request at another node. Each test starts two: fewer of them at once. */
const onTwo = files => ({
  ...{ name: 'on two nodes', project: 'product', files, configuration: '2' },
  flags: ['--maxWorkers=2', '--maxConcurrency=2'],
});

/** All that starts a node, on PostgreSQL and NATS. */
const onCluster = root => [
  { name: 'on a cluster', project: 'product', files: filesOnCluster(root), configuration: '1' },
  onTwo(dialectFiles(root)),
  TRIALS,
];

/** What of it everybody has time for. */
const FEW_STAGES = [
  { name: 'a few on a cluster', project: 'product', files: FEW_ON_CLUSTER, configuration: '1' },
  onTwo(FEW_ON_TWO),
  { ...TRIALS, files: FEW_TRIALS },
];

/** The tests of a stage. What fails is run once more, alone, and told: many servers at once are much for a small machine. */
async function testStage(run, root, { name, project, files, flags = [], configuration = '' }) {
  const path = join(root, 'coverage', `${name.replaceAll(' ', '-')}-tests.json`);
  rmSync(path, { force: true });
  console.log(`tests: ${name}`);
  const runTests = rest =>
    run(
      [
        join('node_modules', 'vitest', 'vitest.mjs'),
        ...['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${path}`, ...rest],
      ],
      { TEST_CLUSTER: configuration },
    );
  const tested = await runTests([...flags, ...files]);
  const first = readReport(path);
  const again = tested ? [] : worthAgain(first);
  if (again.length === 0) return { tested, report: first, unsteady: [] };
  console.error(`once more, alone: ${again.join(', ')}`);
  const testedAgain = await runTests(['--maxWorkers=1', '--no-file-parallelism', ...again]);
  return { tested: testedAgain, ...settle(first, readReport(path)) };
}

/** Runs a program as a group of its own, so that a signal or the deadline ends whatever it has started too. */
function runBefore(deadline, { node, args, root, env = {} }) {
  const own = { ...environment(root), ...env };
  const child = spawn(node, args, { cwd: root, stdio: 'inherit', env: own, detached: true });
  const end = signal => process.kill(-child.pid, signal);
  const timer = setTimeout(() => {
    console.error('the tests have taken all the time that they may take');
    end('SIGKILL');
  }, deadline - performance.now());
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, end);
  return new Promise(resolve => {
    child.on('exit', code => {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, end);
      resolve(code === 0);
    });
  });
}

/** The project's Node first, and nothing of this machine's own node configured. */
function environment(root) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'));
  const path = [join(root, 'node_modules', '.bin'), ...placesOf(process.env)].join(delimiter);
  const plain = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
  return { ...Object.fromEntries(kept), ...plain, PATH: path };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv[2]);
