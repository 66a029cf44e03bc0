import type { Config } from '../config.ts';

/**
 * What the commands need of the rest of the program: the functions that main.ts exports, in the shape the commands
 * use them. Tests put their own in.
 */
export interface Doors {
  /** Runs a node until the signal; resolves once everything is closed. */
  serve(
    config: Config,
    options: { readonly signal: AbortSignal; readonly print: (text: string) => void },
  ): Promise<void>;
  openAccounts(config: Config): Promise<{ readonly accounts: Accounts; close(): Promise<void> }>;
  /** Relays until the signal, without storing anything; rejects when it gives up. */
  tryRelay(source: string, destination: string, options: TryOptions): Promise<void>;
}

export interface TryOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
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

export interface Key {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly enabled: boolean;
  readonly createdAt: number;
}

export interface Accounts {
  createKey(wish: { accountId?: string; projectId?: string; region?: string }): Promise<Key>;
  listKeys(): Promise<readonly Omit<Key, 'secretKey'>[]>;
  enableKey(accessKey: string): Promise<boolean>;
  disableKey(accessKey: string): Promise<boolean>;
  deleteKey(accessKey: string): Promise<boolean>;
  putUser(
    name: string,
    password: string,
    wish?: { accountId?: string; policies?: readonly string[] },
  ): Promise<unknown>;
  listUsers(): Promise<readonly { readonly name: string; readonly accountId: string; readonly createdAt: number }[]>;
  removeUser(name: string, accountId?: string): Promise<boolean>;
  addDomain(name: string, target: string): Promise<unknown>;
  listDomains(): Promise<readonly { readonly name: string; readonly target: string }[]>;
  removeDomain(name: string): Promise<boolean>;
}
