import {
  type Address,
  authorityOf,
  parseAddress,
  type RtmpTarget,
  redactUrl,
  rtmpTarget,
  urlOf,
  withoutLastSlashes,
} from '../address.ts';
import type { Referral } from '../referral.ts';
import { type Answer, readAnswer, type Secrets } from './answer.ts';
import type { Command } from './link.ts';

const CODE = 'NetConnection.Connect.ReconnectRequest';
/** In `connect`: a client that can be asked to reconnect. Enhanced RTMP v2, section "Enhancing NetConnection connect Command". */
export const CAPS_RECONNECT = 0x01;
export const RTMP_SCHEMES: readonly string[] = ['rtmp', 'rtmps'];

/** The present connection, as far as the next one is to be like it. */
interface From {
  readonly address: Address;
  readonly target: RtmpTarget;
  readonly secrets: Secrets;
}

export const asksToReconnect = (answer: Pick<Answer, 'code'>): boolean => answer.code === CODE;

export const isReferral = (command: Command): boolean =>
  command.name === 'onStatus' && asksToReconnect(readAnswer(command));

/** Enhanced RTMP v2, section "Reconnect Request": where to, resolved against the present connection, whose stream is kept. */
export function referralOf({ tcUrl, description }: Answer, from: From): Referral {
  const { address, secrets, target } = from;
  const url = withStream(resolved(tcUrl, from), target);
  try {
    const next = judged(url, from);
    const isSameServer = next.host === address.host && next.port === address.port;
    // The login is for the server that was named with it.
    const userinfo = next.userinfo !== '' || !isSameServer ? next.userinfo : address.userinfo;
    return { url: urlOf({ ...next, userinfo }), isSameServer, words: secrets.mask(description) };
  } catch (error) {
    const words = `it sends us to ${secrets.mask(redactUrl(url))}, where we do not go: ${(error as Error).message}`;
    return { url: undefined, isSameServer: false, words };
  }
}

function judged(url: string, { address, target }: From): Address {
  const next = parseAddress(url, RTMP_SCHEMES);
  if (address.scheme === 'rtmps' && next.scheme !== 'rtmps') throw new Error('RTMPS is not left for RTMP.');
  if (rtmpTarget(next).streamName !== target.streamName) throw new Error('A stream has no place behind it.');
  return next;
}

const withStream = (tcUrl: string, { streamName }: RtmpTarget): string => `${withoutLastSlashes(tcUrl)}/${streamName}`;

/** RFC 3986, section 5.2, as far as there is something to it for a tcUrl. */
function resolved(reference: string, { address, target }: From): string {
  const server = `${address.scheme}://${authorityOf(address)}`;
  const path = target.app.split('?')[0] ?? '';
  if (reference === '') return `${server}/${target.app}`;
  if (/^[a-z][a-z0-9+.-]*:/i.test(reference)) return reference;
  if (reference.startsWith('//')) return `${address.scheme}:${reference}`;
  if (reference.startsWith('/')) return server + reference;
  if (reference.startsWith('?')) return `${server}/${path}${reference}`;
  return `${server}/${withoutDots([...path.split('/').slice(0, -1), ...reference.split('/')])}`;
}

function withoutDots(segments: readonly string[]): string {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return kept.join('/');
}
