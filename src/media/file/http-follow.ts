import type http from 'node:http';
import { type Address, redactUrl, urlOf } from '../address.ts';
import { Fault } from '../fault.ts';
import { isRedirect, redirectTarget } from './http-answer.ts';
import type { GetOptions, HttpLine } from './http-line.ts';

const MAX_REDIRECTS = 5;

/** The first answer that is no redirect, and who gave it. Every hop is dialled by the one dialler, which judges it. */
export async function follow(
  start: Address,
  line: HttpLine,
  options: GetOptions,
): Promise<{ readonly address: Address; readonly answer: http.IncomingMessage }> {
  const visited = new Set<string>();
  let address = start;
  for (;;) {
    const answer = await line.get(address, options);
    if (!isRedirect(answer)) return { address, answer };
    answer.destroy();
    visited.add(urlOf(address));
    address = redirectTarget(address, answer);
    if (visited.has(urlOf(address)))
      throw new Fault('pull', 'refused', `${redactUrl(urlOf(start))} redirects in a circle`);
    if (visited.size > MAX_REDIRECTS)
      throw new Fault('pull', 'refused', `${redactUrl(urlOf(start))} redirects more than ${MAX_REDIRECTS} times`);
  }
}
