import { createHash, X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { Fault, type Side } from './fault.ts';

/** Whom to believe of one peer; a certificate is checked all the same. */
export interface Trust {
  /** The authorities that may vouch for it, in the place of all others, PEM. */
  readonly ca?: string;
  /** Keys of which it has to show one besides: `sha256/` and the digest of the key (SPKI), base64. */
  readonly pins?: readonly string[];
  /** Its name, where the address has another one. */
  readonly serverName?: string;
}

interface Securing extends Trust {
  readonly side: Side;
  readonly host: string;
  /** As errors name it. */
  readonly peer: string;
  /** Who else may vouch for it; undefined: the system's authorities. */
  readonly known: readonly string[] | undefined;
}

/** How a connection to that peer is made a secure one. */
export function securityOf({ ca, pins, serverName, ...peer }: Securing): tls.ConnectionOptions {
  const host = serverName ?? peer.host;
  const authorities = ca === undefined ? peer.known : [ca];
  return {
    host,
    // RFC 6066: a server name indication never holds an IP address.
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(authorities === undefined ? {} : { ca: [...authorities] }),
    minVersion: 'TLSv1.2',
    // Called when the chain has been found good.
    checkServerIdentity: (name, shown) => tls.checkServerIdentity(name, shown) ?? pinFault(shown, pins, peer),
  };
}

function pinFault(shown: tls.PeerCertificate, pins: Trust['pins'], { side, peer }: Pick<Securing, 'side' | 'peer'>) {
  if (pins === undefined) return undefined;
  const pin = pinOf(shown.raw);
  if (pins.includes(pin)) return undefined;
  return new Fault(side, 'tls', `TLS with ${peer} failed: its key is ${pin}, which is none of those it may have`);
}

/** As RFC 7469 makes it, and curl and openssl show it. */
export function pinOf(certificate: Buffer | string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(key).digest('base64')}`;
}
