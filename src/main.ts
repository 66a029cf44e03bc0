import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { closeWithin } from './api/connection.ts';
import { banner } from './cli/banner.ts';
import type { OpenAssets, ServeOptions } from './cli/doors.ts';
import { begin } from './compose-acting.ts';
import { buildApi } from './compose-api.ts';
import { openCluster } from './compose-cluster.ts';
import { buildControl, type Control, channelOf } from './compose-control.ts';
import { BadConfig, type Config, type ListenAddress, printListen } from './config.ts';
import { Accounts } from './control/accounts.ts';
import { Assets } from './control/assets.ts';
import { atTerminal, consoleAt, openStore, setupTokenOf } from './kept.ts';
import { redactUrl } from './media/address.ts';
import { monotonic } from './media/clock.ts';
import { addressOf } from './media/file/media-path.ts';
import { probeFile } from './media/probe.ts';
import { Meters } from './meters.ts';
import { type Log, stderrLog } from './ops/log.ts';
import { type MetricsServer, serveMetrics } from './ops/metrics-server.ts';
import { version } from './ops/version.ts';
import { diallerOf, urlProblem } from './reach.ts';
import type { Store } from './store/store.ts';
import type { Actor } from './task/audit.ts';
import { sleep } from './worker/sleep.ts';
import { takeOver } from './worker/take-over.ts';

const now = Date.now;
const newId = randomUUID;

/** Runs a node until one of the signals; resolves once everything is closed, in the order of ARCHITECTURE.md. */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const { signal, handOver, replace, print, demo } = options;
  if (config.database !== null && config.nats === null)
    throw new BadConfig(['nodes that share a database agree through NATS: give --database and --nats together']);
  const log = stderrLog(config.logLevel);
  if (replace) await follow(config, { signal, log });
  if (signal.aborted) return;
  await using closing = new AsyncDisposableStack();
  const meters = new Meters(config);
  const store = closing.adopt(await openStore(config, it => meters.metrics.committed(it)), it => it.close());
  const accounts = new Accounts({ store, now, newId, randomBytes });
  if (config.givenKey !== null) await accounts.ensureKey({ ...config.givenKey, region: config.region });

  const cluster = closing.adopt(await openCluster(config, store), it => it.close({ isFollowed: handOver.aborted }));
  const control = buildControl(config, {
    store,
    assets: buildAssets(config, store, { signal }),
    cluster,
    name: config.nodeName,
    log,
    closing,
    meters,
  });
  const parts = { store, accounts, control, log, signal, demo, meters, talk: cluster, closing };
  const server = closing.adopt(buildApi(config, parts), closeApi);

  await meters.alarms.load(store);
  await control.tenure.start();
  await control.supervisor.start();
  await begin(config, cluster, control, closing);
  control.fleet.start();
  const api = await listen(server, config.listen);
  control.fleet.listens(api);
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
async function letGo(server: FastifyInstance, { scheduler, supervisor, claims, parting }: Control): Promise<void> {
  parting.follow();
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
export { moveStore } from './move-store.ts';
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
    checkUrl: url => urlProblem(url, 'asset', config),
    now,
    randomBytes,
    noting: { store, now, newId, redact: redactUrl },
    ...(by === undefined ? {} : { by }),
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
