import type { Problem } from './error.ts';

/**
 * Whom to believe of one peer, where its owner knows better than the system's authorities. Each part only narrows what
 * is accepted: nothing here turns the check of a certificate off.
 */
export interface Trust {
  /** Certificates of the authorities that may vouch for the peer, PEM; no others may then. A self-signed one is its own. */
  readonly ca?: string;
  /** Keys of which the peer has to show one: `sha256/` and the digest of the key (SPKI), base64. */
  readonly pins?: readonly string[];
  /** The name to ask for and to find in the certificate, where the address has another one, or none. */
  readonly serverName?: string;
}

/** Travels in every order to a worker: of a whole node's tasks together it must stay small. */
const MOST_CA_CHARS = 8_192;
const MOST_PINS = 8;
const MOST_NAME_CHARS = 253;
const TLS_ADDRESS = /^(?:rtmps|rtsps|https|wss):/i;
const CERTIFICATES = /^\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/;
const PIN = /^sha256\/[A-Za-z0-9+/]{43}=$/;
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
/** Its last part holds a letter: a TLS server name is never an IP address. */
const HOST_NAME = new RegExp(`^(?:${LABEL}\\.)*(?=[a-z0-9_-]*[a-z])${LABEL}$`, 'i');

/** The broken rules. `url` is the peer's address where it is known; a domain's is not before the run starts. */
export function checkTrust(field: string, trust: Trust | undefined, url: string | undefined): readonly Problem[] {
  if (trust === undefined) return [];
  const { ca = '', pins, serverName } = trust;
  const broken = (part: string, isBroken: boolean, rule: string): readonly Problem[] =>
    isBroken ? [{ field: `${field}${part}`, rule }] : [];
  return [
    ...broken('', url !== undefined && !TLS_ADDRESS.test(url), 'is for addresses of rtmps, rtsps, https or wss'),
    ...broken('.ca', ca.length > MOST_CA_CHARS, `takes at most ${MOST_CA_CHARS} characters`),
    ...broken(
      '.ca',
      trust.ca !== undefined && !CERTIFICATES.test(ca),
      'must hold certificates in PEM, and nothing else',
    ),
    ...broken('.pins', !isCountOfPins(pins), `must hold 1 to ${MOST_PINS} pins`),
    ...broken(
      '.pins',
      pins?.every(pin => PIN.test(pin)) === false,
      'must be written sha256/… with 44 characters of base64',
    ),
    ...broken('.serverName', serverName !== undefined && !isHostName(serverName), 'must be a host name'),
  ];
}

const isCountOfPins = (pins: Trust['pins']): boolean =>
  pins === undefined || (pins.length >= 1 && pins.length <= MOST_PINS);

const isHostName = (name: string): boolean => name.length <= MOST_NAME_CHARS && HOST_NAME.test(name);
