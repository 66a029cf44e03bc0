import { type RawAnswer, sendRaw } from './api.ts';

export interface ConsoleCall {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the page shows what only a page of ours can read; yes, unless told. */
  readonly csrf?: boolean;
}

/** A browser with the console in it, as the node sees it: one cookie, and what its page has read. */
export class ConsoleUser {
  cookie = '';
  csrf = '';
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async ask(path: string, { method, body, headers = {}, csrf = true }: ConsoleCall = {}): Promise<RawAnswer> {
    const answer = await sendRaw(this.#base, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      url: `/api/v1/${path}`,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.cookie === '' ? {} : { cookie: `millrace_session=${this.cookie}` }),
        ...(csrf && this.csrf !== '' ? { 'x-millrace-csrf': this.csrf } : {}),
        ...headers,
      },
    });
    this.#keep(answer);
    return answer;
  }

  login(name: string, password: string): Promise<RawAnswer> {
    return this.ask('session', { body: { name, password } });
  }

  #keep({ headers, body }: RawAnswer): void {
    for (const line of headers['set-cookie'] ?? []) this.cookie = /^millrace_session=([^;]*)/.exec(line)?.[1] ?? '';
    if (typeof body?.csrf === 'string') this.csrf = body.csrf;
  }
}
