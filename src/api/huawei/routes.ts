import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TaskSpec } from '../../task/spec.ts';
import { type Caller, headerValues } from '../auth.ts';
import { BadJson, type Json, readJson } from '../json.ts';
import type { Log } from '../log.ts';
import { Refusal } from '../refusal.ts';
import type { ServerOptions } from '../server.ts';
import type { Target } from '../target.ts';
import type { Gate, Operation } from './auth.ts';
import { asAnswer, badParameter, HuaweiError, printError, translate, unknownTask } from './error.ts';
import { checkText } from './fields.ts';
import { identityRoutes } from './identity.ts';
import { printTask, readCreate, readModify, readTaskId, TASK_ID } from './task.ts';

const TASK_PATH = '/v1/:projectId/pull/stream/task';
const MOST_LISTED = 100;
const DEFAULT_LISTED = 10;
const MOST_OFFSET = 2_147_483_647;
/** The page's range for `total`. */
const MOST_TOTAL = 10_000;

export type HuaweiOptions = ServerOptions & { readonly gate: Gate };

/** A call on the tasks of one project. */
type TaskRequest = FastifyRequest<{ Params: { projectId: string } }>;

/** Whether the path is the tasks' own, where another method is another refusal than no such path. */
function isTaskPath({ segments }: Target): boolean {
  const [empty, version, , ...rest] = segments.at(-1) === '' ? segments.slice(0, -1) : segments;
  return empty === '' && version === 'v1' && rest.join('/') === 'pull/stream/task';
}

/** The relay task API and the identity API that its clients log in with. */
export function huaweiRoutes(app: FastifyInstance, options: HuaweiOptions): void {
  const calls = new TaskCalls(options, options.gate);
  app.post(TASK_PATH, (request: TaskRequest) => calls.create(request));
  app.get(TASK_PATH, (request: TaskRequest) => calls.list(request));
  app.put(TASK_PATH, (request: TaskRequest) => calls.modify(request));
  app.delete(TASK_PATH, (request: TaskRequest) => calls.delete(request));
  identityRoutes(app, options);
}

class TaskCalls {
  readonly #options: ServerOptions;
  readonly #gate: Gate;

  constructor(options: ServerOptions, gate: Gate) {
    this.#options = options;
    this.#gate = gate;
  }

  create(request: TaskRequest): Promise<object> {
    return inOurWords('create', async () => {
      const { tasks, checkUrl, now, region } = this.#options;
      const caller = await this.#gate.admit(request.wire, request.params.projectId, 'create');
      const spec = readCreate(readDocument(request), { checkUrl, now: now(), region });
      await this.#requireDomain(caller, spec);
      const task = await tasks.create(caller, spec);
      return { task_id: task.id, request_id: request.id };
    });
  }

  list(request: TaskRequest): Promise<object> {
    return inOurWords('list', async () => {
      const caller = await this.#gate.admit(request.wire, request.params.projectId, 'list');
      const query = new Query(request.wire.target);
      const taskId = query.taskId();
      const filter = { ...query.region(), ...(taskId === undefined ? {} : { taskId }) };
      const offset = query.integer('offset', 0, MOST_OFFSET) ?? 0;
      const limit = query.integer('limit', 1, MOST_LISTED) ?? DEFAULT_LISTED;
      const { tasks, total } = await this.#options.tasks.list(caller, filter, { offset, limit });
      if (taskId !== undefined && total === 0) throw unknownTask('list');
      return { request_id: request.id, total: Math.min(total, MOST_TOTAL), task_infos: tasks.map(printTask) };
    });
  }

  modify(request: TaskRequest): Promise<object> {
    return inOurWords('modify', async () => {
      const { tasks, checkUrl } = this.#options;
      const caller = await this.#gate.admit(request.wire, request.params.projectId, 'modify');
      const body = readDocument(request);
      const task = await tasks.change(caller, readTaskId(body), ({ spec }) => readModify(body, spec, checkUrl));
      return { task_id: task.id, request_id: request.id };
    });
  }

  delete(request: TaskRequest): Promise<object> {
    return inOurWords('delete', async () => {
      const { tasks } = this.#options;
      const caller = await this.#gate.admit(request.wire, request.params.projectId, 'delete');
      const query = new Query(request.wire.target);
      const taskId = query.taskId();
      if (taskId === undefined) throw badParameter('task_id', 'is required');
      const { region } = query.region();
      const { spec } = await tasks.get(caller, taskId);
      if ((region ?? spec.region) !== spec.region) throw unknownTask('delete');
      await tasks.delete(caller, taskId);
      return { task_id: taskId, request_id: request.id };
    });
  }

  async #requireDomain({ accountId }: Caller, { destination }: TaskSpec): Promise<void> {
    if (destination.kind !== 'ingest') return;
    const domain = await this.#options.accounts.findDomain(destination.domain, accountId);
    if (domain === undefined) throw badParameter('domain', 'is not a domain of the account');
  }
}

/** What goes wrong before or outside an operation, in this dialect's words. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, { log }: { log: Log }): void {
  const answer = asAnswer(atPath(error, request), request.id, log);
  const { status, body } = printError(answer, request.id);
  if (answer.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(answer.retryAfterMs / 1_000));
  reply.code(status).send(body);
}

/** The gateway tells a path that it does not know from a method that it does not take there. */
function atPath(error: unknown, { wire }: FastifyRequest): unknown {
  if (!(error instanceof Refusal) || error.kind !== 'noRoute') return error;
  return isTaskPath(wire.target)
    ? new HuaweiError('method', 'The HTTP method is not supported.')
    : new HuaweiError('noRoute', 'The API does not exist or has not been published in the environment.');
}

async function inOurWords<T>(operation: Operation, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translate(error, operation);
  }
}

/** The body of POST and PUT: JSON by name and by nature. */
function readDocument({ wire }: FastifyRequest): Json {
  const type = headerValues(wire.rawHeaders, 'content-type').join(',');
  if (!/^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i.test(type)) {
    throw new HuaweiError('mediaType', 'The media type is not supported, use application/json.');
  }
  if (wire.body.length === 0) throw badParameter('body', 'object expected');
  try {
    return readJson(wire.body);
  } catch (error) {
    if (error instanceof BadJson) throw badParameter('body', error.message);
    throw error;
  }
}

/** Query parameters, where a name may stand once. */
class Query {
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  taskId(): string | undefined {
    const value = this.#value('task_id');
    return value === undefined ? undefined : checkText('task_id', value, TASK_ID);
  }

  /** Empty counts as absent: SDKs send an unset text as they find it. */
  region(): { readonly region?: string } {
    const value = this.#value('region') ?? '';
    return value === '' ? {} : { region: checkText('region', value, { max: 64 }) };
  }

  integer(name: string, min: number, max: number): number | undefined {
    const text = this.#value(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw badParameter(name, `must be an integer between ${min} and ${max}`);
    return value;
  }

  #value(name: string): string | undefined {
    const [pair, ...more] = this.#target.query.filter(([candidate]) => candidate === name);
    if (more.length > 0) throw badParameter(name, 'must stand only once');
    return pair?.[1];
  }
}
