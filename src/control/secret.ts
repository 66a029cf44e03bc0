import { createHash } from 'node:crypto';

export type RandomBytes = (size: number) => Uint8Array;

export const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
export const LOWER = 'abcdefghijklmnopqrstuvwxyz';

/** Bytes beyond the last whole run of the alphabet are thrown away, so that every character is equally likely. */
export function randomText(randomBytes: RandomBytes, length: number, alphabet: string): string {
  const fair = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < fair && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}

export const randomHex = (randomBytes: RandomBytes, bytes: number): string =>
  Buffer.from(randomBytes(bytes)).toString('hex');

/** What goes into a header as it is. */
export const randomToken = (randomBytes: RandomBytes, bytes: number): string =>
  Buffer.from(randomBytes(bytes)).toString('base64url');

export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');
