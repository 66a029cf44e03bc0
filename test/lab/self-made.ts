import { readFileSync } from 'node:fs';
import { run } from './child.ts';
import type { Place } from './place.ts';

/** PEM, both. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

/** A certificate for localhost that nobody has signed but itself; it is its own authority, in the file `ca`. */
export async function selfMade(place: Place): Promise<Pair & { readonly ca: string }> {
  const [key, cert] = [place.path('key.pem'), place.path('cert.pem')];
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert],
  ]);
  return { ca: cert, key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
