import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NODE_TOKEN_HEADER } from '../../control/pictures.ts';
import { headerValues } from '../auth.ts';
import type { Log } from '../log.ts';
import { Refusal } from '../refusal.ts';
import { AccessCalls, type AccessOptions } from './access-calls.ts';
import { ACCESS_ROUTES } from './access-routes.ts';
import { AssetCalls, type AssetOptions } from './asset-calls.ts';
import { Gate, type GateOptions } from './auth.ts';
import { type CallsOptions, NativeCalls } from './calls.ts';
import { DemoCalls, type DemoOptions } from './demo-calls.ts';
import { DEMO_ROUTES } from './demo-routes.ts';
import { DoctorCalls, type DoctorOptions } from './doctor-calls.ts';
import { DOCTOR_ROUTES } from './doctor-routes.ts';
import { asAnswer, invalid, NativeError, printError } from './error.ts';
import { type LiveOptions, LivePictures, type Wish } from './live.ts';
import { LOG_ROUTES } from './log-routes.ts';
import { NodeCalls, type NodeCallsOptions } from './node-calls.ts';
import { NODE_ROUTES } from './node-routes.ts';
import { openApiOf } from './openapi.ts';
import { NOTHING, readCursor, readQuery, refuseBody } from './params.ts';
import { PlanCalls, type PlanCallsOptions } from './plan-calls.ts';
import { PLAN_ROUTES } from './plan-routes.ts';
import { eventQueryOf, STREAMED } from './queries.ts';
import type { Rooms, Route } from './route.ts';
import { SessionCalls, type SessionOptions } from './session-calls.ts';
import { SignalCalls, type SignalCallsOptions } from './signal-calls.ts';
import { LIVE_PATH, SIGNAL_ROUTES, STILL_PATH } from './signal-routes.ts';
import { EventStreams, type StreamsOptions } from './stream.ts';
import { TaskCalls, type TaskCallsOptions } from './task-calls.ts';
import { TASK_ROUTES } from './task-routes.ts';

export interface NativeOptions
  extends Omit<GateOptions, 'accounts' | 'apiKeys' | 'signIns'>,
    CallsOptions,
    Omit<TaskCallsOptions, 'accounts'>,
    Omit<SessionOptions, 'gate'>,
    AccessOptions,
    AssetOptions,
    SignalCallsOptions,
    NodeCallsOptions,
    PlanCallsOptions,
    DoctorOptions,
    DemoOptions,
    LiveOptions,
    Pick<StreamsOptions, 'monotonic' | 'limits'> {
  readonly tasks: CallsOptions['tasks'] & TaskCallsOptions['tasks'];
  readonly log: Log;
  /** Of the node. */
  readonly version: string;
  /** Of the node, as Prometheus reads them. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string> };
}

const STREAM_PATH = '/api/v1/events/stream';
const DOCUMENT_PATH = '/api/v1/openapi.json';
/** Where everybody looks for them. */
const METRICS_PATH = '/metrics';

/** The whole of the API but the stream of events. */
export const ROUTES: readonly Route[] = [
  ...LOG_ROUTES,
  ...TASK_ROUTES,
  ...PLAN_ROUTES,
  ...DEMO_ROUTES,
  ...SIGNAL_ROUTES,
  ...NODE_ROUTES,
  ...DOCTOR_ROUTES,
  ...ACCESS_ROUTES,
];

/** Our own API: what has happened, who was told of it, and telling it again. */
export function nativeRoutes(app: FastifyInstance, options: NativeOptions): void {
  const gate = new Gate(options);
  const tasks = new TaskCalls(options);
  const rooms: Rooms = {
    log: new NativeCalls(options),
    tasks,
    plans: new PlanCalls(options, tasks),
    demo: new DemoCalls(options),
    sessions: new SessionCalls({ ...options, gate }),
    access: new AccessCalls(options),
    assets: new AssetCalls(options),
    signals: new SignalCalls(options),
    nodes: new NodeCalls(options),
    doctor: new DoctorCalls(options),
  };
  const streams = new EventStreams(options);
  for (const { method, path, action, run, status } of ROUTES) {
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const { wire, id: requestId } = request;
      const sets = (name: string, value: string): void => void reply.header(name, value);
      const caller = await gate.admit(wire, action, `${method} ${path}`);
      const { body, headers } = await run(rooms, { caller, wire, requestId, id: idOf(request), sets });
      return reply.code(status).header('cache-control', 'no-store').headers(headers).send(body);
    };
    app.route({ method, url: path, exposeHeadRoute: method === 'GET', handler });
  }
  const document = JSON.stringify(openApiOf(ROUTES, { version: options.version, streamPath: STREAM_PATH }));
  // Open to everybody: it says no more than the pages of the API do.
  app.get(DOCUMENT_PATH, { exposeHeadRoute: true }, async (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(document),
  );
  app.get(STREAM_PATH, (request, reply) => openStream(request, reply, { gate, streams }));
  app.addHook('preClose', async () => streams.close());
  metricsRoute(app, gate, options.metrics);
  liveRoutes(app, { gate, tasks: options.tasks, live: new LivePictures(options), vouches: options.vouches });
}

/** As much as `GET /api/v1/nodes` tells, for machines. */
function metricsRoute(app: FastifyInstance, gate: Gate, metrics: NativeOptions['metrics']): void {
  if (metrics === undefined) return;
  app.get(METRICS_PATH, { exposeHeadRoute: true }, async ({ wire }, reply) => {
    await gate.admit(wire, 'millrace:nodes:list', METRICS_PATH);
    return reply
      .header('cache-control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.text());
  });
}

interface LiveParts {
  readonly gate: Gate;
  readonly tasks: NativeOptions['tasks'];
  readonly live: LivePictures;
  readonly vouches: LiveOptions['vouches'];
}

/** What answers with pictures. */
function liveRoutes(app: FastifyInstance, { gate, tasks, live, vouches }: LiveParts): void {
  const action = 'millrace:tasks:list';
  const find = async (request: FastifyRequest, path: string): Promise<Omit<Wish, 'stands'>> => {
    const token = request.headers[NODE_TOKEN_HEADER];
    const named = idOf(request);
    if (typeof token === 'string' && vouches?.(token, named) === true) return { taskId: named, isNeighbour: true };
    const caller = await gate.admit(request.wire, action, path);
    refuseBody(request.wire);
    readQuery(request.wire.target, NOTHING);
    return { taskId: (await tasks.get(caller, named)).id, isNeighbour: false };
  };
  const stands = (request: FastifyRequest, isNeighbour: boolean): Wish['stands'] =>
    isNeighbour ? async () => true : gate.standing(request.wire, action);
  app.get(LIVE_PATH, async (request, reply) => {
    const wish = await find(request, LIVE_PATH);
    await live.live(reply, { ...wish, stands: stands(request, wish.isNeighbour) });
    return reply;
  });
  app.get(STILL_PATH, async (request, reply) => {
    const picture = await live.still(reply, await find(request, STILL_PATH));
    return reply.header('cache-control', 'no-store').type('video/x-flv').send(picture);
  });
  app.addHook('preClose', async () => live.close());
}

async function openStream(
  { wire }: FastifyRequest,
  reply: FastifyReply,
  { gate, streams }: { readonly gate: Gate; readonly streams: EventStreams },
): Promise<FastifyReply> {
  const action = 'millrace:events:list';
  const owner = await gate.admit(wire, action, STREAM_PATH);
  const { after, ...given } = readQuery(wire.target, STREAMED);
  const query = eventQueryOf(given);
  const stands = gate.standing(wire, action);
  await streams.open(reply, { owner, query, after: lastSeen(wire.rawHeaders) ?? after, stands });
  return reply;
}

/** What a browser sends when it comes again; it stands above the address, which is still that of the first time. */
function lastSeen(rawHeaders: readonly string[]): number | undefined {
  const name = 'Last-Event-ID';
  const [text, ...more] = headerValues(rawHeaders, name.toLowerCase());
  if (text === undefined || text === '') return undefined;
  const cursor = more.length > 0 ? undefined : readCursor(text.trim());
  if (cursor === undefined) throw invalid([{ field: name, rule: 'must be one id of an event of this stream' }]);
  return cursor;
}

/** "" where the path names nothing. */
const idOf = ({ params }: FastifyRequest): string =>
  typeof params === 'object' && params !== null && 'id' in params ? String(params.id) : '';

export const isNativePath = (url: string): boolean => /^\/(?:api|metrics)(?:[/?]|$)/.test(url);

/** What goes wrong on these paths, in this dialect's words. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, { log }: { log: Log }): void {
  const allow = isNoRoute(error) ? methodsAt(request.raw.url ?? '') : [];
  reply.header('cache-control', 'no-store');
  if (allow.length > 0 && request.method === 'OPTIONS') {
    reply.code(204).header('allow', allow.join(', ')).send();
    return;
  }
  const told = allow.length > 0 ? new NativeError('METHOD_NOT_ALLOWED', 'Use another method.', { allow }) : error;
  const { status, headers, body } = printError(asAnswer(told, request.id, log), request.id);
  reply.code(status).headers(headers).send(JSON.stringify(body));
}

const isNoRoute = (error: unknown): boolean => error instanceof Refusal && error.kind === 'noRoute';

/** What the path would take; nothing where there is none. */
function methodsAt(url: string): readonly string[] {
  const [path = ''] = url.split('?');
  const isHere = (pattern: string): boolean => isAt(pattern.split('/'), path.replace(/\/$/, '').split('/'));
  if ([STREAM_PATH, LIVE_PATH, STILL_PATH].some(isHere)) return ['GET', 'OPTIONS'];
  if ([DOCUMENT_PATH, METRICS_PATH].some(isHere)) return ['GET', 'HEAD', 'OPTIONS'];
  const methods = ROUTES.filter(route => isHere(route.path)).flatMap(({ method }) =>
    method === 'GET' ? ['GET', 'HEAD'] : [method],
  );
  return methods.length > 0 ? [...new Set(methods), 'OPTIONS'] : [];
}

const isAt = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.length === path.length && pattern.every((part, at) => part.startsWith(':') || part === path[at]);
