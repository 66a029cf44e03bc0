import { randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { REGIONS } from './api/alibaba/regions.ts';
import { buildServer } from './api/server.ts';
import { SharedThrottle, type Talk } from './api/shared-throttle.ts';
import { RollingThrottle, type Throttle } from './api/throttle.ts';
import type { ServeOptions } from './cli/doors.ts';
import type { Control } from './compose-control.ts';
import type { Config } from './config.ts';
import type { Accounts } from './control/accounts.ts';
import { ApiKeys } from './control/api-keys.ts';
import { Audit } from './control/audit.ts';
import { onAirOf } from './control/on-air.ts';
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
import type { DialectName } from './task/spec.ts';

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
  readonly talk: Talk;
  readonly closing: AsyncDisposableStack;
}

/** Each goes out to wherever the caller says. */
const TESTS_PER_MINUTE = 10;

/** Of one dialect: the limits of an account hold for all nodes together. */
function throttleOf(name: DialectName, config: Config, { talk, closing }: ApiParts): Throttle {
  const callsPerSecond = config.callsPerSecond[name];
  const own = new RollingThrottle({ callsPerSecond, now: monotonic });
  if (config.nats === null || callsPerSecond === 0) return own;
  return closing.adopt(new SharedThrottle({ name, own, talk }), it => it.close());
}

export function buildApi(config: Config, parts: ApiParts): FastifyInstance {
  const { store, accounts, control, log, signal, demo, meters } = parts;
  return buildServer({
    tasks: control.tasks,
    accounts,
    checkUrl: (url, role) => urlProblem(url, role, config),
    now,
    newId,
    region: config.region,
    throttles: {
      alibaba: throttleOf('alibaba', config, parts),
      huawei: throttleOf('huawei', config, parts),
      native: throttleOf('native', config, parts),
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
        const health = control.fares.runOf(task.id);
        return { health, onAir: onAirOf(task, health, { rates: control.signals.ratesOf(task.id), now: now() }) };
      },
      node: control.node.name,
      nodes: control.fleet.roster,
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
        ...(control.tenure.holds ? [] : ['this node has no lease: the others are not reached, nor is the database']),
        ...(control.supervisor.ready ? [] : ['not every worker is connected']),
      ],
    },
  });
}
