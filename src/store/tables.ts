import type { Generated } from 'kysely';
import type { Actor } from '../task/audit.ts';
import type { EventType } from '../task/event.ts';
import type { DialectName } from '../task/spec.ts';
import type { Status } from '../task/status.ts';
import type { NodeState } from './node-store.ts';
import type { Delivery } from './store.ts';

/**
 * The database as Kysely sees it. What is filtered or ordered by stands in plain columns; `sealed` holds the rest of
 * the row as sealed JSON. Times are epoch milliseconds, switches 0 or 1.
 */
export interface Tables {
  tasks: TaskRow;
  events: EventRow;
  deliveries: DeliveryRow;
  accounts: AccountRow;
  access_keys: AccessKeyRow;
  users: UserRow;
  policies: PolicyRow;
  projects: ProjectRow;
  tokens: TokenRow;
  domains: DomainRow;
  assets: AssetRow;
  endpoints: EndpointRow;
  callback_secrets: CallbackSecretRow;
  api_keys: ApiKeyRow;
  creations: CreationRow;
  audit: AuditRow;
  sign_ins: SignInRow;
  setup_links: SetupLinkRow;
  nodes: NodeRow;
  duties: DutyRow;
  destinations: DestinationRow;
  nonces: NonceRow;
  meta: MetaRow;
  schema_version: { version: number };
}

export interface TaskRow {
  id: string;
  account_id: string;
  project_id: string;
  dialect: string;
  region: string;
  status: Status;
  moved_by: EventType;
  enabled: number;
  deleted: number;
  start_at: number;
  end_at: number;
  epoch: number;
  seq: number;
  version: number;
  list_version: number;
  created_at: number;
  started_at: number | null;
  exited_at: number | null;
  /** `dueAt` of task/due.ts, kept beside the row so that the scheduler's question is one range of one index. */
  due_at: number | null;
  /** Whose run may still be on air; "" where nobody's is. */
  node: string;
  /** SealedTask */
  sealed: Uint8Array;
  /** The break point, sealed apart, because it is written every second. */
  breakpoint: Uint8Array | null;
}

export interface EventRow {
  /** Rises with the commits, over all tasks. */
  n: Generated<number>;
  id: string;
  account_id: string;
  project_id: string;
  task_id: string;
  seq: number;
  type: EventType;
  at: number;
  epoch: number;
  cause: string;
  from_status: Status;
  to_status: Status;
  /** SealedEvent */
  sealed: Uint8Array;
}

export interface DeliveryRow {
  n: Generated<number>;
  id: string;
  task_id: string;
  account_id: string;
  project_id: string;
  event_id: string;
  event_type: EventType;
  endpoint: string;
  seq: number;
  dialect: DialectName;
  content_type: string;
  created_at: number;
  attempts: number;
  next_at: number;
  state: Delivery['state'];
  last_error: string;
  holds_until: number | null;
  settled_at: number | null;
  /** JSON array of Attempt. */
  log: string;
  /** SealedDelivery */
  sealed: Uint8Array;
}

export interface AccountRow {
  id: string;
  created_at: number;
  live: number;
}

export interface AccessKeyRow {
  access_key: string;
  account_id: string;
  project_id: string;
  enabled: number;
  created_at: number;
  /** The secret key itself. */
  sealed: Uint8Array;
  user_id: string | null;
  /** JSON array of names. */
  policies: string | null;
  /** The token itself, sealed. */
  token: Uint8Array | null;
  expires_at: number | null;
  last_used_at: number | null;
}

export interface UserRow {
  id: string;
  account_id: string;
  name: string;
  password_hash: string;
  created_at: number;
  enabled: number;
  /** JSON array of names. */
  policies: string;
}

export interface PolicyRow {
  account_id: string;
  name: string;
  /** PolicyDocument as JSON */
  document: string;
}

export interface ProjectRow {
  id: string;
  account_id: string;
  name: string;
}

export interface TokenRow {
  hash: string;
  user_id: string;
  account_id: string;
  project_id: string;
  issued_at: number;
  expires_at: number;
}

export interface DomainRow {
  name: string;
  target: string;
  account_id: string;
}

export interface AssetRow {
  id: string;
  account_id: string;
  created_at: number;
  /** Address and probe. */
  sealed: Uint8Array;
}

export interface EndpointRow {
  id: string;
  account_id: string;
  failing_since: number;
  paused_at: number | null;
  last_error: string;
  /** The address. */
  sealed: Uint8Array;
}

export interface CallbackSecretRow {
  id: string;
  account_id: string;
  created_at: number;
  retires_at: number | null;
  /** The secret itself. */
  sealed: Uint8Array;
}

export interface CreationRow {
  account_id: string;
  /** Hashes, of the key and of the whole wish. */
  key: string;
  wish: string;
  task_id: string;
  at: number;
}

export interface ApiKeyRow {
  id: string;
  hash: string;
  account_id: string;
  project_id: string;
  name: string;
  enabled: number;
  created_at: number;
  expires_at: number | null;
  user_id: string | null;
  /** JSON array of names. */
  policies: string | null;
  last_used_at: number | null;
}

export interface AuditRow {
  /** Rises with the commits. */
  n: Generated<number>;
  id: string;
  account_id: string;
  project_id: string;
  at: number;
  actor_kind: Actor['kind'];
  actor_id: string;
  action: string;
  target: string;
  /** SealedEntry */
  sealed: Uint8Array;
}

export interface SignInRow {
  hash: string;
  id: string;
  user_id: string;
  account_id: string;
  created_at: number;
  seen_at: number;
  remote: string;
  agent: string;
}

export interface SetupLinkRow {
  hash: string;
  expires_at: number;
  used_at: number | null;
}

export interface NodeRow {
  name: string;
  incarnation: string;
  region: string;
  version: string;
  /** JSON of whatever the node tells of itself. */
  facts: string;
  state: NodeState;
  /** Counts renewals, of all incarnations. */
  renewals: number;
  /** By the database's clock. */
  seen_at: number;
}

export interface DutyRow {
  name: string;
  node: string;
  incarnation: string;
  renewals: number;
  /** By the database's clock. */
  seen_at: number;
}

export interface DestinationRow {
  /** A digest of the push address. */
  address: string;
  task_id: string;
  since: number;
}

export interface NonceRow {
  /** A digest of access key and nonce. */
  mark: string;
  until: number;
}

/**
 * `writable`: counts the checks that a write succeeds. `assets`: counts the changes of assets. `seal`: a sealed word that
 * tells a wrong key at once. `installation`: the installation's id, sealed.
 */
export interface MetaRow {
  name: 'writable' | 'assets' | 'seal' | 'installation';
  count: number;
  sealed: Uint8Array | null;
}
