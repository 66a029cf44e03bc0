import type net from 'node:net';
import { type Address, type RtmpTarget, redactUrl, rtmpTarget, urlOf } from '../address.ts';
import { asFault, Fault, type Side } from '../fault.ts';
import type { Dialler } from '../net.ts';
import type { Batch } from '../packet.ts';
import type { Referral } from '../referral.ts';
import type { Secrets } from './answer.ts';
import type { Command, Link } from './link.ts';
import { type Attempt, Negotiation, type Outcome, sideOf } from './negotiation.ts';

export interface RtmpOptions {
  readonly dialler: Dialler;
  readonly signal: AbortSignal;
  /** How long a server may take over one step of the negotiation, and over all of them. */
  readonly stepMs?: number;
  readonly totalMs?: number;
  readonly random?: (bytes: number) => Buffer;
  /** Behind `connect` nothing more is asked for before this resolves: another publish may have to end first. */
  readonly held?: (() => Promise<void>) | undefined;
  /** Codecs of enhanced RTMP that are to be published, which the server is told of. */
  readonly fourCcs?: readonly string[];
  /** Told each time the server asks for another connection in the place of this one. */
  readonly referred?: ((to: Referral) => void) | undefined;
}

/** A connection on which the server has accepted to play or to take a stream. Its socket is paused and owned by the caller. */
export interface RtmpStream {
  readonly socket: net.Socket;
  readonly link: Link;
  readonly streamId: number;
  /** Where redirects have led to. */
  readonly address: Address;
  readonly target: RtmpTarget;
  /** The address for error messages. */
  readonly where: string;
  readonly secrets: Secrets;
  /** Media that came while the negotiation was still listening; the packets own their bytes. */
  readonly early: Batch;
  /** Commands that came in one read with the server's yes, and may take it back. */
  readonly late: readonly Command[];
}

export type Purpose = 'play' | 'publish';

const MAX_REDIRECTS = 3;
/** A name, the answer to a challenge, and once more where the challenge had grown old. */
const MAX_AUTHORIZATIONS = 3;
/** Dials and negotiates, following redirects, each through the dialler and its policy. */
export async function openRtmp(address: Address, purpose: Purpose, options: RtmpOptions): Promise<RtmpStream> {
  let next = address;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const result = await negotiateAuthorized(next, purpose, options);
    if (!('redirect' in result)) return result;
    // It brings its own credentials or none: ours are for the server that was named.
    next = result.redirect;
  }
  const where = redactUrl(urlOf(address));
  const sentence = `${where} redirects more than ${MAX_REDIRECTS} times`;
  throw new Fault(sideOf(purpose), 'refused', sentence, { refusal: 'redirected' });
}

type Reached = Exclude<Outcome, { readonly authorization: string } | { readonly plainly: true }>;

/** A connect that is refused for want of a password is made anew with what the server wants to hear. */
async function negotiateAuthorized(address: Address, purpose: Purpose, options: RtmpOptions): Promise<Reached> {
  let said = '';
  let { fourCcs = [] } = options;
  for (let tries = 0; ; tries++) {
    const result = await negotiate(address, purpose, { ...options, fourCcs, said, mayAsk: tries < MAX_AUTHORIZATIONS });
    // Old servers have refused a client that told them of codecs, and take them all the same.
    if ('plainly' in result) fourCcs = [];
    else if ('authorization' in result) said = result.authorization;
    else return result;
  }
}

async function negotiate(address: Address, purpose: Purpose, options: Attempt): Promise<Outcome> {
  const side = sideOf(purpose);
  const target = targetOf(address, side);
  const socket = await options.dialler.dial(address, { signal: options.signal, side });
  const negotiation = new Negotiation({ socket, address, target, purpose, options });
  try {
    const result = await negotiation.run();
    if (!('socket' in result)) socket.destroy();
    return result;
  } catch (error) {
    socket.destroy();
    throw asFault(side, error);
  } finally {
    negotiation.detach();
  }
}

function targetOf(address: Address, side: Side): RtmpTarget {
  try {
    return rtmpTarget(address);
  } catch (cause) {
    throw new Fault(side, 'unsupported', `${redactUrl(urlOf(address))}: ${(cause as Error).message}`, { cause });
  }
}
