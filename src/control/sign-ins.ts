import { createHash } from 'node:crypto';
import type { Store } from '../store/store.ts';
import type { SignIn } from '../task/account.ts';
import type { Actor } from '../task/audit.ts';
import { Notes } from './notes.ts';
import { hashToken, type RandomBytes, randomToken } from './secret.ts';
import { type PublicUser, withoutHash } from './users.ts';

const TOKEN_BYTES = 32;
/** Without a call for so long, and whatever its user does, a sign-in ends. */
export const SIGN_IN_IDLE_MS = 12 * 3_600_000;
export const SIGN_IN_LIFE_MS = 30 * 24 * 3_600_000;
/** How exactly the last use is kept. */
const SEEN_STEP_MS = 60_000;
const MOST_AGENT = 200;

export interface SignInsOptions {
  readonly store: Pick<
    Store,
    'signIn' | 'signIns' | 'addSignIn' | 'setSignInSeen' | 'removeSignIn' | 'purgeSignIns' | 'userById' | 'noting'
  >;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: RandomBytes;
}

/** Where somebody signs in from. */
export interface Arrival {
  readonly remote: string;
  readonly agent: string;
  readonly requestId: string;
}

export type PublicSignIn = Omit<SignIn, 'hash'>;

/** A sign-in that holds, and whose it is. */
export interface SignedIn {
  readonly signIn: PublicSignIn;
  readonly user: PublicUser;
  /** What a page of the console must show with every change. */
  readonly csrf: string;
}

/** The people who have signed in to the console. Only hashes of what their browsers hold are kept. */
export class SignIns {
  readonly #options: SignInsOptions;

  constructor(options: SignInsOptions) {
    this.#options = options;
  }

  /** Of a user who has shown the password. The token is told here only, and is always a new one. */
  async begin(user: PublicUser, arrival: Arrival): Promise<SignedIn & { readonly token: string }> {
    const { store, now, newId, randomBytes } = this.#options;
    const at = now();
    const token = randomToken(randomBytes, TOKEN_BYTES);
    const { remote, requestId } = arrival;
    const whose = { userId: user.id, accountId: user.accountId, remote, agent: shown(arrival.agent) };
    const signIn = { id: newId(), ...whose, createdAt: at, seenAt: at };
    await store.purgeSignIns({ createdAt: at - SIGN_IN_LIFE_MS, seenAt: at - SIGN_IN_IDLE_MS });
    const by: Actor = { kind: 'user', id: user.id, name: user.name, remote, requestId };
    const noted = { accountId: user.accountId, action: 'session.create', target: signIn.id };
    await new Notes({ ...this.#options, by }).on(noted).addSignIn({ ...signIn, hash: hashToken(token) });
    return { token, signIn, user, csrf: csrfOf(token) };
  }

  /** Undefined where the token is nobody's, or its sign-in is over. */
  async find(token: string): Promise<SignedIn | undefined> {
    if (!isToken(token)) return undefined;
    const { store, now } = this.#options;
    const at = now();
    const found = await store.signIn(hashToken(token));
    if (found === undefined || isOver(found, at)) return undefined;
    const user = await store.userById(found.userId);
    if (user?.enabled !== true) return undefined;
    // Nobody is shut out by a full disk for what can wait.
    if (Math.abs(at - found.seenAt) >= SEEN_STEP_MS) await store.setSignInSeen(found.hash, at).catch(() => {});
    return { signIn: withoutTokenHash(found), user: withoutHash(user), csrf: csrfOf(token) };
  }

  /** Those that hold: of a whole account, or of one user. */
  async list(accountId: string, userId?: string): Promise<readonly PublicSignIn[]> {
    const { store, now } = this.#options;
    const all = (await store.signIns(accountId)).filter(signIn => !isOver(signIn, now()));
    return all.filter(signIn => userId === undefined || signIn.userId === userId).map(withoutTokenHash);
  }

  /** False where there is none of that id. */
  end({ id, accountId }: Pick<SignIn, 'id' | 'accountId'>, by: Actor): Promise<boolean> {
    const noted = { accountId, action: 'session.delete', target: id };
    return new Notes({ ...this.#options, by }).on(noted).removeSignIn(id);
  }
}

const isToken = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/** Follows from the token, which no other site can read: so it need not be kept. */
const csrfOf = (token: string): string => createHash('sha256').update(`csrf ${token}`).digest('base64url');

/** A clock that was set back ends nothing. */
const isOver = ({ createdAt, seenAt }: SignIn, at: number): boolean =>
  at - createdAt >= SIGN_IN_LIFE_MS || at - seenAt >= SIGN_IN_IDLE_MS;

const withoutTokenHash = ({ hash: _, ...rest }: SignIn): PublicSignIn => rest;

/** What a browser calls itself, as text that can be shown. */
const shown = (agent: string): string => agent.replace(/[^\x20-\x7e]/g, '?').slice(0, MOST_AGENT);
