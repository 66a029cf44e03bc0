import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** 32 MB and some 60 ms a password: dear for whoever tries many, cheap enough for whoever logs in. */
const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MOST_AT_ONCE = 2;
const MOST_WAITING = 64;

/** More passwords wait to be checked than is sensible. */
export class TooManyPasswords extends Error {
  override readonly name = 'TooManyPasswords';
}

/**
 * Makes and checks `scrypt$N$r$p$SALT$HASH` lines. Few at once, because each takes 32 MB and a thread of the pool
 * that DNS look-ups share; and the queue is bounded.
 */
export class Passwords {
  readonly #randomBytes: (size: number) => Uint8Array;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(randomBytes: (size: number) => Uint8Array) {
    this.#randomBytes = randomBytes;
  }

  async hash(password: string): Promise<string> {
    const salt = this.#randomBytes(SALT_BYTES);
    const hash = await this.#derive(password, salt, COST);
    const parts = [COST.N, COST.r, COST.p, toText(salt), toText(hash)];
    return `scrypt$${parts.join('$')}`;
  }

  /** Without a line the answer is no, after the same work: a name that does not exist takes as long as a wrong password. */
  async isRight(password: string, line: string | undefined): Promise<boolean> {
    const known = line === undefined ? undefined : readLine(line);
    const salt = known?.salt ?? Buffer.alloc(SALT_BYTES);
    const hash = await this.#derive(password, salt, known?.cost ?? COST);
    return known !== undefined && known.hash.length === hash.length && timingSafeEqual(known.hash, hash);
  }

  async #derive(password: string, salt: Uint8Array, cost: ScryptOptions): Promise<Buffer> {
    await this.#turn();
    try {
      return await new Promise((resolve, reject) => {
        scrypt(password.normalize('NFKC'), salt, HASH_BYTES, cost, (error, hash) =>
          error === null ? resolve(hash) : reject(error),
        );
      });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < MOST_AT_ONCE) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= MOST_WAITING) throw new TooManyPasswords('too many logins at once');
    await new Promise<void>(resolve => this.#waiting.push(resolve));
  }
}

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function readLine(line: string): { salt: Buffer; hash: Buffer; cost: ScryptOptions } | undefined {
  const [name, N, r, p, salt, hash] = line.split('$');
  if (name !== 'scrypt' || salt === undefined || hash === undefined) return undefined;
  return {
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
    cost: { N: Number(N), r: Number(r), p: Number(p), maxmem: 2 ** 26 },
  };
}
