import { setTimeout as sleepFor } from 'node:timers/promises';
import { Deadline } from './client/deadline.ts';
import type { Asset, AssetWish, Domain, Finding, NodeFacts, Policy, Project } from './client/node-words.ts';
import { ApiError, isFinal, parsed, refusalOf, TooSlow, Unreachable, wordsOf } from './client/refusal.ts';
import { type StreamMessage, StreamReader } from './client/stream.ts';
import type { Plan, Task, TaskChange, TaskPage, TaskWish } from './client/task-words.ts';
import type {
  Delivery,
  Endpoint,
  Query,
  RedeliverWish,
  Rotation,
  SecretFacts,
  TaskEvent,
  TestOutcome,
} from './client/words.ts';

export interface ClientOptions {
  /** http://HOST:PORT, with a path where a proxy gives it one. */
  readonly base: string;
  /** The key to show; asked for again once it was refused. */
  readonly token: () => Promise<string>;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  /** How long an event stream may be silent: the node says something every 15 s. */
  readonly silenceMs?: number;
  readonly random?: () => number;
}

export interface FollowOptions {
  /** Begins behind this cursor; without, with what happens from now on. */
  readonly after?: string | undefined;
  /** Told that the stream was lost, not that it has ended, and will be taken up again. */
  readonly onBreak?: (why: Error) => void;
}

const DEADLINE_MS = 15_000;
const SILENCE_MS = 45_000;
const FIRST_RETRY_MS = 1_000;
const MOST_RETRY_MS = 10_000;

/** Ever longer, and never at the same moment as other clients of a node that has come back. */
function waitBefore(failures: number, firstMs: number, random: () => number): number {
  return Math.min(MOST_RETRY_MS, firstMs * 2 ** Math.min(failures - 1, 10)) * (0.5 + random() / 2);
}

/** Talks to the native API of one node. */
export class Client {
  readonly #options: ClientOptions;
  readonly #signal: AbortSignal;
  #token: Promise<string> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
  }

  tasks(query: Query): Promise<TaskPage> {
    return this.#ask('GET', 'tasks', { query });
  }

  task(id: string, query: Query = {}): Promise<Task> {
    return this.#ask('GET', taskPath(id), { query });
  }

  createTask(body: TaskWish): Promise<Task> {
    return this.#ask('POST', 'tasks', { body });
  }

  /** With a version, only where the task is still at it. */
  changeTask(id: string, body: TaskChange, version?: number): Promise<Task> {
    const headers = version === undefined ? {} : { 'if-match': `"${version}"` };
    return this.#ask('PATCH', taskPath(id), { body, headers });
  }

  async deleteTask(id: string): Promise<void> {
    await this.#ask('DELETE', taskPath(id));
  }

  operate(id: string, what: 'start' | 'stop' | 'restart' | 'skip'): Promise<Task> {
    return this.#ask('POST', `${taskPath(id)}/${what}`);
  }

  switchTask(id: string, to: number | 'auto'): Promise<Task> {
    return this.#ask('POST', `${taskPath(id)}/switch`, { body: { to } });
  }

  jump(id: string, body: JumpWish): Promise<Task> {
    return this.#ask('POST', `${taskPath(id)}/jump`, { body });
  }

  /** What would become of a task: its sources are looked at meanwhile. */
  plan(body: TaskWish): Promise<Plan> {
    return this.#ask('POST', 'plan', { body, deadlineMs: 4 * DEADLINE_MS });
  }

  async nodes(): Promise<readonly NodeFacts[]> {
    return (await this.#ask<{ nodes: readonly NodeFacts[] }>('GET', 'nodes')).nodes;
  }

  async wantOfNode(name: string, what: 'drain' | 'cordon' | 'uncordon'): Promise<readonly NodeFacts[]> {
    const path = `nodes/${encodeURIComponent(name)}/${what}`;
    return (await this.#ask<{ nodes: readonly NodeFacts[] }>('POST', path)).nodes;
  }

  async diagnose(): Promise<readonly Finding[]> {
    const asked = this.#ask<{ checks: readonly Finding[] }>('GET', 'doctor', { deadlineMs: 2 * DEADLINE_MS });
    return (await asked).checks;
  }

  async projects(): Promise<readonly Project[]> {
    return (await this.#ask<{ projects: readonly Project[] }>('GET', 'projects')).projects;
  }

  putProject(body: Pick<Project, 'name'>): Promise<Project> {
    return this.#ask('POST', 'projects', { body });
  }

  async domains(): Promise<readonly Domain[]> {
    return (await this.#ask<{ domains: readonly Domain[] }>('GET', 'domains')).domains;
  }

  putDomain(body: Domain): Promise<Domain> {
    return this.#ask('POST', 'domains', { body });
  }

  async policies(): Promise<readonly Policy[]> {
    return (await this.#ask<{ policies: readonly Policy[] }>('GET', 'policies')).policies;
  }

  putPolicy(body: Pick<Policy, 'name' | 'document'>): Promise<Policy> {
    return this.#ask('POST', 'policies', { body });
  }

  async assets(query: Query = {}): Promise<readonly Asset[]> {
    return (await this.#ask<{ assets: readonly Asset[] }>('GET', 'assets', { query })).assets;
  }

  putAsset(body: AssetWish): Promise<Asset> {
    return this.#ask('POST', 'assets', { body, deadlineMs: 4 * DEADLINE_MS });
  }

  async remove(what: 'domains' | 'policies' | 'assets', id: string): Promise<void> {
    await this.#ask('DELETE', `${what}/${encodeURIComponent(id)}`);
  }

  events(query: Query): Promise<{ events: readonly TaskEvent[]; next: string | null }> {
    return this.#ask('GET', 'events', { query });
  }

  /** Of one task, oldest first. */
  eventsOf(taskId: string, query: Query): Promise<{ events: readonly TaskEvent[]; next_seq: number | null }> {
    return this.#ask('GET', `tasks/${encodeURIComponent(taskId)}/events`, { query });
  }

  deliveries(query: Query): Promise<{ deliveries: readonly Delivery[]; next: string | null }> {
    return this.#ask('GET', 'deliveries', { query });
  }

  delivery(id: string): Promise<Delivery> {
    return this.#ask('GET', `deliveries/${encodeURIComponent(id)}`);
  }

  redeliver(id: string): Promise<{ redelivered: number }> {
    return this.#ask('POST', `deliveries/${encodeURIComponent(id)}/redeliver`);
  }

  redeliverAll(body: RedeliverWish): Promise<{ redelivered: number }> {
    return this.#ask('POST', 'deliveries/redeliver', { body });
  }

  async endpoints(): Promise<readonly Endpoint[]> {
    return (await this.#ask<{ endpoints: readonly Endpoint[] }>('GET', 'endpoints')).endpoints;
  }

  async resume(endpointId: string): Promise<void> {
    await this.#ask('POST', `endpoints/${encodeURIComponent(endpointId)}/resume`);
  }

  testCallback(body: { readonly url: string } | { readonly task_id: string }): Promise<TestOutcome> {
    // The node waits for the receiver before it answers.
    return this.#ask('POST', 'callbacks/test', { body, deadlineMs: 2 * DEADLINE_MS });
  }

  async callbackSecrets(): Promise<readonly SecretFacts[]> {
    return (await this.#ask<{ secrets: readonly SecretFacts[] }>('GET', 'callbacks/secret')).secrets;
  }

  rotateSecret(body: { readonly overlap_s?: number }): Promise<Rotation> {
    return this.#ask('POST', 'callbacks/secret/rotate', { body });
  }

  /**
   * Events as they happen, each once and without a gap: a stream that is lost is taken up behind the last event. Ends only
   * with the signal, or where the node refuses for good.
   */
  async *follow(query: Query, { after, onBreak }: FollowOptions = {}): AsyncGenerator<TaskEvent, never, undefined> {
    let cursor = after ?? (await this.#newest(query));
    let retryMs = FIRST_RETRY_MS;
    for (let failures = 0; ; ) {
      let why: Error | undefined;
      try {
        for await (const { id, data, retry } of this.#stream(query, cursor)) {
          failures = 0;
          retryMs = retry ?? retryMs;
          if (data === undefined) continue;
          cursor = id ?? cursor;
          yield parsed<TaskEvent>(data);
        }
      } catch (error) {
        if (this.#signal.aborted || isFinal(error) || !(error instanceof Error)) throw error;
        why = error;
      }
      // A node lets streams end now and then: that is no news.
      if (why !== undefined) onBreak?.(why);
      await this.#rest(waitBefore(++failures, retryMs, this.#options.random ?? Math.random), why);
    }
  }

  async #newest(query: Query): Promise<string> {
    const { events } = await this.events({ ...query, limit: 1 });
    return events[0]?.cursor ?? '0';
  }

  async #rest(ms: number, why: Error | undefined): Promise<void> {
    await sleepFor(Math.max(ms, why instanceof ApiError ? why.retryAfterMs : 0), undefined, { signal: this.#signal });
  }

  async *#stream(query: Query, after: string): AsyncGenerator<StreamMessage> {
    const silence = new Deadline(this.#options.deadlineMs ?? DEADLINE_MS);
    const signal = AbortSignal.any([this.#signal, silence.signal]);
    try {
      const headers = { accept: 'text/event-stream', 'last-event-id': after };
      const answer = await this.#fetch('GET', 'events/stream', { query, headers, signal });
      if (answer.body === null) return;
      const reader = new StreamReader();
      for await (const chunk of answer.body) {
        silence.restart(this.#options.silenceMs ?? SILENCE_MS);
        yield* reader.take(chunk);
      }
    } catch (error) {
      throw this.#told(error, silence.signal);
    } finally {
      silence.close();
    }
  }

  async #ask<T>(method: string, path: string, given: Asked = {}): Promise<T> {
    const deadline = new Deadline(given.deadlineMs ?? this.#options.deadlineMs ?? DEADLINE_MS);
    const signal = AbortSignal.any([this.#signal, deadline.signal]);
    try {
      const answer = await this.#fetch(method, path, { ...given, signal });
      return parsed<T>(await answer.text());
    } catch (error) {
      throw this.#told(error, deadline.signal);
    } finally {
      deadline.close();
    }
  }

  /** An answer of success. A key that is refused may have run out meanwhile: another one is asked for, once. */
  async #fetch(method: string, path: string, given: Asked & { readonly signal: AbortSignal }): Promise<Response> {
    const known = this.#token !== undefined;
    const answer = await this.#send(method, path, given);
    if (answer.ok) return answer;
    const refusal = await refusalOf(answer, this.#options.base);
    if (answer.status !== 401) throw refusal;
    this.#token = undefined;
    if (!known) throw refusal;
    const again = await this.#send(method, path, given);
    if (again.ok) return again;
    throw await refusalOf(again, this.#options.base);
  }

  async #send(method: string, path: string, { query = {}, body, headers, signal }: Asked): Promise<Response> {
    this.#token ??= this.#options.token();
    const token = await this.#token;
    // What refuses such a header repeats it.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new ApiError('the key holds characters that no key has', { status: 401 });
    return fetch(urlOf(this.#options.base, path, query), {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      redirect: 'manual',
    });
  }

  /** What `fetch` throws is told in our words. */
  #told(error: unknown, deadline: AbortSignal): unknown {
    if (error instanceof ApiError || error instanceof Unreachable || this.#signal.aborted) return error;
    if (deadline.aborted) return new TooSlow(`the node at ${this.#options.base} does not answer in time`);
    if (error instanceof TypeError) {
      return new Unreachable(`no node answers at ${this.#options.base}: ${wordsOf(error.cause)}`, { cause: error });
    }
    return error;
  }
}

const taskPath = (id: string): string => `tasks/${encodeURIComponent(id)}`;

export interface JumpWish {
  readonly index: number;
  readonly round?: number;
  readonly offset_s?: number;
}

interface Asked {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
}

function urlOf(base: string, path: string, query: Query): URL {
  const url = new URL(`${base.replace(/\/+$/, '')}/api/v1/${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'object' ? value : [value]) url.searchParams.append(name, String(one));
  }
  return url;
}
