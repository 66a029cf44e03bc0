import type { Store } from '../store/store.ts';
import { DEFAULT_ACCOUNT } from '../task/account.ts';
import { NODE } from '../task/audit.ts';
import { FULL_ACCESS } from '../task/policy.ts';
import { InvalidAccount } from './invalid-account.ts';
import { MASKED, Notes } from './notes.ts';
import { hashToken, type RandomBytes, randomToken } from './secret.ts';
import { isAdmin, type PublicUser, type Users, withoutHash } from './users.ts';

const TOKEN_BYTES = 32;
export const SETUP_LINK_MS = 30 * 60_000;

export interface SetupOptions {
  readonly store: Pick<Store, 'users' | 'setupLink' | 'putSetupLink' | 'useSetupLink' | 'noting'>;
  readonly users: Pick<Users, 'draft'>;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: RandomBytes;
}

/** Why a link does not open anything. */
export type SetupProblem = 'unknown' | 'used' | 'expired' | 'notNeeded';

const WHY: Readonly<Record<SetupProblem, string>> = {
  unknown: 'the setup link is not known here: the newest one alone holds',
  used: 'the setup link has been used',
  expired: 'the setup link has expired',
  notNeeded: 'there is an administrator already',
};

export class VoidSetupLink extends Error {
  override readonly name = 'VoidSetupLink';
  readonly problem: SetupProblem;

  constructor(problem: SetupProblem) {
    super(WHY[problem]);
    this.problem = problem;
  }
}

/** Lets the first administrator in: with a link that holds for half an hour, and once. */
export class Setup {
  readonly #options: SetupOptions;

  constructor(options: SetupOptions) {
    this.#options = options;
  }

  /** Whether nobody could do everything on the console of the default account. */
  async isNeeded(): Promise<boolean> {
    const users = await this.#options.store.users();
    return !users.some(user => user.accountId === DEFAULT_ACCOUNT && isAdmin(user));
  }

  /** A new link, which takes the place of a former one. The token is told here only. */
  async makeLink(): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const { store, now, randomBytes } = this.#options;
    if (!(await this.isNeeded())) throw new VoidSetupLink('notNeeded');
    const token = randomToken(randomBytes, TOKEN_BYTES);
    const expiresAt = now() + SETUP_LINK_MS;
    await store.putSetupLink({ hash: hashToken(token), expiresAt, usedAt: null }, now());
    return { token, expiresAt };
  }

  /** Throws where the link is void. */
  async check(token: string): Promise<void> {
    const { store, now } = this.#options;
    const link = await store.setupLink(hashToken(token));
    if (link === undefined) throw new VoidSetupLink('unknown');
    if (link.usedAt !== null) throw new VoidSetupLink('used');
    if (link.expiresAt <= now()) throw new VoidSetupLink('expired');
    if (!(await this.isNeeded())) throw new VoidSetupLink('notNeeded');
  }

  /** Makes the administrator. */
  async use(
    token: string,
    { name, password }: { readonly name: string; readonly password: string },
    from: { readonly remote: string; readonly requestId: string },
  ): Promise<PublicUser> {
    const { store, users, now } = this.#options;
    await this.check(token);
    const user = await users.draft(name, password, { accountId: DEFAULT_ACCOUNT, policies: [FULL_ACCESS] });
    const { accountId, policies } = user;
    const by = { ...NODE, kind: 'user', id: user.id, name, ...from } as const;
    const noted = { accountId, action: 'user.create', target: name, after: { policies, password: MASKED } };
    const noting = new Notes({ ...this.#options, store, by }).on(noted);
    if (await noting.useSetupLink(hashToken(token), now(), user)) return withoutHash(user);
    // The link may have been used a moment ago; else the name is taken.
    await this.check(token);
    throw new InvalidAccount(`the account has a user ${name} already, who is no administrator: choose another name`);
  }
}
