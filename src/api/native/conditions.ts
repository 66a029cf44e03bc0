import { createHash } from 'node:crypto';
import { type Caller, headerValues, type WireRequest } from '../auth.ts';
import { invalid, NativeError } from './error.ts';

interface Once {
  readonly key: string;
  readonly wish: string;
}

/** Of a task, as HTTP has it: what `If-Match` is to hold. */
export const printVersion = (version: number): string => `"${version}"`;

/**
 * By what a creation that is sent again is known; undefined where that is not asked for. Who acts for one project has
 * keys of its own: it is not shown what another project has made.
 */
export function onceOf({ rawHeaders, body }: WireRequest, { projectId }: Pick<Caller, 'projectId'>): Once | undefined {
  const [given, ...more] = headerValues(rawHeaders, 'idempotency-key');
  if (given === undefined) return undefined;
  if (more.length === 0 && /^[!-~]{1,255}$/.test(given))
    return { key: digest(projectId === '' ? given : `${projectId} ${given}`), wish: digest(body) };
  throw invalid([
    { field: 'Idempotency-Key', rule: 'must be one text of 1 to 255 printable characters without spaces' },
  ]);
}

const digest = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The version that a change is meant for; undefined where any will do. */
export function versionOf(rawHeaders: readonly string[]): number | undefined {
  const [given, ...more] = headerValues(rawHeaders, 'if-match');
  if (given === undefined || given.trim() === '*') return undefined;
  const [, digits] = /^\s*"(\d{1,15})"\s*$/.exec(given) ?? [];
  if (digits !== undefined && more.length === 0) return Number(digits);
  throw invalid([{ field: 'If-Match', rule: 'must be one version of the task in quotation marks, like "3"' }]);
}

export const otherVersion = (version: number): NativeError =>
  new NativeError('VERSION_MISMATCH', `The task is at version ${version}.`, {
    errors: [{ field: 'If-Match', rule: `must be ${printVersion(version)}, the present version` }],
    etag: printVersion(version),
  });
