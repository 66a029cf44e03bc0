import type { Login } from './auth.ts';
import { requestBytes } from './message.ts';

const USER_AGENT = 'Millrace';

/** What all requests of a connection share: their numbers, the stream's name at the server, and who we are. */
export class Asking {
  readonly login: Login;
  stream: string | undefined;
  #count = 0;

  constructor(login: Login) {
    this.login = login;
  }

  /** The request, and the number that its answer will bear. */
  request(method: string, uri: string, more: Readonly<Record<string, string>> = {}): { bytes: Buffer; number: number } {
    const number = ++this.#count;
    const authorization = this.login.authorization({ method, uri });
    const headers = {
      CSeq: String(number),
      'User-Agent': USER_AGENT,
      ...(this.stream === undefined ? {} : { Session: this.stream }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...more,
    };
    return { bytes: requestBytes({ method, uri, headers }), number };
  }
}
