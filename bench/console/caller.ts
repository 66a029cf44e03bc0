import type { Millrace } from '../../test/lab/millrace.ts';
import { pass } from '../wait.ts';

const THROTTLED = 429;

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly tookMs: number;
}

/** A program with an API key, which times what it asks; nothing but the asking is in its times. */
export class Caller {
  readonly token: string;
  readonly #base: string;
  readonly #signal: AbortSignal;

  private constructor(base: string, token: string, signal: AbortSignal) {
    this.#base = base;
    this.token = token;
    this.#signal = signal;
  }

  static async of(node: Millrace, signal: AbortSignal): Promise<Caller> {
    const [token] = /mlr_[\w-]+/.exec(await node.command('key', 'create', '--api')) ?? [];
    if (token === undefined) throw new Error('no API key was made');
    return new Caller(`${node.api}/api/v1/`, token, signal);
  }

  async ask(path: string, { method, body }: { method?: string; body?: unknown } = {}): Promise<Answer> {
    const startedMs = performance.now();
    const answer = await fetch(`${this.#base}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: this.#signal,
    });
    const text = await answer.text();
    const tookMs = performance.now() - startedMs;
    if (answer.status === THROTTLED) {
      await pass(Number(answer.headers.get('retry-after')) * 1_000, this.#signal);
      return this.ask(path, { ...(method === undefined ? {} : { method }), body });
    }
    if (!answer.ok) throw new Error(`${method ?? ''} ${path} was answered with ${answer.status}: ${text}`);
    return { status: answer.status, text, tookMs };
  }

  /** What it took to ask for the same so many times, one after the other. */
  async times(path: string, count: number): Promise<readonly number[]> {
    const took: number[] = [];
    for (let i = 0; i < count; i++) took.push((await this.ask(path)).tookMs);
    return took;
  }

  /** The task that was made of the wish. */
  async create(wish: object): Promise<string> {
    const { text } = await this.ask('tasks', { body: wish });
    const { id } = JSON.parse(text) as { readonly id: string };
    return id;
  }

  /** How many tasks have that status. */
  async count(status: string): Promise<number> {
    const { text } = await this.ask(`tasks?status=${status}&limit=1`);
    const { total } = JSON.parse(text) as { readonly total: number };
    return total;
  }
}
