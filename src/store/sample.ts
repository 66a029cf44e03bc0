import type { AccessKey } from '../task/account.ts';
import type { Occurrence } from '../task/event.ts';
import type { TaskSpec } from '../task/spec.ts';
import { apply, newTask, type Step, type Task } from '../task/task.ts';
import type { Change, Delivery } from './store.ts';

/** Made-up rows for the tests of a store. Every address and secret carries the canary, to look for it on disk. */
export const CANARY = 'canary-7f3a91';
export const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

let made = 0;
export const newId = (): string => `id-${String(made++).padStart(8, '0')}`;

export const sampleSpec = (change: Partial<TaskSpec> = {}): TaskSpec => ({
  dialect: 'huawei',
  name: '',
  region: 'cn-north-4',
  source: { kind: 'live', url: `rtmp://src.example/live/${CANARY}` },
  standby: [`rtmp://standby.example/live/${CANARY}`],
  destination: { kind: 'url', url: `rtmp://dst.example/live/${CANARY}`, args: `key=${CANARY}` },
  startAt: NOW,
  endAt: NOW + HOUR_MS,
  callback: { url: `http://cb.example/${CANARY}`, events: ['TaskStart'] },
  enabled: true,
  retry: null,
  echo: {},
  ...change,
});

export interface Sample {
  readonly projectId?: string;
  readonly createdAt?: number;
  readonly spec?: Partial<TaskSpec>;
}

export function sampleTask({ projectId = 'p1', createdAt = NOW, spec = {} }: Sample = {}): Change {
  const seed = { id: newId(), accountId: 'default', projectId, spec: sampleSpec(spec) };
  return changeOf(newTask({ ...seed, now: createdAt, eventId: newId() }));
}

export const changeOf = ({ task, event }: Step, deliveries: readonly Delivery[] = []): Change => ({
  task,
  events: [event],
  deliveries,
});

/** A decision for `Store.change`: the occurrence by the rules of a task, with a delivery where asked for. */
export const telling =
  (type: Occurrence['type'], deliver: 'deliver' | 'quiet' = 'quiet') =>
  (task: Task): Change | undefined => {
    const occurrence: Occurrence = { type, cause: 'run', reason: `${type} ${CANARY}`, detail: { url: CANARY } };
    const step = apply(task, occurrence, { now: NOW, eventId: newId() });
    if (step === undefined) return undefined;
    return changeOf(step, deliver === 'deliver' ? [sampleDelivery(step)] : []);
  };

type Told = { readonly task: Step['task']; readonly event: Pick<Step['event'], 'id' | 'seq' | 'type'> };

export const sampleDelivery = ({ task, event }: Told): Delivery => ({
  id: newId(),
  taskId: task.id,
  accountId: task.accountId,
  projectId: task.projectId,
  eventId: event.id,
  eventType: event.type,
  endpoint: 'endpoint-1',
  seq: event.seq,
  dialect: task.spec.dialect,
  url: `http://cb.example/${CANARY}`,
  key: `key${CANARY}`,
  contentType: 'application/json',
  body: JSON.stringify({ event: event.type, key: CANARY }),
  createdAt: NOW,
  attempts: 0,
  nextAt: NOW,
  state: 'waiting',
  lastError: '',
  holdsUntil: null,
  settledAt: null,
  log: [],
});

export const sampleKey = (change: Partial<AccessKey> = {}): AccessKey => ({
  accessKey: `AK${newId()}`,
  secretKey: `secret-${CANARY}`,
  accountId: 'default',
  projectId: 'p1',
  enabled: true,
  createdAt: NOW,
  userId: null,
  policies: null,
  token: null,
  expiresAt: null,
  ...change,
});
