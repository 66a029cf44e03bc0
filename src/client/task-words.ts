/** A task as a node takes and prints it, in its own words. */

export interface Tls {
  readonly ca?: string;
  readonly pins?: readonly string[];
  readonly server_name?: string;
}

export interface ListItem {
  readonly url: string;
  readonly in_s?: number;
  readonly out_s?: number;
  readonly repeats?: number;
  readonly video_track?: number;
  readonly audio_track?: number;
}

export interface LiveSource {
  readonly kind: 'live';
  readonly url: string;
  readonly tls?: Tls;
}

export interface ListSource {
  readonly kind: 'list';
  readonly items: readonly ListItem[];
  readonly rounds?: number | 'endless';
  readonly start_index?: number;
  readonly start_s?: number;
  readonly boundary?: 'inline' | 'republish' | 'reject';
  readonly silence?: boolean;
  readonly on_change?: 'new_source' | 'file_start' | 'breakpoint';
}

export type Destination =
  | { readonly kind: 'url'; readonly url: string; readonly tls?: Tls }
  | {
      readonly kind: 'ingest';
      readonly domain: string;
      readonly app: string;
      readonly stream: string;
      readonly args?: string;
      readonly tls?: Tls;
    };

/** What its owner wants; what is left out is as the node has it. */
export interface TaskWish {
  readonly id?: string;
  readonly project_id?: string;
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly region?: string;
  readonly source: LiveSource | ListSource;
  readonly standby?: readonly string[];
  readonly destination: Destination;
  readonly start_at?: string;
  readonly end_at?: string | null;
  readonly enabled?: boolean;
  readonly callback?: { readonly url: string; readonly events?: readonly string[] } | null;
  readonly retry?: { readonly count: number; readonly interval_s: number } | null;
  readonly delay_s?: number | null;
  readonly slate?: string | null;
}

/** The destination, the project and the id are chosen when a task is made. */
export type TaskChange = Partial<Omit<TaskWish, 'id' | 'project_id' | 'destination'>>;

export interface TaskStatus {
  readonly word: 'scheduled' | 'running' | 'recovering' | 'stopped' | 'exited';
  readonly since: string;
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

interface Flow {
  readonly kbit: number | null;
  readonly fps: number | null;
}

export interface OnAir {
  readonly source: { readonly index: number; readonly url: string; readonly pinned: boolean } | null;
  readonly on_slate: boolean;
  readonly item: {
    readonly index: number;
    readonly round: number;
    readonly rounds: number | 'endless';
    readonly url: string;
    readonly position_s: number;
    readonly duration_s: number | null;
  } | null;
  readonly next: { readonly index: number; readonly url: string } | null;
  readonly in: Flow;
  readonly out: Flow;
  readonly queue_s: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly reconnects: { readonly source: number; readonly destination: number };
  readonly push_epoch: number;
  readonly since: string;
  readonly media_s: number;
  readonly node: string;
}

export interface Task extends Required<TaskWish> {
  readonly dialect: 'native' | 'huawei' | 'alibaba';
  readonly version: number;
  readonly created_at: string;
  readonly status: TaskStatus;
  readonly on_air: OnAir | null;
}

export interface TaskPage {
  readonly tasks: readonly Task[];
  readonly next: string | null;
  readonly total: number;
}

export interface Plan {
  readonly starts_at: string;
  readonly ends_at: string | null;
  readonly sources: readonly {
    readonly field: string;
    readonly url: string;
    readonly found: {
      readonly kind: string;
      readonly duration_s: number | null;
      readonly bitrate_kbit: number | null;
      readonly video: { readonly codec: string; readonly width?: number; readonly height?: number } | null;
      readonly audio: { readonly codec: string } | null;
    } | null;
    readonly error: { readonly kind: string; readonly message: string } | null;
  }[];
  readonly timeline: readonly {
    readonly round: number;
    readonly index: number;
    readonly repeat: number;
    readonly in_s: number;
    readonly out_s: number;
    readonly starts_at: string;
    readonly ends_at: string;
  }[];
  readonly timeline_is_whole: boolean;
  readonly cut_by_end: boolean;
  readonly joints: readonly {
    readonly from: number;
    readonly to: number;
    readonly kind: string;
    readonly because: string;
  }[];
  readonly warnings: readonly { readonly code: string; readonly field: string; readonly message: string }[];
}
