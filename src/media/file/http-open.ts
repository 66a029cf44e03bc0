import { type Address, redactUrl, urlOf } from '../address.ts';
import { within } from '../deadline.ts';
import { asFault } from '../fault.ts';
import type { Dialler } from '../net.ts';
import { BLOCK_BYTES } from './blocks.ts';
import { partOf, rangeHeader } from './http-answer.ts';
import { HttpFile, type HttpFileOptions } from './http-file.ts';
import { follow } from './http-follow.ts';
import { HTTP_LIMITS, type HttpLimits } from './http-limits.ts';
import { HttpLine } from './http-line.ts';

export interface HttpOpenOptions extends Omit<HttpFileOptions, 'limits'> {
  readonly dialler: Dialler;
  /** Calls off the opening; the open file ends by `close`. */
  readonly signal: AbortSignal;
  readonly limits?: Partial<HttpLimits>;
}

/** Asked for first, which tells whether the server knows ranges. */
const START = { from: 0, to: BLOCK_BYTES };

/** Opens a file over HTTP. Redirects are followed, each through the one dialler and its policy. */
export async function openHttpFile(address: Address, options: HttpOpenOptions): Promise<HttpFile> {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const line = new HttpLine(options.dialler);
  const late = `${redactUrl(urlOf(address))} was not opened`;
  try {
    const found = await within({ side: 'pull', signal: options.signal, late, waitMs: limits.openMs }, signal =>
      follow(address, line, { headers: rangeHeader(START), signal, ...limits }),
    );
    const part = partOf(found.address, found.answer, START);
    return new HttpFile({ ...found, line, part }, { ...options, limits });
  } catch (error) {
    line.close();
    throw asFault('pull', error);
  }
}
