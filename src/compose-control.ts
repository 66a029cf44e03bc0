import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { renderAlibaba, signAlibaba } from './api/alibaba/callback.ts';
import { renderHuawei } from './api/huawei/callback.ts';
import { renderNative } from './api/native/callback.ts';
import type { Cluster } from './cluster/cluster.ts';
import { type Acting, buildActing, closeBehindWorkers, closeFirst } from './compose-acting.ts';
import { buildFleet, DIALS_PER_SECOND, type Fleet, reserving } from './compose-fleet.ts';
import { type Config, printListen } from './config.ts';
import type { Assets } from './control/assets.ts';
import { Breakpoints } from './control/breakpoints.ts';
import type { CallbackDuty } from './control/callback-duty.ts';
import { CallbackSecrets } from './control/callback-secrets.ts';
import { Callbacks } from './control/callbacks.ts';
import { Claims } from './control/claims.ts';
import { Directory } from './control/directory.ts';
import { History } from './control/history.ts';
import { Node } from './control/node.ts';
import { type Follow, Record } from './control/record.ts';
import { Signals } from './control/signals.ts';
import { Supervisor } from './control/supervisor.ts';
import { Tasks } from './control/tasks.ts';
import { timedIds } from './control/timed-ids.ts';
import { redactUrl } from './media/address.ts';
import { monotonic } from './media/clock.ts';
import { Connections } from './media/connections.ts';
import { Fault } from './media/fault.ts';
import { post } from './media/http.ts';
import type { Meters } from './meters.ts';
import type { Log } from './ops/log.ts';
import { version } from './ops/version.ts';
import { diallerOf, ownListeners } from './reach.ts';
import type { Store } from './store/store.ts';
import type { Event } from './task/event.ts';
import { codeDigest, originEdition, workerEdition } from './worker/edition.ts';
import { sleep } from './worker/sleep.ts';
import { originProcess, workerProcess } from './worker/spawn.ts';
import { processUsage } from './worker/usage.ts';

const now = Date.now;
const newId = randomUUID;

/** Where workers dial. */
export const channelOf = ({ data }: Config): string => join(data, 'control.sock');

export interface Control extends Acting {
  readonly tasks: Tasks;
  readonly assets: Assets;
  readonly callbacks: CallbackDuty;
  readonly fleet: Fleet;
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
  readonly cluster: Cluster;
  /** The name of this node. */
  readonly name: string;
  readonly log: Log;
  readonly closing: AsyncDisposableStack;
  readonly meters: Meters;
}

export function buildControl(config: Config, parts: ControlParts): Control {
  const { store, assets, cluster, name, log, closing, meters } = parts;
  const tell = controlLog(log);
  /** Those who follow what other nodes do, too. */
  const followers: readonly Follow[] = [
    (event, task) => claims.follow(event, task),
    event => scheduler.follow(event),
    (event, task, delivery) => fleet.callbacks.follow(event, task, delivery),
    (event, task) => history.follow(event, task),
    (event, task) => directory.follow(event, task),
    (event, task) => meters.follow(event, task),
  ];
  const record: Record = buildRecord(config, {
    store,
    tell,
    made: id => hearsay.made(id),
    onEvent: [event => logEvent(event, log), (event, task) => hearsay.follow(event, task), ...followers],
  });
  const breakpoints = closing.adopt(new Breakpoints({ store, now: monotonic, log: tell }), it => it.close());
  const signals = new Signals({ now: monotonic, wall: now });
  const claims: Claims = new Claims({
    node: name,
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
    carries: taskId => supervisor.carries(taskId),
    destinations: {
      take: (taskId, url) => fleet.destinations.take(taskId, url),
      leave: taskId => fleet.destinations.leave(taskId),
    },
    eager: config.eagerRecovery,
    cover: config.cover,
    now,
    sleep,
    log: tell,
  });
  const acting = buildActing(config, {
    ...{ store, cluster, name, record, claims, signals, followers, tell },
    ...{ supervisor: () => supervisor, fleet: () => fleet, node: () => node },
    begun: lateMs => meters.metrics.begun(lateMs),
  });
  const { scheduler, hearsay } = acting;
  const secrets = new CallbackSecrets({ store, now, newId, randomBytes });
  const connections = closing.adopt(new Connections(), it => it.close());
  const history = new History({ store, callbacks: { wake: () => fleet.callbacks.wake() }, now });
  const directory = new Directory({ store, redact: redactUrl, now });
  const supervisor = buildSupervisor(config, { listener: claims, log: tell });
  const node = closing.adopt(buildNode(config, { name, supervisor, signals, claims }), it => it.close());
  meters.measures({ store, claims, signals, node });
  closeBehindWorkers(closing, acting);
  closing.adopt(supervisor, it => it.close({ stopWorkers: true }));
  const fleet: Fleet = buildFleet(config, {
    ...{ store, cluster, name, closing, log: tell, node: () => node, claims: () => claims },
    ...{ supervisor: () => supervisor, transfers: () => acting.transfers },
    callbacks: () => buildCallbacks(config, { store, secrets, record, connections, meters, tell }),
  });
  closing.adopt(claims, it => it.close());
  closeFirst(closing, cluster, acting);
  const tasks = new Tasks({ store, record, breakpoints, now, newId, reserve: reserving(config, store) });
  return {
    tasks,
    ...acting,
    assets,
    callbacks: fleet.callbacks,
    fleet,
    secrets,
    history,
    directory,
    supervisor,
    claims,
    signals,
    node,
  };
}

type Tell = ReturnType<typeof controlLog>;

interface RecordParts extends Pick<ConstructorParameters<typeof Record>[0], 'store' | 'onEvent'> {
  readonly tell: Tell;
  /** Told of each id before it is stored. */
  readonly made: (id: string) => void;
}

function buildRecord({ alibabaEvents }: Config, { store, onEvent, tell, made }: RecordParts): Record {
  const nextId = timedIds({ now, randomBytes });
  return new Record({
    store,
    now,
    newId: () => {
      const id = nextId();
      made(id);
      return id;
    },
    redact: redactUrl,
    render: {
      huawei: renderHuawei,
      alibaba: renderAlibaba(alibabaEvents),
      native: renderNative({ redact: redactUrl }),
    },
    onEvent,
    log: tell,
  });
}

interface CallbackParts extends Pick<ConstructorParameters<typeof Callbacks>[0], 'store' | 'secrets'> {
  readonly record: Record;
  readonly connections: Connections;
  readonly meters: Meters;
  readonly tell: Tell;
}

function buildCallbacks(
  config: Config,
  { store, secrets, record, connections, meters, tell }: CallbackParts,
): Callbacks {
  return new Callbacks({
    ...{ store, secrets, now, sleep, log: tell, random: Math.random },
    post: poster(config, connections),
    sign: { alibaba: signAlibaba },
    redact: redactUrl,
    isBlocked: cause => cause instanceof Fault && cause.kind === 'policy',
    tell: (taskId, telling) => record.tell(taskId, telling),
    tried: ({ dialect }, { verdict, tookMs }) => meters.metrics.called({ dialect, outcome: verdict, ms: tookMs }),
  });
}

interface NodeParts extends Pick<Control, 'supervisor' | 'signals' | 'claims'> {
  readonly name: string;
}

const buildNode = ({ region }: Config, { name, supervisor, signals, claims }: NodeParts): Node =>
  new Node({
    ...{ name, version, region, supervisor, now: monotonic, usage: processUsage },
    carried: () => signals.carriedBy(claims.held.map(({ task }) => task.id)),
  });

function buildSupervisor(
  config: Config,
  { listener, log }: { readonly listener: Claims; readonly log: Tell },
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
    ...(config.nats === null ? {} : { leased: true }),
  };
  const forOrigin = { listen: rtmp === null ? '' : printListen(rtmp) };
  return new Supervisor({
    socketPath: channel,
    workers: config.role === 'api' ? 0 : config.workers,
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
