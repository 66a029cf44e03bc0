import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { renderAlibaba, signAlibaba } from './api/alibaba/callback.ts';
import { REGIONS } from './api/alibaba/regions.ts';
import { closeWithin } from './api/connection.ts';
import { renderHuawei } from './api/huawei/callback.ts';
import { renderNative } from './api/native/callback.ts';
import { buildServer } from './api/server.ts';
import { RollingThrottle } from './api/throttle.ts';
import { banner } from './cli/banner.ts';
import type { OpenAssets, ServeOptions } from './cli/doors.ts';
import { SingleCluster } from './cluster/single.ts';
import { type Config, type ListenAddress, printListen } from './config.ts';
import { Accounts } from './control/accounts.ts';
import { ApiKeys } from './control/api-keys.ts';
import { Assets } from './control/assets.ts';
import { Audit } from './control/audit.ts';
import { Breakpoints } from './control/breakpoints.ts';
import { CallbackSecrets } from './control/callback-secrets.ts';
import { Callbacks } from './control/callbacks.ts';
import { Claims } from './control/claims.ts';
import { Directory } from './control/directory.ts';
import { History } from './control/history.ts';
import { Housekeeping } from './control/housekeeping.ts';
import { Node } from './control/node.ts';
import { onAirOf } from './control/on-air.ts';
import { Plans } from './control/plan.ts';
import { Record } from './control/record.ts';
import { Scheduler } from './control/scheduler.ts';
import { SignIns } from './control/sign-ins.ts';
import { Signals } from './control/signals.ts';
import { Supervisor } from './control/supervisor.ts';
import { Tasks } from './control/tasks.ts';
import { timedIds } from './control/timed-ids.ts';
import { atTerminal, consoleAt, openStore, setupOf, setupTokenOf } from './kept.ts';
import { eyesOf, proberOf } from './looks.ts';
import { checkUrl, redactUrl } from './media/address.ts';
import { monotonic } from './media/clock.ts';
import { Connections } from './media/connections.ts';
import { Fault } from './media/fault.ts';
import { addressOf, isMediaUrl, mediaUrlProblem } from './media/file/media-path.ts';
import { post } from './media/http.ts';
import { Dialler } from './media/net.ts';
import { SINK_SCHEMES, SOURCE_SCHEMES } from './media/open.ts';
import { probeFile } from './media/probe.ts';
import type { ProbeUrlOptions } from './media/probe-url.ts';
import { Meters } from './meters.ts';
import { type Log, stderrLog } from './ops/log.ts';
import { type MetricsServer, serveMetrics } from './ops/metrics-server.ts';
import { version } from './ops/version.ts';
import type { Store } from './store/store.ts';
import { diagnose } from './survey.ts';
import { assetUrlProblem, isAssetUrl } from './task/asset.ts';
import type { Actor } from './task/audit.ts';
import type { Event } from './task/event.ts';
import { codeDigest, originEdition, workerEdition } from './worker/edition.ts';
import { sleep } from './worker/sleep.ts';
import { originProcess, workerProcess } from './worker/spawn.ts';
import { takeOver } from './worker/take-over.ts';
import { processUsage } from './worker/usage.ts';

const SCHEMES = {
  live: SOURCE_SCHEMES,
  file: [...SOURCE_SCHEMES, 'media', 'asset'],
  asset: ['http', 'https', 'media'],
  destination: SINK_SCHEMES,
  callback: ['http', 'https'],
} as const;

const now = Date.now;
const newId = randomUUID;

/** Runs a node until one of the signals; resolves once everything is closed, in the order of ARCHITECTURE.md. */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const { signal, handOver, replace, print, demo } = options;
  const log = stderrLog(config.logLevel);
  if (replace) await follow(config, { signal, log });
  if (signal.aborted) return;
  await using closing = new AsyncDisposableStack();
  const meters = new Meters(config);
  const store = closing.adopt(await openStore(config, it => meters.metrics.committed(it)), it => it.close());
  const accounts = new Accounts({ store, now, newId, randomBytes });
  if (config.givenKey !== null) await accounts.ensureKey({ ...config.givenKey, region: config.region });

  const cluster = closing.adopt(new SingleCluster(newId()), it => it.close());
  await cluster.join();
  const control = buildControl(config, {
    store,
    assets: buildAssets(config, store, { signal }),
    cluster,
    log,
    closing,
    meters,
  });
  const server = closing.adopt(buildApi(config, { store, accounts, control, log, signal, demo, meters }), closeApi);

  await meters.alarms.load(store);
  await control.supervisor.start();
  control.scheduler.start();
  control.callbacks.start();
  control.housekeeping.start();
  const api = await listen(server, config.listen);
  if (config.metrics.listen !== null)
    closing.adopt(await tellMetrics(config.metrics.listen, meters, log), it => it.close());
  const rtmp = control.supervisor.originAddress;
  const setupToken = await setupTokenOf({ store, accounts });
  announce(config, { api, rtmp, print, setupToken, banner: options.banner ?? banner });
  closing.defer(() => forget(config));
  await aborted(AbortSignal.any([signal, handOver]));
  log.info(handOver.aborted ? 'handing over' : 'stopping');
  if (handOver.aborted) await letGo(server, control);
}

/** Before the store is opened: what the former control process has still to store is to be there. */
async function follow(config: Config, { signal, log }: { signal: AbortSignal; log: Log }): Promise<void> {
  const pid = await takeOver(channelOf(config), { now: monotonic, sleep, signal });
  if (pid !== undefined) log.info({ pid }, 'took over from the former control process');
}

/** Leaves the workers to whoever follows, and tells the record whatever they have said up to then. */
async function letGo(server: FastifyInstance, { scheduler, supervisor, claims }: Control): Promise<void> {
  await closeApi(server);
  await scheduler.close();
  await supervisor.close({ stopWorkers: false });
  await claims.told();
}

export { backup, restore } from './backup.ts';
/** So that a command can check a callback by the rules it was signed by. */
export { verifyWebhook } from './control/webhook.ts';
export { probePush, probeUrl, tryRelay } from './foreground.ts';
export { openAccounts } from './kept.ts';
export { diagnose } from './survey.ts';

/** Opens what the commands on media assets need, with what it takes to look a file through. */
export async function openAssets(config: Config, options: { readonly signal: AbortSignal }): Promise<OpenAssets> {
  const store = await openStore(config);
  return {
    assets: buildAssets(config, store, { signal: options.signal, by: atTerminal() }),
    addressOf: (text, cwd) => addressOf(text, { cwd, mediaDir: config.media ?? undefined }),
    close: () => store.close(),
  };
}

interface AssetsWish {
  readonly signal: AbortSignal;
  readonly by?: Actor;
}

function buildAssets(config: Config, store: Store, { signal, by }: AssetsWish): Assets {
  const dialler = diallerOf(config);
  const mediaDir = config.media ?? undefined;
  return new Assets({
    store,
    probe: url => probeFile(url, { dialler, mediaDir, signal, sleep, now: monotonic }),
    checkUrl: url => fileProblem(url, 'asset', config),
    now,
    randomBytes,
    noting: { store, now, newId, redact: redactUrl },
    ...(by === undefined ? {} : { by }),
  });
}

/** The control process's own way out: to receivers, and to what is looked at before it goes on air. */
const diallerOf = (config: Config): Dialler =>
  new Dialler({
    preset: config.network,
    forbidden: ownListeners(config),
    ...(config.ca === null ? {} : { ca: readFileSync(config.ca, 'utf8') }),
  });

/** Addresses of files: of this machine, named by an asset, or of a server. */
function fileProblem(url: string, role: 'file' | 'asset', { media, network, srtListen }: Config): string | undefined {
  if (isMediaUrl(url)) return mediaUrlProblem(url, media);
  if (role === 'file' && isAssetUrl(url)) return assetUrlProblem(url);
  return checkUrl(url, { schemes: SCHEMES[role], policy: network, listens: srtListen ?? undefined });
}

/** Where workers dial. */
const channelOf = ({ data }: Config): string => join(data, 'control.sock');

interface Control {
  readonly tasks: Tasks;
  readonly assets: Assets;
  readonly scheduler: Scheduler;
  readonly callbacks: Callbacks;
  readonly housekeeping: Housekeeping;
  readonly secrets: CallbackSecrets;
  readonly history: History;
  readonly directory: Directory;
  readonly supervisor: Supervisor;
  readonly claims: Claims;
  readonly signals: Signals;
  readonly node: Node;
}

interface ControlParts {
  readonly store: Store;
  readonly assets: Assets;
  readonly cluster: SingleCluster;
  readonly log: Log;
  readonly closing: AsyncDisposableStack;
  readonly meters: Meters;
}

function buildControl(config: Config, { store, assets, cluster, log, closing, meters }: ControlParts): Control {
  const tell = controlLog(log);
  const timedId = timedIds({ now, randomBytes });
  const record: Record = new Record({
    store,
    now,
    newId: timedId,
    redact: redactUrl,
    render: {
      huawei: renderHuawei,
      alibaba: renderAlibaba(config.alibabaEvents),
      native: renderNative({ redact: redactUrl }),
    },
    onEvent: [
      event => logEvent(event, log),
      (event, task) => claims.follow(event, task),
      event => scheduler.follow(event),
      (event, task, delivery) => callbacks.follow(event, task, delivery),
      (event, task) => history.follow(event, task),
      (event, task) => directory.follow(event, task),
      (event, task) => meters.follow(event, task),
    ],
    log: tell,
  });
  const breakpoints = closing.adopt(new Breakpoints({ store, now: monotonic, log: tell }), it => it.close());
  const signals = new Signals({ now: monotonic, wall: now });
  const claims: Claims = new Claims({
    signals: {
      note: report => {
        signals.note(report);
        meters.tally.note(report);
      },
    },
    store,
    record,
    cluster,
    assets,
    breakpoints,
    place: order => supervisor.place(order),
    stop: (taskId, epoch) => supervisor.stop(taskId, epoch),
    eager: config.eagerRecovery,
    cover: config.cover,
    now,
    sleep,
    log: tell,
  });
  const begun = (lateMs: number): void => meters.metrics.begun(lateMs);
  const scheduler: Scheduler = new Scheduler({ store, record, claims, now, sleep, log: tell, begun });
  const secrets = new CallbackSecrets({ store, now, newId, randomBytes });
  const connections = closing.adopt(new Connections(), it => it.close());
  const callbacks: Callbacks = new Callbacks({
    ...{ store, secrets, now, sleep, log: tell, random: Math.random },
    post: poster(config, connections),
    sign: { alibaba: signAlibaba },
    redact: redactUrl,
    isBlocked: cause => cause instanceof Fault && cause.kind === 'policy',
    tell: (taskId, telling) => record.tell(taskId, telling),
    tried: ({ dialect }, { verdict, tookMs }) => meters.metrics.called({ dialect, outcome: verdict, ms: tookMs }),
  });
  const { keepEventsMs } = config;
  const housekeeping = new Housekeeping({ store, keepEventsMs, now, sleep, log: tell });
  const history = new History({ store, callbacks, now });
  const directory = new Directory({ store, redact: redactUrl, now });
  const supervisor = buildSupervisor(config, { listener: claims, log: tell });
  const node = closing.adopt(buildNode(config, { supervisor, signals }), it => it.close());
  meters.measures({ store, claims, signals, node });
  closing.adopt(supervisor, it => it.close({ stopWorkers: true }));
  closing.adopt(housekeeping, it => it.close());
  closing.adopt(callbacks, it => it.close());
  closing.adopt(claims, it => it.close());
  closing.adopt(scheduler, it => it.close());
  const tasks = new Tasks({ store, record, breakpoints, now, newId });
  return {
    tasks,
    assets,
    scheduler,
    callbacks,
    housekeeping,
    secrets,
    history,
    directory,
    supervisor,
    claims,
    signals,
    node,
  };
}

const buildNode = ({ region }: Config, { supervisor, signals }: Pick<Control, 'supervisor' | 'signals'>): Node =>
  new Node({
    ...{ name: hostname(), version, region, supervisor, now: monotonic, usage: processUsage },
    carried: () => signals.carried,
  });

/**
 * How many runs of this node may dial a destination host within a second while it answers none of them. The promise is
 * 20, as the host sees them: some come closer together than they left.
 */
const DIALS_PER_SECOND = 18;

function buildSupervisor(
  config: Config,
  { listener, log }: { readonly listener: Claims; readonly log: ReturnType<typeof controlLog> },
): Supervisor {
  const channel = channelOf(config);
  const shared = { channel, logFolder: join(config.data, 'log'), cacheFolder: join(config.data, 'cache') };
  const { rtmp, network, media, ca, srtListen } = config;
  const dialsPerSecond = DIALS_PER_SECOND / config.workers;
  const forWorkers = {
    network,
    forbidden: ownListeners(config),
    mediaFolder: media ?? undefined,
    dialsPerSecond,
    ca: ca ?? undefined,
    listens: srtListen ?? undefined,
  };
  const forOrigin = { listen: rtmp === null ? '' : printListen(rtmp) };
  return new Supervisor({
    socketPath: channel,
    workers: config.workers,
    spawn: slot => workerProcess({ ...shared, ...forWorkers, slot }),
    ...(rtmp === null ? {} : { spawnOrigin: () => originProcess({ ...shared, ...forOrigin, slot: 0 }) }),
    editions: { worker: workerEdition(codeDigest(), forWorkers), origin: originEdition(forOrigin) },
    listener,
    now: monotonic,
    log,
    childrenFile: join(config.data, 'children.json'),
  });
}

function poster(config: Config, connections: Connections): ConstructorParameters<typeof Callbacks>[0]['post'] {
  const dialler = diallerOf(config);
  return (request, options) => post(dialler, request, { ...options, connections });
}

/** What control tells of itself: a line with a cause is a warning. */
function controlLog(log: Log): (message: string, facts: { readonly [name: string]: unknown }) => void {
  return (message, { cause, ...facts }) => {
    if (cause === undefined) log.info(facts, message);
    else log.warn({ ...facts, err: cause }, message);
  };
}

/** The operator's account of a task: a line an event, a warning where the picture is at stake. */
function logEvent({ taskId, seq, type, from, to, epoch, reason, cause, detail }: Event, log: Log): void {
  const { alarm, set } = detail;
  const facts = { taskId, seq, from, to, epoch, cause, reason, ...(type === 'alarm' ? { alarm, set } : {}) };
  if (type === 'broke' || type === 'gaveUp' || (type === 'alarm' && set !== false)) log.warn(facts, `task ${type}`);
  else log.info(facts, `task ${type}`);
}

/** What is looked at before it is on air: within the node's network policy. */
const looking = (config: Config): Omit<ProbeUrlOptions, 'signal'> => ({
  dialler: diallerOf(config),
  mediaDir: config.media ?? undefined,
  sleep,
  now: monotonic,
});

const targetsOf =
  (accounts: Accounts) =>
  async (domain: string, accountId: string): Promise<string | undefined> =>
    (await accounts.findDomain(domain, accountId))?.target;

interface ApiParts {
  readonly signal: AbortSignal;
  readonly store: Store;
  readonly accounts: Accounts;
  readonly control: Control;
  readonly log: Log;
  readonly demo: ServeOptions['demo'];
  readonly meters: Meters;
}

/** Each goes out to wherever the caller says. */
const TESTS_PER_MINUTE = 10;

function buildApi(config: Config, { store, accounts, control, log, signal, demo, meters }: ApiParts): FastifyInstance {
  return buildServer({
    tasks: control.tasks,
    accounts,
    checkUrl: (url, role) =>
      role === 'file'
        ? fileProblem(url, role, config)
        : checkUrl(url, { schemes: SCHEMES[role], policy: config.network, listens: config.srtListen ?? undefined }),
    now,
    newId,
    region: config.region,
    throttles: {
      alibaba: new RollingThrottle({ callsPerSecond: config.callsPerSecond.alibaba, now: monotonic }),
      huawei: new RollingThrottle({ callsPerSecond: config.callsPerSecond.huawei, now: monotonic }),
      native: new RollingThrottle({ callsPerSecond: config.callsPerSecond.native, now: monotonic }),
    },
    alibaba: { regions: [...REGIONS, config.region], endMovesOnAir: config.alibabaEndOnAir === 'free' },
    native: {
      history: control.history,
      apiKeys: new ApiKeys({ store, accounts, now, newId, randomBytes }),
      assets: control.assets,
      audit: new Audit(store),
      signIns: new SignIns({ store, now, newId, randomBytes }),
      setup: setupOf({ store, accounts }),
      ...(config.consoleUrl === null ? {} : { consoleUrl: config.consoleUrl }),
      callbacks: control.callbacks,
      secrets: control.secrets,
      redact: redactUrl,
      directory: control.directory,
      fareOf: task => {
        const health = control.claims.runOf(task.id);
        return { health, onAir: onAirOf(task, health, { rates: control.signals.ratesOf(task.id), now: now() }) };
      },
      node: control.node.name,
      nodeFacts: () => control.node.facts,
      signals: control.signals,
      show: (...wish) => control.supervisor.show(...wish),
      version,
      testThrottle: new RollingThrottle({ callsPerSecond: TESTS_PER_MINUTE, windowMs: 60_000, now: monotonic }),
      probe: proberOf({ ...looking(config), signal }),
      ...(demo === undefined ? {} : { demo }),
      plans: new Plans({ ...control, targetOf: targetsOf(accounts), eyes: eyesOf(looking(config)), now, signal }),
      diagnose: () => diagnose(config, { isServing: true, signal }),
      monotonic,
      metrics: meters.metrics,
    },
    log,
    answered: answer => meters.metrics.answered(answer),
    health: {
      facts: () => ({ version, pid: process.pid, ...control.supervisor.totals }),
      reasons: async () => [
        ...(await store.checkWritable().then(
          () => [],
          error => [`the store cannot be written: ${error instanceof Error ? error.message : error}`],
        )),
        ...(control.supervisor.ready ? [] : ['not every worker is connected']),
      ],
    },
  });
}

/** A request whose sender is slow does not hold the node. */
const closeApi = (server: FastifyInstance): Promise<void> => closeWithin(server, 1_000);

async function listen(server: FastifyInstance, { host, port }: ListenAddress): Promise<string> {
  await server.listen({ host, port });
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('the API has no address');
  return `http://${printListen({ host, port: address.port })}`;
}

async function tellMetrics(address: ListenAddress, { metrics }: Meters, log: Log): Promise<MetricsServer> {
  const server = await serveMetrics({ ...address, metrics, log });
  log.info({ address: printListen({ ...address, port: server.port }) }, 'metrics are told');
  return server;
}

/** The API and the metrics as relays must not reach them. A port chosen by the system is not known when the workers start. */
const ownListeners = ({ listen, metrics }: Config): string[] =>
  [listen, metrics.listen].flatMap(address => (address === null || address.port === 0 ? [] : [printListen(address)]));

interface Addresses {
  readonly setupToken: string | undefined;
  readonly api: string;
  readonly rtmp: string | undefined;
  readonly print: (text: string) => void;
  readonly banner: typeof banner;
}

function announce(config: Config, { api, rtmp, print, setupToken, banner: said }: Addresses): void {
  print(said({ version, data: config.data, api, rtmp, console: consoleAt(config, api), setupToken }));
  if (config.readyFile === null) return;
  const facts = { version, pid: process.pid, api, ...(rtmp === undefined ? {} : { rtmp }), data: config.data };
  const draft = `${config.readyFile}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(facts)}\n`);
  renameSync(draft, config.readyFile);
}

/** Not the one that another control process has written in our place. */
function forget({ readyFile }: Config): void {
  if (readyFile !== null && readyPid(readyFile) === process.pid) rmSync(readyFile, { force: true });
}

function readyPid(file: string): unknown {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly pid?: unknown }).pid;
  } catch {
    return undefined;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
