import type { Finding } from '../client/node-words.ts';
import type { Config } from '../config.ts';
import type { BannerFacts } from './banner.ts';

/**
 * What the commands need of the rest of the program: the functions that main.ts exports, in the shape the commands
 * use them. Tests put their own in.
 */
export interface Doors {
  /** Runs a node until one of the signals; resolves once everything is closed. */
  serve(config: Config, options: ServeOptions): Promise<void>;
  /** Rejects where the data directory has to stand and is not there. */
  openAccounts(config: Config, options?: { readonly mustStand: boolean }): Promise<OpenAccounts>;
  /** Why a callback that was received is not to be trusted; undefined where it is. */
  verifyWebhook(received: ReceivedCallback): string | undefined;
  /** The signal calls off a look through a file. */
  openAssets(config: Config, options: { readonly signal: AbortSignal }): Promise<OpenAssets>;
  /** Looks over this machine as one that is to run, or runs, a node of this configuration. */
  diagnose(
    config: Config,
    options: { readonly isServing: boolean; readonly signal: AbortSignal },
  ): Promise<readonly Finding[]>;
  /** Relays until the signal, without storing anything; rejects when it gives up. */
  /** What an address gives, within some seconds; rejects with the reason where it cannot be pulled. */
  probeUrl(url: string, options: ProbeOptions): Promise<Probed>;
  /** Has a destination accept a publish without media; answers how long it took. */
  probePush(url: string, options: ProbeOptions): Promise<number>;
  /** Copies all that a node keeps; rejects where there is nothing, or where the copy is not to be had. */
  backup(config: Config, wish: BackupWish): Promise<Backup>;
  /** Makes a data directory of a copy; rejects where the copy is no good, and where there is data. */
  restore(config: Config, wish: RestoreWish): Promise<Backup>;
  /** Copies all that a data directory holds into an empty database; rejects where either is not as it must be. */
  moveStore(config: Config, wish: StoreMoveWish): Promise<readonly MovedTable[]>;
  tryRelay(source: string, destination: string, options: TryOptions): Promise<void>;
}

export interface ServeOptions {
  readonly signal: AbortSignal;
  /** The same, but that the workers are left to the control process that follows. */
  readonly handOver: AbortSignal;
  /** Follows the control process that serves the data directory now, if there is one. */
  readonly replace: boolean;
  readonly print: (text: string) => void;
  /** What a person is told once the node is ready, where it is not the usual. */
  readonly banner?: (facts: BannerFacts) => string;
  /** Of a demonstration alone: brings back what was broken on purpose. */
  readonly demo?: { fix(): Promise<void> };
}

export interface StoreMoveWish {
  /** Absolute: a data directory. */
  readonly from: string;
  /** postgres://… */
  readonly to: string;
}

export interface MovedTable {
  readonly table: string;
  readonly rows: number;
}

export interface BackupWish {
  /** Absolute, like the other. */
  readonly file: string;
  /** Where the key is to be copied to. */
  readonly key?: string;
}

export interface RestoreWish {
  readonly file: string;
  /** That of the data directory where it is absent. */
  readonly key?: string;
  /** Nothing is written. */
  readonly verify: boolean;
}

/** A copy, and where the key is that opens it. */
export interface Backup {
  readonly file: string;
  readonly key: string;
  readonly bytes: number;
  /** Of the database. */
  readonly version: number;
  readonly tasks: number;
  readonly events: number;
}

export interface TryOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export interface ProbeOptions {
  readonly signal: AbortSignal;
  /** Where `media://` files lie. */
  readonly mediaDir?: string | undefined;
}

/** A stream or a file that was looked at; what it does not tell is left out. */
export interface Probed {
  readonly kind: 'live' | 'file';
  readonly video?: ProbedVideo;
  readonly audio?: ProbedAudio;
  readonly bitrateKbit?: number;
  readonly durationMs?: number;
  readonly audioOffsetMs?: number;
  readonly keyFrames?: ProbedKeyFrames;
  readonly verdicts: Readonly<Record<string, { readonly copies: 'yes' | 'change' | 'no'; readonly because: string }>>;
  readonly notes: readonly string[];
}

export interface ProbedVideo {
  readonly codec: string;
  readonly codecString?: string;
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  readonly bitrateKbit?: number;
  readonly bFrames?: boolean;
  readonly keyFrames?: ProbedKeyFrames;
}

export interface ProbedAudio {
  readonly codec: string;
  readonly codecString?: string;
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly bitrateKbit?: number;
}

export interface ProbedKeyFrames {
  readonly count: number;
  readonly longestGapMs: number;
}

/** Told about once a second. Counters only grow. */
export interface Progress {
  readonly elapsedMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly dropped: number;
  /** What it is doing while nothing flows, e.g. the last fault; "" while media flows. */
  readonly note: string;
}

export interface OpenAccounts {
  readonly accounts: Accounts;
  readonly apiKeys: ApiKeys;
  /** The address that makes the first administrator; rejects where there is one. */
  makeSetupLink(): Promise<string>;
  close(): Promise<void>;
}

export interface ReceivedCallback {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly secrets: readonly string[];
  readonly nowMs: number;
  readonly toleranceMs: number;
}

export interface Account {
  readonly id: string;
  readonly createdAt: number;
  readonly live: boolean;
}

export interface KeyWish {
  readonly accountId?: string;
  readonly projectId?: string;
  readonly region?: string;
  readonly user?: string;
  readonly policies?: readonly string[];
  readonly lifeMs?: number;
}

export interface Key {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly policies: readonly string[] | null;
  /** Of a temporary key. */
  readonly token: string | null;
  readonly expiresAt: number | null;
}

export interface ListedKey extends Omit<Key, 'secretKey' | 'token'> {
  /** The name of the user whose key it is; null for the account's own. */
  readonly user: string | null;
}

/** With neither project nor region it is for all projects of the account. */
export interface ApiKeyWish {
  readonly accountId?: string;
  readonly projectId?: string;
  readonly user?: string;
  readonly name?: string;
  readonly policies?: readonly string[];
  readonly lifeMs?: number;
  /** Of one command, which deletes it at its end. */
  readonly isPassing?: boolean;
}

export interface ApiKey {
  readonly id: string;
  readonly accountId: string;
  /** "" for all projects. */
  readonly projectId: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly policies: readonly string[] | null;
}

export interface ListedApiKey extends ApiKey {
  readonly user: string | null;
}

/** The keys of the native API. The other three answer false where there is no such key. */
export interface ApiKeys {
  create(wish: ApiKeyWish): Promise<{ readonly key: ApiKey; readonly token: string }>;
  list(): Promise<readonly ListedApiKey[]>;
  enable(id: string): Promise<boolean>;
  disable(id: string): Promise<boolean>;
  remove(id: string): Promise<boolean>;
  removePassing(id: string): Promise<boolean>;
}

export interface User {
  readonly name: string;
  readonly accountId: string;
  readonly createdAt: number;
  readonly enabled: boolean;
  readonly policies: readonly string[];
}

export interface Domain {
  readonly name: string;
  readonly target: string;
  readonly accountId: string;
}

export interface Policies {
  put(name: string, text: string, accountId?: string): Promise<unknown>;
  /** Without an account: a built-in one, which stands in all of them. */
  list(): Promise<readonly { readonly name: string; readonly accountId: string | null }[]>;
  show(name: string, accountId?: string): Promise<object | undefined>;
  remove(name: string, accountId?: string): Promise<boolean>;
}

export interface Accounts {
  readonly policies: Policies;
  createAccount(id: string, wish: { live: boolean }): Promise<Account>;
  findAccount(id: string): Promise<Account | undefined>;
  listAccounts(): Promise<readonly Account[]>;
  setLive(id: string, live: boolean): Promise<boolean>;
  deleteAccount(id: string): Promise<boolean>;
  createKey(wish: KeyWish): Promise<Key>;
  listKeys(): Promise<readonly ListedKey[]>;
  enableKey(accessKey: string): Promise<boolean>;
  disableKey(accessKey: string): Promise<boolean>;
  deleteKey(accessKey: string): Promise<boolean>;
  putUser(
    name: string,
    password: string,
    wish?: { accountId?: string; policies?: readonly string[] },
  ): Promise<unknown>;
  listUsers(): Promise<readonly User[]>;
  setPolicies(name: string, policies: readonly string[], accountId?: string): Promise<boolean>;
  setUserEnabled(name: string, enabled: boolean, accountId?: string): Promise<boolean>;
  removeUser(name: string, accountId?: string): Promise<boolean>;
  addDomain(name: string, target: string, accountId?: string): Promise<unknown>;
  listDomains(): Promise<readonly Domain[]>;
  removeDomain(name: string): Promise<boolean>;
}

export interface OpenAssets {
  readonly assets: Assets;
  /** The address that a person means by a file or a URL. Rejects where it cannot be one of an asset. */
  addressOf(text: string, cwd: string): Promise<string>;
  close(): Promise<void>;
}

export interface Assets {
  add(wish: AssetWish): Promise<Asset>;
  /** Of one account or of all. */
  list(accountId?: string): Promise<readonly Asset[]>;
  get(id: string, accountId?: string): Promise<Asset | undefined>;
  remove(id: string, accountId?: string): Promise<boolean>;
}

export interface AssetWish {
  readonly url: string;
  readonly id?: string;
  readonly accountId?: string;
  readonly probe: boolean;
  readonly replace: boolean;
}

export interface Asset {
  readonly id: string;
  readonly accountId: string;
  readonly url: string;
  readonly createdAt: number;
  readonly probe: Probe | null;
}

export interface Probe {
  readonly durationMs?: number;
  readonly video?: { readonly codec: string; readonly width?: number; readonly height?: number; readonly fps?: number };
  readonly audio?: { readonly codec: string; readonly sampleRate?: number; readonly channels?: number };
  readonly keyFrames: { readonly count: number; readonly longestGapMs: number };
  readonly bytes?: number;
  readonly notes: readonly string[];
}
