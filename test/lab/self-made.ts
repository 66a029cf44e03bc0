import { readFileSync } from 'node:fs';
import { run } from './child.ts';
import type { Place } from './place.ts';

/** PEM, both. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

interface Wish {
  /** Of the host, and of the files. */
  readonly name?: string;
  /** Of an earlier one, whose key it is to have; otherwise a new one is made. */
  readonly like?: string;
}

/** A certificate that nobody has signed but itself, for localhost; it is its own authority, in the file `ca`. */
export async function selfMade(place: Place, { name = 'localhost', like }: Wish = {}): Promise<Pair & { ca: string }> {
  const [key, cert] = [place.path(`${like ?? name}.key.pem`), place.path(`${name}.pem`)];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  await run('openssl', [
    ...['req', '-x509', '-days', '2', '-out', cert, ...(like === undefined ? newKey : ['-key', key])],
    ...['-subj', '/CN=localhost', '-addext', `subjectAltName=DNS:${name.includes('.') ? name : 'localhost'}`],
  ]);
  return { ca: cert, key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
