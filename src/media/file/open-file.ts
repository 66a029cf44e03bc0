import { type Address, parseAddress, redactUrl } from '../address.ts';
import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import type { Dialler } from '../net.ts';
import { openHttpFile } from './http-open.ts';
import { openLocalFile } from './local-file.ts';

export interface FileOptions {
  readonly dialler: Dialler;
  /** Where `media://` files lie; without one there are none. */
  readonly mediaDir?: string | undefined;
  /** Calls off the opening; the open file ends by `close`. */
  readonly signal: AbortSignal;
}

/** Where the bytes of files come from, by scheme. */
const OPENERS = new Map<string, (url: string, options: FileOptions) => Promise<FileBytes>>([
  ['http', openHttp],
  ['https', openHttp],
  ['media', (url, { mediaDir, signal }) => openLocalFile(url, { mediaDir, signal })],
]);

export const FILE_SCHEMES: readonly string[] = [...OPENERS.keys()];

/** Opens a file. Everything that fails is a Fault of side `pull`. */
export async function openFile(url: string, options: FileOptions): Promise<FileBytes> {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1]?.toLowerCase() ?? '';
  const opener = OPENERS.get(scheme);
  if (opener === undefined)
    throw new Fault('pull', 'unsupported', `${redactUrl(url)}: a file is read from ${FILE_SCHEMES.join(', ')} only`);
  return opener(url, options);
}

async function openHttp(url: string, options: FileOptions): Promise<FileBytes> {
  return openHttpFile(parsed(url), options);
}

function parsed(url: string): Address {
  try {
    return parseAddress(url, ['http', 'https']);
  } catch (cause) {
    throw new Fault('pull', 'unsupported', `${redactUrl(url)}: ${(cause as Error).message}`, { cause });
  }
}
