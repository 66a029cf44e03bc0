/** Who may do what. An account owns projects; keys and users act for one account, a key for one project. */
export interface Account {
  readonly id: string;
  readonly createdAt: number;
  /** Whether it has the live service. */
  readonly live: boolean;
}

/** Stands in every installation; whatever names no account belongs to it. */
export const DEFAULT_ACCOUNT = 'default';

/** What there is for an account's tasks to be made with. */
export type Standing = 'ready' | 'noLive' | 'noDomain';

export interface AccessKey {
  readonly accessKey: string;
  /** Recoverable, because HMAC needs it; sealed at rest by the store. */
  readonly secretKey: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  /** Whose key it is; null for the account's own, which may do everything. */
  readonly userId: string | null;
  /** Names of policies that narrow what it may do; null where nothing narrows it. */
  readonly policies: readonly string[] | null;
  /** What a temporary key has to be sent with, sealed as the secret is; null for one that stands until it is deleted. */
  readonly token: string | null;
  readonly expiresAt: number | null;
}

export interface User {
  readonly id: string;
  readonly name: string;
  /** The Keystone "domain" of the user, i.e. the account's name. */
  readonly accountId: string;
  readonly passwordHash: string;
  readonly createdAt: number;
  readonly enabled: boolean;
  /** Names of policies, built-in ones or the account's; with none the user may do nothing. */
  readonly policies: readonly string[];
}

export interface Project {
  readonly id: string;
  /** In the clouds a project is named for its region, e.g. cn-north-4. */
  readonly name: string;
  readonly accountId: string;
}

/** A token of the identity endpoint, stored by its hash only. */
export interface Token {
  readonly hash: string;
  readonly userId: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** Opens the native API to whoever carries it; stored by its hash only. */
export interface ApiKey {
  readonly id: string;
  readonly hash: string;
  readonly accountId: string;
  readonly projectId: string;
  /** What its owner calls it. */
  readonly name: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** As with an access key. */
  readonly userId: string | null;
  readonly policies: readonly string[] | null;
}

/** A user who has logged in to the console, for as long as that lasts; known by the hash of what the browser holds. */
export interface SignIn {
  readonly id: string;
  readonly hash: string;
  readonly userId: string;
  readonly accountId: string;
  readonly createdAt: number;
  /** When it was last used, to the minute. */
  readonly seenAt: number;
  /** The address and the browser it began with. */
  readonly remote: string;
  readonly agent: string;
}

/** Makes the first administrator, once; known by the hash of its token. */
export interface SetupLink {
  readonly hash: string;
  readonly expiresAt: number;
  /** Null while it has not been used. */
  readonly usedAt: number | null;
}

/** What an account's callbacks are signed with, on top of what their dialect does. Sealed at rest. */
export interface CallbackSecret {
  readonly id: string;
  readonly accountId: string;
  /** `whsec_` and base64 */
  readonly secret: string;
  readonly createdAt: number;
  /** Until when it signs beside its successor; null while it has none. */
  readonly retiresAt: number | null;
}

/** An ingest domain and the RTMP address it stands for. */
export interface Domain {
  readonly name: string;
  /** rtmp://HOST[:PORT] */
  readonly target: string;
  readonly accountId: string;
}

/**
 * The clouds' ids are 20 characters A-Z 0-9 (keys) and 32 hex (projects); a self-hosted installation may choose its own,
 * as long as they are safe in a URL path and in an Authorization header.
 */
export const isAccessKeyId = (text: string): boolean => /^[A-Za-z0-9_-]{4,64}$/.test(text);
export const isProjectId = (text: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(text);
