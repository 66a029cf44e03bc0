
/** A live stream, or a list of video files played as one. */
export type SourceSpec = LiveSource | ListSource;

export interface LiveSource {
  readonly kind: 'live';
  readonly url: string;
}

export interface ListSource {
  readonly kind: 'list';
  readonly urls: readonly string[];
  /** Times the whole list is played; `endless` until endAt. */
  readonly rounds: number | 'endless';
  /** First pass only: where to begin. */
  readonly startIndex: number;
  readonly startSeconds: number;
  /** What an edit of the list does to the item on air. */
  readonly refresh: 'newSource' | 'fileStart' | 'breakpoint';
}

/** A full address, or a name that the installation's domains table turns into one when the run starts. */
export type Destination =
  | { readonly kind: 'url'; readonly url: string; readonly args: string }
  | {
      readonly kind: 'ingest';
      readonly domain: string;
      readonly app: string;
      readonly stream: string;
      readonly args: string;
    };

export interface CallbackSpec {
  readonly url: string;
  /** The dialect's own event names the user asked for; empty means all. */
  readonly events: readonly string[];
}

export type DialectName = 'huawei' | 'alibaba' | 'native';

/** The part of a Task that the user writes. Wall-clock times are epoch milliseconds. */
export interface TaskSpec {
  readonly dialect: DialectName;
  readonly region: string;
  readonly source: SourceSpec;
  /** Taken in order when the source is down. */
  readonly standby: readonly string[];
  readonly destination: Destination;
  readonly startAt: number;
  readonly endAt: number;
  readonly callback: CallbackSpec | null;
  /** The user's switch: false while paused. */
  readonly enabled: boolean;
}

/** Fields a change may carry; absent means unchanged. */
export type SpecChange = Partial<Omit<TaskSpec, 'dialect' | 'region' | 'destination'>>;

