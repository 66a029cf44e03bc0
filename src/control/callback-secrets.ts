import type { Store } from '../store/store.ts';
import type { CallbackSecret } from '../task/account.ts';
import { type Actor, NODE } from '../task/audit.ts';
import { MASKED, Notes } from './notes.ts';
import type { RandomBytes } from './secret.ts';
import { SECRET_PREFIX } from './webhook.ts';

export interface CallbackSecretsOptions {
  readonly store: Pick<Store, 'callbackSecrets' | 'addCallbackSecret' | 'noting'>;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: RandomBytes;
}

export interface Rotation {
  readonly secret: CallbackSecret;
  /** The one that it takes the place of, with the end that it has now; undefined where there was none. */
  readonly former: CallbackSecret | undefined;
}

const SECRET_BYTES = 32;
/** For how long the former secret signs beside the new one: a day for the receivers to learn it. */
export const OVERLAP_MS = 24 * 3_600_000;
/** Another process may rotate on the same data: its secret is known here within that time. */
const FRESH_MS = 5_000;
/** Who rotates twice in haste cuts off no receiver that knows an older one; beyond these the header would grow too long. */
const MOST_SIGNERS = 4;

interface Known {
  readonly readAt: number;
  readonly secrets: Promise<readonly CallbackSecret[]>;
}

/** What the callbacks of each account are signed with. */
export class CallbackSecrets {
  readonly #options: CallbackSecretsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: CallbackSecretsOptions) {
    this.#options = options;
  }

  /** Those that sign now, the newest first: one, and its former ones while they have not retired. */
  async signersOf(accountId: string): Promise<readonly CallbackSecret[]> {
    const now = this.#options.now();
    const secrets = await this.#read(accountId, now);
    const former = secrets.filter(({ retiresAt }) => retiresAt !== null && retiresAt > now);
    return [...secrets.filter(isStanding), ...former].slice(0, MOST_SIGNERS);
  }

  async rotate(
    accountId: string,
    options: { readonly overlapMs?: number; readonly by?: Actor } = {},
  ): Promise<Rotation> {
    const { store, now } = this.#options;
    const standing = (await store.callbackSecrets(accountId)).find(isStanding);
    const secret = this.#newSecret(accountId);
    const retiresAt = now() + (options.overlapMs ?? OVERLAP_MS);
    const notes = new Notes({ ...this.#options, by: options.by ?? NODE });
    const after = { secret: MASKED, former_retires_at: standing && retiresAt };
    const noted = { accountId, action: 'callback_secret.rotate', target: secret.id, after };
    await notes.on(noted).addCallbackSecret(secret, retiresAt);
    this.#known.delete(accountId);
    return { secret, former: standing && { ...standing, retiresAt } };
  }

  /** One read serves all who ask while it is fresh. */
  #read(accountId: string, now: number): Promise<readonly CallbackSecret[]> {
    const known = this.#known.get(accountId);
    // A clock that was set back makes no answer fresh for longer.
    if (known && Math.abs(now - known.readAt) < FRESH_MS) return known.secrets;
    const secrets = this.#readOrMake(accountId);
    this.#known.set(accountId, { readAt: now, secrets });
    secrets.catch(() => {
      if (this.#known.get(accountId)?.secrets === secrets) this.#known.delete(accountId);
    });
    return secrets;
  }

  async #readOrMake(accountId: string): Promise<readonly CallbackSecret[]> {
    const { store, now } = this.#options;
    const found = await store.callbackSecrets(accountId);
    if (found.length > 0) return found;
    // Where another process has made one in between, both sign for a day.
    await store.addCallbackSecret(this.#newSecret(accountId), now() + OVERLAP_MS);
    return store.callbackSecrets(accountId);
  }

  #newSecret(accountId: string): CallbackSecret {
    const { now, newId, randomBytes } = this.#options;
    const secret = SECRET_PREFIX + Buffer.from(randomBytes(SECRET_BYTES)).toString('base64');
    return { id: newId(), accountId, secret, createdAt: now(), retiresAt: null };
  }
}

const isStanding = ({ retiresAt }: CallbackSecret): boolean => retiresAt === null;
