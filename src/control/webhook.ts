import { createHmac, timingSafeEqual } from 'node:crypto';

/** What Standard Webhooks 1.0 asks a sender for: which event it is, when this try was made, and who says so. */
export interface WebhookHeaders extends Readonly<Record<string, string>> {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

export interface WebhookToSign {
  /** Of the event: the same over all tries, so that a receiver can tell one that it has seen. */
  readonly id: string;
  /** Of this try: a receiver refuses what is too old, so that nothing that was overheard can be sent again. */
  readonly atMs: number;
  readonly body: string;
  /** `whsec_` and base64 each; one signature for each of them, so that a receiver may know either. */
  readonly secrets: readonly string[];
}

export interface WebhookToVerify {
  /** As Node gives them, in small letters. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string | Uint8Array;
  readonly secrets: readonly string[];
  readonly nowMs: number;
  readonly toleranceMs?: number;
}

export const SECRET_PREFIX = 'whsec_';
const VERSION = 'v1';
/** How far the clocks of sender and receiver may lie apart. */
export const TOLERANCE_MS = 5 * 60_000;

export function signWebhook({ id, atMs, body, secrets }: WebhookToSign): WebhookHeaders {
  const timestamp = String(Math.floor(atMs / 1000));
  const signatures = secrets.map(
    secret => `${VERSION},${signature(secret, { id, timestamp, body }).toString('base64')}`,
  );
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

/** Why it is not to be believed; undefined where it is. */
export function verifyWebhook(webhook: WebhookToVerify): string | undefined {
  const { body, secrets, nowMs, toleranceMs = TOLERANCE_MS } = webhook;
  const [id, timestamp, given] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(name =>
    one(webhook, name),
  );
  if (!id) return 'there is no webhook-id';
  if (!timestamp || !/^\d{1,12}$/.test(timestamp)) return 'the webhook-timestamp is not a time in seconds';
  if (!given) return 'there is no webhook-signature';
  const ageMs = nowMs - Number(timestamp) * 1000;
  if (ageMs > toleranceMs) return 'the webhook-timestamp is too old';
  if (ageMs < -toleranceMs) return 'the webhook-timestamp lies in the future';
  const wanted = secrets.map(secret => signature(secret, { id, timestamp, body }));
  const isSigned = signaturesIn(given).some(bytes => wanted.some(want => isSame(bytes, want)));
  return isSigned ? undefined : 'no signature is of a secret that is known here';
}

const one = ({ headers }: WebhookToVerify, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value[0];
};

/** Those of other versions are passed over. */
const signaturesIn = (header: string): readonly Buffer[] =>
  header
    .split(' ')
    .filter(text => text.startsWith(`${VERSION},`))
    .map(text => Buffer.from(text.slice(VERSION.length + 1), 'base64'));

const isSame = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

interface Content {
  readonly id: string;
  readonly timestamp: string;
  readonly body: string | Uint8Array;
}

const signature = (secret: string, { id, timestamp, body }: Content): Buffer =>
  createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest();

const keyOf = (secret: string): Buffer =>
  Buffer.from(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret, 'base64');
