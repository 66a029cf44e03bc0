import { X509Certificate } from 'node:crypto';
import type { Problem } from '../task/error.ts';
import type { TaskSpec } from '../task/spec.ts';
import type { Trust } from '../task/trust.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What the rules cannot tell by the look of it: a block that is no certificate vouches for nobody, and says so to nobody. */
export const checkCertificates = ({ source, destination }: TaskSpec): readonly Problem[] => [
  ...(source.kind === 'live' ? unreadable('source.tls.ca', source.tls) : []),
  ...unreadable('destination.tls.ca', destination.tls),
];

function unreadable(field: string, { ca = '' }: Trust = {}): readonly Problem[] {
  const blocks = ca.match(BLOCK) ?? [];
  return blocks.every(isCertificate) ? [] : [{ field, rule: 'holds a block that is no certificate' }];
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
