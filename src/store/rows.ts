import type { Insertable, Selectable } from 'kysely';
import type { AccessKey, Account, Domain, Token, User } from '../task/account.ts';
import { dueAt } from '../task/due.ts';
import type { Cause, Event } from '../task/event.ts';
import type { Breakpoint } from '../task/playlist.ts';
import type { Policy, PolicyDocument } from '../task/policy.ts';
import type { TaskSpec } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import { type KeptSource, toSource } from './kept-source.ts';
import type { Seal } from './seal.ts';
import type { Delivery, LoggedEvent, Numbered } from './store.ts';
import type {
  AccessKeyRow,
  AccountRow,
  DeliveryRow,
  DomainRow,
  EventRow,
  PolicyRow,
  TaskRow,
  TokenRow,
  UserRow,
} from './tables.ts';

/** Rows to model and back. What was sealed was written here, so it is trusted once it has opened. */
interface SealedTask extends Pick<Task, 'spec' | 'reason' | 'cause' | 'alarms' | 'pushEpoch' | 'movedAt' | 'jump'> {}

/** What a task is without that was stored before these fields were there. */
const EARLIER_SPEC = { name: '', retry: null, echo: {} } as const;
type KeptTask = Pick<SealedTask, 'reason'> & {
  readonly cause?: Cause;
  readonly alarms?: Task['alarms'];
  readonly pushEpoch?: number;
  readonly movedAt?: number;
  readonly jump?: Task['jump'];
  readonly spec: Omit<TaskSpec, keyof typeof EARLIER_SPEC | 'source'> &
    Partial<Pick<TaskSpec, keyof typeof EARLIER_SPEC>> & { readonly source: KeptSource };
};

interface SealedEvent extends Pick<Event, 'reason' | 'detail' | 'pushEpoch' | 'position' | 'version'> {}

/** What an event is without that was stored before these fields were there. */
const EARLIER_EVENT = { pushEpoch: 0, position: null, version: 1 } as const;
type KeptEvent = Pick<SealedEvent, 'reason' | 'detail'> & Partial<SealedEvent>;

interface SealedDelivery {
  readonly url: string;
  readonly body: string;
  /** Absent in rows of earlier versions, which signed nothing. */
  readonly key?: string;
}

export function toTaskRow(seal: Seal, task: Task): TaskRow {
  const { spec, reason, cause, alarms, pushEpoch, movedAt, jump, breakpoint } = task;
  const kept: SealedTask = { spec, reason, cause, alarms, pushEpoch, movedAt, jump };
  return {
    id: task.id,
    account_id: task.accountId,
    project_id: task.projectId,
    dialect: spec.dialect,
    region: spec.region,
    status: task.status,
    moved_by: task.movedBy,
    enabled: spec.enabled ? 1 : 0,
    deleted: task.status === 'exited' && task.movedBy === 'deleted' ? 1 : 0,
    start_at: spec.startAt,
    end_at: spec.endAt,
    epoch: task.epoch,
    seq: task.seq,
    version: task.version,
    list_version: task.listVersion,
    created_at: task.createdAt,
    started_at: task.startedAt,
    exited_at: task.exitedAt,
    due_at: dueAt(task),
    node: task.node,
    sealed: seal.close(`tasks/${task.id}`, JSON.stringify(kept)),
    breakpoint: breakpoint && sealBreakpoint(seal, task.id, breakpoint),
  };
}

export const sealBreakpoint = (seal: Seal, taskId: string, breakpoint: Breakpoint): Uint8Array =>
  seal.close(`tasks/${taskId}/breakpoint`, JSON.stringify(breakpoint));

const openBreakpoint = (seal: Seal, taskId: string, sealed: Uint8Array): Breakpoint =>
  JSON.parse(seal.open(`tasks/${taskId}/breakpoint`, sealed)) as Breakpoint;

/** What was sealed of a task, as it is now. */
export type OpenedTask = Pick<Task, 'spec' | 'reason' | 'cause' | 'alarms' | 'pushEpoch' | 'jump'> & {
  readonly movedAt?: number;
};

export function openTask(seal: Seal, row: Pick<TaskRow, 'id' | 'sealed'>): OpenedTask {
  const kept = JSON.parse(seal.open(`tasks/${row.id}`, row.sealed)) as KeptTask;
  const { reason, cause = 'system', alarms = [], pushEpoch = 0, jump = null, movedAt } = kept;
  const spec = { ...EARLIER_SPEC, ...kept.spec, source: toSource(kept.spec.source) };
  return { spec, reason, cause, alarms, pushEpoch, jump, ...(movedAt === undefined ? {} : { movedAt }) };
}

export const toTask = (seal: Seal, row: TaskRow): Task => taskOf(seal, row, openTask(seal, row));

export function taskOf(seal: Seal, row: TaskRow, opened: OpenedTask): Task {
  const { spec, reason, cause, alarms, pushEpoch, jump, movedAt } = opened;
  return {
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    spec,
    status: row.status,
    reason,
    movedBy: row.moved_by,
    cause,
    epoch: row.epoch,
    pushEpoch,
    seq: row.seq,
    version: row.version,
    listVersion: row.list_version,
    jump,
    breakpoint: row.breakpoint && openBreakpoint(seal, row.id, row.breakpoint),
    alarms,
    createdAt: row.created_at,
    movedAt: movedAt ?? row.exited_at ?? row.started_at ?? row.created_at,
    startedAt: row.started_at,
    exitedAt: row.exited_at,
    node: row.node,
  };
}

export function toEventRow(seal: Seal, event: Event, { accountId, projectId }: Owner): Insertable<EventRow> {
  const { reason, detail, pushEpoch, position, version } = event;
  const kept: SealedEvent = { reason, detail, pushEpoch, position, version };
  return {
    id: event.id,
    account_id: accountId,
    project_id: projectId,
    task_id: event.taskId,
    seq: event.seq,
    type: event.type,
    at: event.at,
    epoch: event.epoch,
    cause: event.cause,
    from_status: event.from,
    to_status: event.to,
    sealed: seal.close(`events/${event.id}`, JSON.stringify(kept)),
  };
}

type Owner = Pick<Task, 'accountId' | 'projectId'>;

export function toEvent(seal: Seal, row: Selectable<EventRow>): Event {
  const kept = JSON.parse(seal.open(`events/${row.id}`, row.sealed)) as KeptEvent;
  return {
    ...{ ...EARLIER_EVENT, ...kept },
    id: row.id,
    taskId: row.task_id,
    seq: row.seq,
    type: row.type,
    at: row.at,
    epoch: row.epoch,
    cause: row.cause as Cause,
    from: row.from_status,
    to: row.to_status,
  };
}

export const toLoggedEvent = (seal: Seal, row: Selectable<EventRow>): LoggedEvent => ({
  ...toEvent(seal, row),
  n: row.n,
  accountId: row.account_id,
  projectId: row.project_id,
});

export function toDeliveryRow(seal: Seal, delivery: Delivery): Insertable<DeliveryRow> {
  const { url, body, key } = delivery;
  const kept: SealedDelivery = { url, body, key };
  return {
    id: delivery.id,
    task_id: delivery.taskId,
    account_id: delivery.accountId,
    project_id: delivery.projectId,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    endpoint: delivery.endpoint,
    seq: delivery.seq,
    dialect: delivery.dialect,
    content_type: delivery.contentType,
    created_at: delivery.createdAt,
    attempts: delivery.attempts,
    next_at: delivery.nextAt,
    state: delivery.state,
    last_error: delivery.lastError,
    holds_until: delivery.holdsUntil,
    settled_at: delivery.settledAt,
    log: JSON.stringify(delivery.log),
    sealed: seal.close(`deliveries/${delivery.id}`, JSON.stringify(kept)),
  };
}

export function toDelivery(seal: Seal, row: Selectable<DeliveryRow>): Delivery & Numbered {
  const { url, body, key = '' } = JSON.parse(seal.open(`deliveries/${row.id}`, row.sealed)) as SealedDelivery;
  return {
    n: row.n,
    id: row.id,
    taskId: row.task_id,
    accountId: row.account_id,
    projectId: row.project_id,
    eventId: row.event_id,
    eventType: row.event_type,
    endpoint: row.endpoint,
    seq: row.seq,
    dialect: row.dialect,
    url,
    key,
    contentType: row.content_type,
    body,
    createdAt: row.created_at,
    attempts: row.attempts,
    nextAt: row.next_at,
    state: row.state,
    lastError: row.last_error,
    holdsUntil: row.holds_until,
    settledAt: row.settled_at,
    log: JSON.parse(row.log) as Delivery['log'],
  };
}

export const toAccountRow = ({ id, createdAt, live }: Account): AccountRow => ({
  id,
  created_at: createdAt,
  live: live ? 1 : 0,
});

export const toAccount = (row: AccountRow): Account => ({
  id: row.id,
  createdAt: row.created_at,
  live: row.live === 1,
});

export const toAccessKeyRow = (seal: Seal, key: AccessKey): AccessKeyRow => ({
  access_key: key.accessKey,
  account_id: key.accountId,
  project_id: key.projectId,
  enabled: key.enabled ? 1 : 0,
  created_at: key.createdAt,
  sealed: seal.close(`access_keys/${key.accessKey}`, key.secretKey),
  user_id: key.userId,
  policies: key.policies && JSON.stringify(key.policies),
  token: key.token === null ? null : seal.close(`access_keys/${key.accessKey}/token`, key.token),
  expires_at: key.expiresAt,
  last_used_at: null,
});

export const toAccessKey = (seal: Seal, row: AccessKeyRow): AccessKey => ({
  accessKey: row.access_key,
  secretKey: seal.open(`access_keys/${row.access_key}`, row.sealed),
  accountId: row.account_id,
  projectId: row.project_id,
  enabled: row.enabled === 1,
  createdAt: row.created_at,
  userId: row.user_id,
  policies: row.policies === null ? null : readNames(row.policies),
  token: row.token && seal.open(`access_keys/${row.access_key}/token`, row.token),
  expiresAt: row.expires_at,
});

const readNames = (text: string): readonly string[] => JSON.parse(text) as readonly string[];

export const toUserRow = (user: User): UserRow => ({
  id: user.id,
  account_id: user.accountId,
  name: user.name,
  password_hash: user.passwordHash,
  created_at: user.createdAt,
  enabled: user.enabled ? 1 : 0,
  policies: JSON.stringify(user.policies),
});

export const toUser = (row: UserRow): User => ({
  id: row.id,
  name: row.name,
  accountId: row.account_id,
  passwordHash: row.password_hash,
  createdAt: row.created_at,
  enabled: row.enabled === 1,
  policies: readNames(row.policies),
});

export const toPolicyRow = ({ accountId, name, document }: Policy): PolicyRow => ({
  account_id: accountId,
  name,
  document: JSON.stringify(document),
});

export const toPolicy = (row: PolicyRow): Policy => ({
  accountId: row.account_id,
  name: row.name,
  document: JSON.parse(row.document) as PolicyDocument,
});

export const toDomain = ({ name, target, account_id }: DomainRow): Domain => ({ name, target, accountId: account_id });

export const toTokenRow = (token: Token): TokenRow => ({
  hash: token.hash,
  user_id: token.userId,
  account_id: token.accountId,
  project_id: token.projectId,
  issued_at: token.issuedAt,
  expires_at: token.expiresAt,
});

export const toToken = (row: TokenRow): Token => ({
  hash: row.hash,
  userId: row.user_id,
  accountId: row.account_id,
  projectId: row.project_id,
  issuedAt: row.issued_at,
  expiresAt: row.expires_at,
});
