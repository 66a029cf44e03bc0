/** Who may do what. An account owns projects; keys and users act for one account, a key for one project. */
export interface AccessKey {
  readonly accessKey: string;
  /** Recoverable, because HMAC needs it; sealed at rest by the store. */
  readonly secretKey: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly enabled: boolean;
  readonly createdAt: number;
}

export interface User {
  readonly id: string;
  readonly name: string;
  /** The Keystone "domain" of the user, i.e. the account's name. */
  readonly accountId: string;
  readonly passwordHash: string;
  readonly createdAt: number;
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

/** An ingest domain and the RTMP address it stands for. */
export interface Domain {
  readonly name: string;
  /** rtmp://HOST[:PORT] */
  readonly target: string;
}
