import { type Address, parseAddress } from '../address.ts';
import { credentialsOf } from '../credentials.ts';
import { within } from '../deadline.ts';
import { asFault, Fault } from '../fault.ts';
import { Login } from './auth.ts';
import { type Line, plainLine } from './line.ts';
import { Negotiation, type Outcome } from './negotiation.ts';
import { Peer } from './refusal.ts';
import type { RtspOptions, RtspStream } from './stream.ts';
import { openTunnel } from './tunnel.ts';
import { type Way, wishOf } from './way.ts';

const SCHEMES = ['rtsp', 'rtsps'];
const MAX_REDIRECTS = 3;
const TOTAL_MS = 10_000;

/** Dials and negotiates, following redirects, each through the dialler and its policy. */
export async function openRtsp(given: Address, options: RtspOptions): Promise<RtspStream> {
  const { address, way } = wished(given);
  const first = new Peer(address);
  const late = `${first.where} did not begin to play`;
  const waitMs = options.totalMs ?? TOTAL_MS;
  return within({ side: 'pull', signal: options.signal, late, waitMs }, async signal => {
    let trial: Trial = { address, way, login: loginFor(address, options), mayHangUp: true };
    for (let hops = 0; hops <= MAX_REDIRECTS; ) {
      const outcome = await negotiate(trial, { ...options, signal });
      if (outcome === 'again') trial = { ...trial, mayHangUp: false };
      else if (outcome === 'byDatagrams') trial = { ...trial, way: 'udp' };
      else if ('redirect' in outcome) {
        const at = follow(outcome.redirect, trial.address, first);
        trial = { ...trial, address: at, way, login: loginFor(at, options) };
        hops++;
      } else return outcome;
    }
    const sentence = `${first.where} redirects more than ${MAX_REDIRECTS} times`;
    throw new Fault('pull', 'refused', sentence, { refusal: 'redirected' });
  });
}

function wished(given: Address): ReturnType<typeof wishOf> {
  try {
    return wishOf(given);
  } catch (cause) {
    throw new Fault('pull', 'unsupported', `${new Peer(given).where}: ${(cause as Error).message}`, { cause });
  }
}

const loginFor = ({ userinfo }: Address, { random }: RtspOptions): Login => new Login(credentialsOf(userinfo), random);

/** Who we are is told to the same host only, and not where it could be overheard when it could not before. */
function follow(location: string, from: Address, peer: Peer): Address {
  try {
    const to = parseAddress(location, SCHEMES);
    const isSame = to.host === from.host && (to.scheme === from.scheme || to.scheme === 'rtsps');
    return to.userinfo === '' && isSame ? { ...to, userinfo: from.userinfo } : to;
  } catch (cause) {
    const sentence = `${peer.where} redirects to an address that cannot be used. ${(cause as Error).message}`;
    throw new Fault('pull', 'refused', sentence, { cause, refusal: 'redirected' });
  }
}

interface Trial {
  readonly address: Address;
  readonly way: Way | undefined;
  readonly login: Login;
  readonly mayHangUp: boolean;
}

async function negotiate(trial: Trial, options: RtspOptions): Promise<Outcome> {
  const line = await openLine(trial, options);
  const negotiation = new Negotiation(line, trial, options);
  try {
    const outcome = await negotiation.run();
    if (typeof outcome === 'string' || 'redirect' in outcome) negotiation.abandon();
    return outcome;
  } catch (error) {
    negotiation.abandon();
    if (trial.mayHangUp && negotiation.hungUpForLogin) return 'again';
    throw asFault('pull', error);
  } finally {
    negotiation.detach();
  }
}

async function openLine({ address, way }: Trial, options: RtspOptions): Promise<Line> {
  if (way === 'http') return openTunnel(address, options);
  return plainLine(await options.dialler.dial(address, { signal: options.signal, side: 'pull' }));
}
