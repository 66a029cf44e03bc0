import { createHmac } from 'node:crypto';
import { Fault, type Side } from '../fault.ts';

/** Bytes of C1, C2, S1 and S2: RTMP 1.0, section 5.2. C0 and S0 are one byte more. */
export const HANDSHAKE_SIZE = 1536;
const VERSION = 3;
const RANDOM_SIZE = HANDSHAKE_SIZE - 8;
const DIGEST_SIZE = 32;

/*
 * The digest ("complex") handshake is not in the published specification: Flash Player 9 and media servers prove to each
 * other with an HMAC that they are what they say. Some servers (and Flash-minded CDNs) send H.264 only to such a client.
 * The keys are a published text and 32 bytes; a client signs C1 and a server S1 with the text alone.
 */
const SHARED_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const CLIENT_TEXT = Buffer.from('Genuine Adobe Flash Player 001', 'latin1');
const SERVER_TEXT = Buffer.from('Genuine Adobe Flash Media Server 001', 'latin1');
const CLIENT_KEY = Buffer.concat([CLIENT_TEXT, SHARED_TAIL]);
const SERVER_KEY = Buffer.concat([SERVER_TEXT, SHARED_TAIL]);

/** Versions that peers take for a client and a server able to use the digest. Zero announces the simple form. */
const CLIENT_VERSION = 0x80000702;
const SERVER_VERSION = 0x04050001;

/** Where the four bytes that say the digest's place stand, and where its field begins, by scheme. */
const SCHEMES = [
  { selectorAt: 8, fieldAt: 12 },
  { selectorAt: 772, fieldAt: 776 },
] as const;
type Scheme = (typeof SCHEMES)[number];

/** C0 and C1. `random` is 1528 bytes. The digest form is also a valid simple one: a server that knows no digest takes it. */
export function clientHello(random: Buffer, mode: 'simple' | 'digest'): Buffer {
  const bytes = opening(random, mode === 'digest' ? CLIENT_VERSION : 0);
  if (mode === 'digest') sign(bytes.subarray(1), SCHEMES[0], CLIENT_TEXT);
  return bytes;
}

/**
 * C2, the answer to S0 and S1 (1537 bytes). S2 is not looked at: servers differ in it, and nothing depends on it.
 * When S1 carries a digest, C2 is signed with it; else it echoes S1.
 */
export function clientAnswer(s0s1: Buffer, side: Side): Buffer {
  checkOpening(s0s1, side);
  const s1 = s0s1.subarray(1, 1 + HANDSHAKE_SIZE);
  const found = findDigest(s1, SERVER_TEXT);
  return found === undefined ? Buffer.from(s1) : signedEcho(s1, found.digest, CLIENT_KEY);
}

/** S0, S1 and S2 in answer to C0 and C1: in the digest form when C1 carries a valid digest of either scheme. */
export function serverAnswer(c0c1: Buffer, random: Buffer, side: Side): Buffer {
  checkOpening(c0c1, side);
  const c1 = c0c1.subarray(1, 1 + HANDSHAKE_SIZE);
  const found = findDigest(c1, CLIENT_TEXT);
  if (found === undefined) return Buffer.concat([opening(random, 0), c1]);
  const s0s1 = opening(random, SERVER_VERSION);
  sign(s0s1.subarray(1), found.scheme, SERVER_TEXT);
  return Buffer.concat([s0s1, signedEcho(c1, found.digest, SERVER_KEY)]);
}

/** C0C1 or S0S1: version, time 0 (allowed, and it tells nobody our uptime), four bytes of product version, random. */
function opening(random: Buffer, productVersion: number): Buffer {
  if (random.length !== RANDOM_SIZE) throw new RangeError(`a handshake needs ${RANDOM_SIZE} random bytes`);
  const bytes = Buffer.alloc(1 + HANDSHAKE_SIZE);
  bytes[0] = VERSION;
  bytes.writeUInt32BE(productVersion, 5);
  random.copy(bytes, 9);
  return bytes;
}

function checkOpening(bytes: Buffer, side: Side): void {
  if (bytes.length < 1 + HANDSHAKE_SIZE) throw new Fault(side, 'garbage', 'the RTMP handshake was cut short');
  const version = bytes[0];
  if (version !== VERSION) {
    throw new Fault(side, 'garbage', `the peer does not speak plain RTMP: it opened with version ${version}`);
  }
}

function digestAt(block: Buffer, scheme: Scheme): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += block.readUInt8(scheme.selectorAt + i);
  return scheme.fieldAt + (sum % 728);
}

/** The HMAC of the block without the digest's own bytes. */
function computeDigest(block: Buffer, at: number, key: Buffer): Buffer {
  return createHmac('sha256', key)
    .update(block.subarray(0, at))
    .update(block.subarray(at + DIGEST_SIZE))
    .digest();
}

function sign(block: Buffer, scheme: Scheme, key: Buffer): void {
  const at = digestAt(block, scheme);
  computeDigest(block, at, key).copy(block, at);
}

/** The scheme under which the block carries a valid digest, and that digest; undefined for a simple block. */
function findDigest(block: Buffer, key: Buffer): { readonly scheme: Scheme; readonly digest: Buffer } | undefined {
  for (const scheme of SCHEMES) {
    const at = digestAt(block, scheme);
    const digest = block.subarray(at, at + DIGEST_SIZE);
    if (computeDigest(block, at, key).equals(digest)) return { scheme, digest };
  }
  return undefined;
}

/** C2 or S2 of the digest form: the peer's bytes, the last 32 replaced by an HMAC keyed with the peer's digest. */
function signedEcho(block: Buffer, digest: Buffer, key: Buffer): Buffer {
  const echo = Buffer.from(block);
  const ownKey = createHmac('sha256', key).update(digest).digest();
  const body = echo.subarray(0, HANDSHAKE_SIZE - DIGEST_SIZE);
  createHmac('sha256', ownKey)
    .update(body)
    .digest()
    .copy(echo, HANDSHAKE_SIZE - DIGEST_SIZE);
  return echo;
}
