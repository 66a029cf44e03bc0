import { type Address, redactUrl, urlOf } from '../address.ts';
import { within } from '../deadline.ts';
import { asFault, Fault } from '../fault.ts';
import type { Dialler } from '../net.ts';
import { BLOCK_BYTES } from './blocks.ts';
import { isRedirect, partOf, rangeHeader, redirectTarget } from './http-answer.ts';
import { HttpFile, type HttpFileOptions, type Opened } from './http-file.ts';
import { HTTP_LIMITS, type HttpLimits } from './http-limits.ts';
import { HttpLine } from './http-line.ts';

export interface HttpOpenOptions extends Omit<HttpFileOptions, 'limits'> {
  readonly dialler: Dialler;
  /** Calls off the opening; the open file ends by `close`. */
  readonly signal: AbortSignal;
  readonly limits?: Partial<HttpLimits>;
}

const MAX_REDIRECTS = 5;

/** Opens a file over HTTP. Redirects are followed, each through the one dialler and its policy. */
export async function openHttpFile(address: Address, options: HttpOpenOptions): Promise<HttpFile> {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const line = new HttpLine(options.dialler);
  const late = `${redactUrl(urlOf(address))} was not opened`;
  try {
    const opened = await within({ side: 'pull', signal: options.signal, late, waitMs: limits.openMs }, signal =>
      follow(address, line, { signal, limits }),
    );
    return new HttpFile(opened, { ...options, limits });
  } catch (error) {
    line.close();
    throw asFault('pull', error);
  }
}

async function follow(
  start: Address,
  line: HttpLine,
  { signal, limits }: { readonly signal: AbortSignal; readonly limits: HttpLimits },
): Promise<Opened> {
  const asked = { from: 0, to: BLOCK_BYTES };
  const visited = new Set<string>();
  let address = start;
  for (;;) {
    const answer = await line.get(address, { headers: rangeHeader(asked), signal, ...limits });
    if (!isRedirect(answer)) return { address, line, answer, part: partOf(address, answer, asked) };
    answer.destroy();
    visited.add(urlOf(address));
    address = redirectTarget(address, answer);
    if (visited.has(urlOf(address)))
      throw new Fault('pull', 'refused', `${redactUrl(urlOf(start))} redirects in a circle`);
    if (visited.size > MAX_REDIRECTS)
      throw new Fault('pull', 'refused', `${redactUrl(urlOf(start))} redirects more than ${MAX_REDIRECTS} times`);
  }
}
