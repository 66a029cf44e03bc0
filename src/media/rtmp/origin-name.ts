import type { AmfValue } from './amf0.ts';

const MAX_LENGTH = 1_024;

/** The application that a `connect` command object names, without its query; undefined when it names none. */
export function appOf(connect: AmfValue): string | undefined {
  if (typeof connect !== 'object' || connect === null || !('app' in connect)) return undefined;
  return typeof connect.app === 'string' && connect.app.length <= MAX_LENGTH ? bare(connect.app) : undefined;
}

/**
 * What a stream is known by: application and name, both of any number of segments. The query is not part of it, so
 * that who publishes with a token and who plays without one mean the same stream.
 */
export function streamKey(app: string, name: AmfValue): string | undefined {
  if (name !== undefined && name !== null && (typeof name !== 'string' || name.length > MAX_LENGTH)) return undefined;
  const key = [app, bare(name ?? '')].filter(part => part !== '').join('/');
  return key === '' ? undefined : key;
}

/** Without query and without slashes at either end. */
function bare(path: string): string {
  const query = path.indexOf('?');
  const parts = (query < 0 ? path : path.slice(0, query)).split('/');
  return parts.filter(part => part !== '').join('/');
}
