import { createHash } from 'node:crypto';

/** Names a receiver without telling its address, which may carry a password. */
export const endpointId = (accountId: string, url: string): string =>
  createHash('sha256').update(`${accountId}\n${url}`).digest('hex').slice(0, 24);
