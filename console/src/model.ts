/** The shapes of the public API that the console reads, as docs/native-api.md tells them. */

export type Status = 'scheduled' | 'running' | 'recovering' | 'stopped' | 'exited';

export interface ListItem {
  readonly url: string;
  readonly in_s?: number;
  readonly out_s?: number;
  readonly repeats?: number;
  readonly video_track?: number;
  readonly audio_track?: number;
}

export type Boundary = 'inline' | 'republish' | 'reject';
export type OnChange = 'new_source' | 'file_start' | 'breakpoint';

export interface LiveSource {
  readonly kind: 'live';
  readonly url: string;
  readonly tls?: unknown;
}

export interface ListSource {
  readonly kind: 'list';
  readonly items: readonly ListItem[];
  readonly rounds: number | 'endless';
  readonly start_index?: number;
  readonly start_s?: number;
  readonly boundary?: Boundary;
  readonly silence?: boolean;
  readonly on_change?: OnChange;
}

export type Destination =
  | { readonly kind: 'url'; readonly url: string; readonly tls?: unknown }
  | {
      readonly kind: 'ingest';
      readonly domain: string;
      readonly app: string;
      readonly stream: string;
      readonly args?: string;
      readonly tls?: unknown;
    };

export interface TaskStatus {
  readonly word: Status;
  readonly since: string | null;
  readonly reason: string;
  readonly side: 'source' | 'destination' | null;
  readonly attempt: number;
  readonly next_retry_at: string | null;
  readonly last_error: {
    readonly at: string;
    readonly side: string;
    readonly kind: string;
    readonly message: string;
  } | null;
  readonly alarms: readonly string[];
}

export interface Rate {
  readonly kbit: number | null;
  readonly fps: number | null;
}

export interface OnAir {
  readonly source: { readonly index: number; readonly url: string; readonly pinned?: boolean } | null;
  readonly on_slate: boolean;
  readonly item: {
    readonly index: number;
    readonly round: number;
    readonly rounds: number | 'endless' | null;
    readonly url: string;
    readonly position_s: number | null;
    readonly duration_s: number | null;
  } | null;
  readonly next: { readonly index: number; readonly url: string } | null;
  readonly in: Rate;
  readonly out: Rate;
  readonly queue_s: number;
  readonly held_s?: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly reconnects: { readonly source: number; readonly destination: number };
  readonly push_epoch: number;
  readonly since: string | null;
  readonly media_s: number;
  readonly node: string;
}

export interface Task {
  readonly id: string;
  readonly project_id: string;
  readonly dialect: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly region: string;
  readonly source: LiveSource | ListSource;
  readonly standby: readonly string[];
  readonly destination: Destination;
  readonly start_at: string | null;
  readonly end_at: string | null;
  readonly enabled: boolean;
  readonly callback: { readonly url: string; readonly events: readonly string[] } | null;
  readonly retry: { readonly count: number; readonly interval_s: number } | null;
  readonly delay_s: number | null;
  readonly slate: string | null;
  readonly version: number;
  readonly created_at: string;
  readonly status: TaskStatus;
  readonly on_air: OnAir | null;
}

export interface TaskPage {
  readonly tasks: readonly Task[];
  readonly next: string | null;
  readonly total?: number;
}

export interface TaskEvent {
  readonly id: string;
  readonly cursor?: string;
  readonly task_id: string;
  readonly project_id: string;
  readonly seq: number;
  readonly type: string;
  readonly time: string;
  readonly cause: string;
  readonly from: Status;
  readonly to: Status;
  readonly reason: string;
  readonly epoch: number;
  readonly push_epoch: number;
  readonly position: { readonly round: number; readonly index: number; readonly offset_ms: number } | null;
  readonly version: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Delivery {
  readonly id: string;
  readonly task_id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly seq: number;
  readonly dialect: string;
  readonly endpoint: string;
  readonly url: string;
  readonly state: 'waiting' | 'delivered' | 'dead';
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly last_error: string;
  readonly created_at: string;
  readonly settled_at: string | null;
  readonly log: readonly {
    readonly at: string;
    readonly took_ms: number;
    readonly status: number | null;
    readonly error: string;
  }[];
}

export interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly failing_since: string;
  readonly paused_at: string | null;
  readonly last_error: string;
}

export interface Track {
  readonly codec: string;
  readonly codec_string?: string;
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  readonly bitrate_kbit?: number;
  readonly sample_rate?: number;
  readonly channels?: number;
  readonly b_frames?: boolean;
  readonly key_frames?: { readonly count: number; readonly longest_gap_ms: number };
}

export interface Verdict {
  readonly copies: 'yes' | 'change' | 'no';
  readonly because: string;
}

export interface Probed {
  readonly ok: boolean;
  readonly kind?: string;
  readonly error?: string;
  readonly protocol?: string;
  readonly opened_in_ms?: number;
  readonly took_ms?: number;
  readonly duration_ms?: number;
  readonly bitrate_kbit?: number;
  readonly video?: Track | null;
  readonly audio?: Track | null;
  readonly verdicts?: Readonly<Record<string, Verdict>>;
  readonly notes?: readonly unknown[];
}

export interface Signal {
  readonly step_s: number;
  readonly from: string | null;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (number | null)[] | null)[];
}

export interface Node {
  readonly name: string;
  readonly version: string;
  readonly region: string;
  readonly presence: 'present' | 'silent' | 'gone';
  readonly wanted: 'active' | 'cordoned' | 'draining';
  readonly self: boolean;
  readonly runs: number;
  readonly capacity: number;
  readonly load: number;
  readonly duties: readonly string[];
  readonly clock_offset_s: number | null;
  readonly uptime_s: number | null;
  readonly tasks: { readonly running: number; readonly recovering: number; readonly scheduled: number };
  readonly workers: readonly {
    readonly pid: number | null;
    readonly runs: number;
    readonly cpu: number | null;
    readonly rss_mb: number | null;
  }[];
  readonly kbit_in: number;
  readonly kbit_out: number;
  readonly state: string;
}

export type Role = 'viewer' | 'operator' | 'admin';

export interface Visitor {
  readonly user: string | null;
  readonly account: string | null;
  readonly role: Role | null;
  readonly actions: readonly string[];
  readonly csrf: string | null;
  readonly setup_needed: boolean;
  readonly demo: boolean;
}

export interface AuditEntry {
  readonly id: string;
  readonly cursor: string;
  readonly time: string;
  readonly actor: { readonly kind: string; readonly id: string; readonly name: string; readonly remote: string };
  readonly request_id: string;
  readonly action: string;
  readonly target: string;
  readonly project_id: string;
  readonly changes: Readonly<Record<string, { readonly before?: unknown; readonly after?: unknown }>>;
}

export interface User {
  readonly name: string;
  readonly role: Role | null;
  readonly policies: readonly string[];
  readonly enabled: boolean;
  readonly created_at: string;
}

export interface AccessKey {
  readonly id: string;
  readonly kind: 'api' | 'access';
  readonly name: string;
  readonly project_id: string | null;
  readonly user: string | null;
  readonly policies: readonly string[] | null;
  readonly enabled: boolean;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

export interface NewKey extends AccessKey {
  readonly token: string | null;
  readonly secret_key: string | null;
  readonly security_token: string | null;
}

export interface SignIn {
  readonly id: string;
  readonly user: string;
  readonly created_at: string;
  readonly seen_at: string;
  readonly remote: string;
  readonly agent: string;
  readonly current: boolean;
}

export interface Domain {
  readonly name: string;
  readonly target: string;
}

export interface Asset {
  readonly id: string;
  readonly url: string;
  readonly created_at: string;
  readonly probe: Readonly<Record<string, unknown>> | null;
}
