import type { Address } from '../address.ts';

/**
 * How media comes: over the RTSP connection, in datagrams, or with RTSP itself inside of HTTP. `undefined`: over the
 * connection, and in datagrams where the server refuses that.
 */
export type Way = 'tcp' | 'udp' | 'http';

const WAYS: readonly Way[] = ['tcp', 'udp', 'http'];
const WISH = /^(?:.*&)?transport=([^&]*)(?:&.*)?$/;

export interface WishedAddress {
  /** Without what is said to us alone. */
  readonly address: Address;
  readonly way: Way | undefined;
}

/** Takes `#transport=udp` off an address. Throws a plain Error with a sentence for what is no way. */
export function wishOf(given: Address): WishedAddress {
  const [before, fragment] = cut(given.query === '' ? given.path : given.query);
  const [, word] = WISH.exec(fragment) ?? [];
  if (word === undefined) return { address: given, way: undefined };
  const way = WAYS.find(one => one === word.toLowerCase());
  if (way === undefined) throw new Error(`The transport behind the "#" must be one of: ${WAYS.join(', ')}.`);
  return { address: { ...given, ...(given.query === '' ? { path: before } : { query: before }) }, way };
}

function cut(text: string): [string, string] {
  const at = text.indexOf('#');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
