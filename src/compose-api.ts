import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { SharedNonces } from './api/alibaba/nonces.ts';
import { REGIONS } from './api/alibaba/regions.ts';
import type { Peers } from './api/peers.ts';
import { buildServer } from './api/server.ts';
import { RollingThrottle } from './api/throttle.ts';
import type { ServeOptions } from './cli/doors.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { Control } from './compose-control.ts';
import type { Config } from './config.ts';
import type { Accounts } from './control/accounts.ts';
import { ApiKeys } from './control/api-keys.ts';
import { Audit } from './control/audit.ts';
import { onAirOf } from './control/on-air.ts';
import { Pictures } from './control/pictures.ts';
import { Plans } from './control/plan.ts';
import { SignIns } from './control/sign-ins.ts';
import { setupOf } from './kept.ts';
import { eyesOf, proberOf } from './looks.ts';
import { redactUrl } from './media/address.ts';
import { monotonic } from './media/clock.ts';
import type { Meters } from './meters.ts';
import type { Log } from './ops/log.ts';
import { version } from './ops/version.ts';
import { looking, urlProblem } from './reach.ts';
import type { Store } from './store/store.ts';
import { diagnose } from './survey.ts';

const now = Date.now;
const newId = randomUUID;

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
  /** How it talks to other nodes. */
  readonly talk: Pick<Cluster, 'members' | 'say' | 'hear'>;
  readonly closing: AsyncDisposableStack;
}

/** Each goes out to wherever the caller says. */
const TESTS_PER_MINUTE = 10;

/** How far what nodes know of each other's calls may be behind: so long may each of them let through a burst. */
const GATHER_MS = 200;

/** Undefined where a node is by itself for good. */
function peersOf({ nats, nodeName }: Config, { talk, closing }: ApiParts): Peers | undefined {
  if (nats === null) return undefined;
  return {
    gatherMs: GATHER_MS,
    get arePresent() {
      return talk.members.some(({ name, presence }) => name !== nodeName && presence !== 'gone');
    },
    say: (topic, message) => talk.say(topic, message),
    hear: (topic, heard) => closing.defer(talk.hear(topic, heard)),
  };
}

/** Of the tasks of all nodes. Another node is believed by whoever the system believes, and by the given certificates. */
const buildPictures = ({ ca, nodeName: node }: Config, { store, control, talk }: ApiParts): Pictures =>
  new Pictures({
    ...{ node, store, cluster: talk, now },
    here: (taskId, look) => control.supervisor.show(taskId, look),
    ...(ca === null ? {} : { ca: [...rootCertificates, readFileSync(ca, 'utf8')] }),
  });

/** The limits of an account hold for all nodes together. */
const throttlesFor =
  (peers: Peers | undefined) =>
  (topic: string, callsPerSecond: number, windowMs = 1_000): RollingThrottle => {
    const shared = peers && { peers, topic: `calls-${topic}` };
    return new RollingThrottle({ callsPerSecond, windowMs, now: monotonic, shared });
  };

export function buildApi(config: Config, parts: ApiParts): FastifyInstance {
  const { store, accounts, control, log, signal, demo, meters } = parts;
  const pictures = buildPictures(config, parts);
  const peers = peersOf(config, parts);
  const throttle = throttlesFor(peers);
  return buildServer({
    tasks: control.tasks,
    accounts,
    checkUrl: (url, role) => urlProblem(url, role, config),
    now,
    newId,
    region: config.region,
    throttles: {
      alibaba: throttle('alibaba', config.callsPerSecond.alibaba),
      huawei: throttle('huawei', config.callsPerSecond.huawei),
      native: throttle('native', config.callsPerSecond.native),
    },
    ...(peers === undefined ? {} : { peers, nonces: new SharedNonces({ store, now }) }),
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
        const health = control.fares.runOf(task.id);
        return { health, onAir: onAirOf(task, health, { rates: control.signals.ratesOf(task.id), now: now() }) };
      },
      node: control.node.name,
      nodes: control.fleet.roster,
      signals: control.signals,
      show: (taskId, look, isNeighbour) => (isNeighbour ? control.supervisor : pictures).show(taskId, look),
      vouches: (token, taskId) => pictures.vouches(token, taskId),
      version,
      testThrottle: throttle('tests', TESTS_PER_MINUTE, 60_000),
      probe: proberOf({ ...looking(config), signal }),
      ...(demo === undefined ? {} : { demo }),
      plans: new Plans({ ...control, targetOf: targetsOf(accounts), eyes: eyesOf(looking(config)), now, signal }),
      diagnose: () => diagnose(config, { isServing: true, signal }),
      monotonic,
      metrics: meters.metrics,
    },
    log,
    isMute: config.role === 'relay',
    answered: answer => meters.metrics.answered(answer),
    health: {
      facts: () => ({
        ...{ version, pid: process.pid },
        ...control.supervisor.totals,
        ...(config.nats === null ? {} : { nats: control.earshot.word }),
      }),
      reasons: async () => [
        ...(await store.checkWritable().then(
          () => [],
          error => [`the store cannot be written: ${error instanceof Error ? error.message : error}`],
        )),
        ...(control.tenure.holds ? [] : ['this node has no lease: the others are not reached, nor is the database']),
        ...(control.supervisor.ready ? [] : ['not every worker is connected']),
      ],
    },
  });
}
