import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Leads every sealed value, so that another cipher can come in beside this one. */
const FORMAT = 1;

/**
 * Seals what must not lie open in the database file or in a backup of it: AES-256-GCM with a random nonce.
 * `place` (table and row id) is authenticated too: a sealed value moved to another row does not open.
 */
export class Seal {
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new Error(`a seal key has ${KEY_BYTES} bytes, this one has ${key.length}`);
    this.#key = createSecretKey(key);
  }

  close(place: string, text: string): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place));
    const sealed = cipher.update(text, 'utf8');
    cipher.final();
    return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), sealed]);
  }

  /** Throws where the value was sealed with another key, for another place, or was altered. */
  open(place: string, sealed: Uint8Array): string {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const textAt = 1 + NONCE_BYTES + TAG_BYTES;
    if (bytes.length < textAt || bytes[0] !== FORMAT)
      throw new Error(`what is stored at ${place} was not sealed by us`);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(1, 1 + NONCE_BYTES))
      .setAAD(Buffer.from(place))
      .setAuthTag(bytes.subarray(1 + NONCE_BYTES, textAt));
    try {
      return decipher.update(bytes.subarray(textAt), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new Error(`what is stored at ${place} does not open with this key`, { cause });
    }
  }

  /** The same for the same text, and tells nothing of it without the key: what can be compared need not be read. */
  mark(place: string, text: string): string {
    return createHmac('sha256', this.#key).update(`${place}\0${text}`).digest('base64url');
  }
}

/**
 * The installation's key from its file, which is made on the very first start. Once there is a database, a missing key
 * is never replaced: everything sealed would be lost for good behind a new one.
 */
export function loadSealKey(keyFile: string, databaseFile: string): Buffer {
  if (!existsSync(keyFile)) {
    // Looked for once more behind the database: two processes may be starting for the first time together.
    if (existsSync(databaseFile) && !existsSync(keyFile)) {
      throw new Error(`the key file ${keyFile} is missing, and ${databaseFile} cannot be read without it: restore it`);
    }
    createKeyFile(keyFile);
  }
  return readKeyFile(keyFile, OTHERS);
}

/** The same for a database that is elsewhere: the nodes that share it have one key. */
export function loadSharedKey(keyFile: string, isNew: boolean): Buffer {
  if (!existsSync(keyFile)) {
    if (!isNew) throw new Error(`the key file ${keyFile} is missing: copy it from a node that uses the database`);
    createKeyFile(keyFile);
  }
  return readKeyFile(keyFile, OTHERS);
}

/** A key that somebody has put there. Nothing is made, and a group may read it: that is how secrets are handed in. */
export function readGivenKey(keyFile: string): Buffer {
  if (!existsSync(keyFile)) throw new Error(`there is no key file ${keyFile}`);
  return readKeyFile(keyFile, OTHERS & ~GROUP_READS);
}

const OTHERS = 0o077;
const GROUP_READS = 0o040;

function readKeyFile(keyFile: string, refused: number): Buffer {
  const { mode } = statSync(keyFile);
  if ((mode & refused) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    throw new Error(`the key file ${keyFile} has mode ${shown}, open to others than its owner: chmod 600 it`);
  }
  const key = readFileSync(keyFile);
  if (key.length !== KEY_BYTES) {
    throw new Error(`the key file ${keyFile} must hold ${KEY_BYTES} bytes, it holds ${key.length}`);
  }
  return key;
}

/** Written whole beside its name and then linked: no crash leaves half a key, no second process gets another one. */
function createKeyFile(keyFile: string): void {
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  const draft = `${keyFile}.${process.pid}.new`;
  writeDurably(draft, randomBytes(KEY_BYTES));
  try {
    linkSync(draft, keyFile);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dirname(keyFile));
}

function writeDurably(file: string, bytes: Uint8Array): void {
  const fd = openSync(file, 'w', 0o600);
  try {
    fchmodSync(fd, 0o600);
    writeSync(fd, bytes);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
