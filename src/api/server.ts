import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Accounts } from '../control/accounts.ts';
import { NODE_TOKEN_HEADER } from '../control/pictures.ts';
import { Gate as AlibabaGate } from './alibaba/auth.ts';
import { BoundedNonces, type NonceMemory } from './alibaba/nonces.ts';
import { buildOperations, type OperationsOptions } from './alibaba/operations.ts';
import { alibabaRoutes, refuse as refuseAlibaba } from './alibaba/routes.ts';
import { headerValues, type WireRequest } from './auth.ts';
import { readBody } from './body.ts';
import type { CheckUrl } from './check-url.ts';
import { answerBroken, boundPipelines, settleOddRequests } from './connection.ts';
import { consoleRoutes, isConsoleFile } from './console.ts';
import { Gate as HuaweiGate } from './huawei/auth.ts';
import { huaweiRoutes, refuse as refuseHuawei } from './huawei/routes.ts';
import type { Log } from './log.ts';
import { isNativePath, type NativeOptions, nativeRoutes, refuse as refuseNative } from './native/routes.ts';
import type { Peers } from './peers.ts';
import { Refusal, type RefusalKind, refusalOf } from './refusal.ts';
import { signedCallers } from './signed-callers.ts';
import { readTarget } from './target.ts';
import type { Throttle } from './throttle.ts';

export interface Health {
  /** Shown by /healthz beside its status. */
  facts(): Readonly<Record<string, unknown>>;
  /** Why no work can be taken now; empty when ready. */
  reasons(): Promise<readonly string[]>;
}

export interface ServerOptions {
  readonly tasks: OperationsOptions['tasks'] & NativeOptions['tasks'];
  readonly accounts: Accounts;
  /** The media's parser and address policy. */
  readonly checkUrl: CheckUrl;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  /** Stands where a request names no region. */
  readonly region: string;
  /** How often an account may call, by dialect. */
  readonly throttles: { readonly alibaba: Throttle; readonly huawei: Throttle; readonly native: Throttle };
  /** Those of a node that is by itself are in its memory. */
  readonly nonces?: NonceMemory;
  /** Who else serves these accounts: failures count wherever they happen. */
  readonly peers?: Peers | undefined;
  readonly alibaba: Pick<OperationsOptions, 'regions' | 'endMovesOnAir'>;
  readonly native: Pick<
    NativeOptions,
    | 'history'
    | 'apiKeys'
    | 'assets'
    | 'audit'
    | 'signIns'
    | 'setup'
    | 'consoleUrl'
    | 'callbacks'
    | 'secrets'
    | 'redact'
    | 'directory'
    | 'fareOf'
    | 'node'
    | 'nodes'
    | 'signals'
    | 'show'
    | 'vouches'
    | 'version'
    | 'testThrottle'
    | 'probe'
    | 'plans'
    | 'diagnose'
    | 'demo'
    | 'monotonic'
    | 'metrics'
    | 'limits'
  >;
  readonly log: Log;
  readonly health: Health;
  /** Only its health, its metrics, and what other nodes ask with a word of theirs are answered. */
  readonly isMute?: boolean;
  /** Told of each answer but those to who asks for the health. */
  readonly answered?: (answer: Answer) => void;
}

/** `dialect`: whose words the request was in; `console` for the files of it. */
export interface Answer {
  readonly dialect: 'native' | 'huawei' | 'alibaba' | 'console';
  readonly status: number;
  readonly ms: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    wire: WireRequest;
  }
}

const KB = 1024;
const BODY_LIMITS = { bytes: 1024 * KB, drainBytes: 16 * 1024 * KB };
const MOST_URL_BYTES = 32 * KB;
const MOST_HEADER_BYTES = 32 * KB;
/** Above the limit of a single header, so that the answer can say which rule was broken. */
const MOST_HEADERS_BYTES = 192 * KB;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;
const READY_CACHE_MS = 1_000;

/** The one HTTP server with its dialects. Listening and closing are the caller's. */
export function buildServer(options: ServerOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    http: {
      maxHeaderSize: MOST_HEADERS_BYTES,
      // Asked for by ourselves, for Node refuses without a body.
      requireHostHeader: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestIdHeader: false,
    genReqId: () => options.newId(),
    exposeHeadRoutes: false,
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MOST_URL_BYTES },
    frameworkErrors: (_error, request, reply) => {
      reply.header('x-request-id', request.id);
      refuse(new Refusal('malformed'), request, reply, options.log);
    },
    clientErrorHandler: (error, socket) => answerBroken(error, socket, options.newId),
  });
  settleOddRequests(app.server, options.newId);
  boundPipelines(app);
  takeBodiesAsBytes(app);
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, options.log));
  app.setNotFoundHandler((request, reply) => refuse(new Refusal('noRoute'), request, reply, options.log));
  app.addHook('onResponse', async (request, reply) => tellAnswer(request, reply, options));
  if (options.isMute)
    app.addHook('onRequest', async (request, reply) => {
      if (isHeard(request)) return;
      refuse(new Refusal('noRoute'), request, reply, options.log);
      return reply;
    });
  healthRoutes(app, options);
  dialects(app, options);
  consoleRoutes(app);
  return app;
}

const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** Pictures of what it carries, which another node shows. */
const PICTURES = /^\/api\/v1\/tasks\/[^/]+\/(live\.flv|still)$/;

function isHeard({ url, headers }: FastifyRequest): boolean {
  const path = url.split('?', 1)[0] ?? '';
  return OPEN_PATHS.has(path) || (headers[NODE_TOKEN_HEADER] !== undefined && PICTURES.test(path));
}

/** Each with its gate, by which the native one knows the callers of the others too: failures count in one place. */
function dialects(app: FastifyInstance, options: ServerOptions): void {
  const { throttles } = options;
  const huawei = new HuaweiGate({ ...options, throttle: throttles.huawei });
  const alibaba = new AlibabaGate({ ...options, nonces: options.nonces ?? new BoundedNonces(options) });
  huaweiRoutes(app, { ...options, gate: huawei });
  alibabaRoutes(app, {
    gate: alibaba,
    operations: buildOperations({ ...options, ...options.alibaba }),
    throttle: throttles.alibaba,
    log: options.log,
  });
  const otherGates = signedCallers({ huawei, alibaba });
  nativeRoutes(app, { ...options, ...options.native, otherGates, throttle: throttles.native });
}

/** Signatures are made over the bytes of every method's body, so they are read here and not by Fastify. */
function takeBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.decorateRequest('wire');
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    request.wire = await readWire(request.raw, request.id);
  });
}

/** Of a socket that takes both families, IPv4 comes in IPv6's clothes. */
const remoteOf = ({ socket }: IncomingMessage): string => (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');

async function readWire(raw: IncomingMessage, requestId: string): Promise<WireRequest> {
  const { rawHeaders } = raw;
  const url = raw.url ?? '';
  if (url.length > MOST_URL_BYTES) throw new Refusal('urlTooLong');
  const encoding = headerValues(rawHeaders, 'content-encoding').join(',').toLowerCase().trim();
  if (rawHeaders.some((text, at) => at % 2 === 1 && text.length > MOST_HEADER_BYTES)) {
    throw new Refusal('headerTooLong');
  }
  if (encoding !== '' && encoding !== 'identity') {
    throw new Refusal('encoding');
  }
  // Node takes other codings off unread, and so would not see the bytes that the client means.
  const coded = headerValues(rawHeaders, 'transfer-encoding').some(coding => coding.toLowerCase().trim() !== 'chunked');
  const target = readTarget(url);
  const hosts = headerValues(rawHeaders, 'host').length;
  if (coded || target === undefined || hosts > 1 || (hosts === 0 && raw.httpVersion !== '1.0')) {
    throw new Refusal('malformed');
  }
  const body = await readBody(raw, BODY_LIMITS);
  return { method: raw.method ?? '', target, rawHeaders, body, remote: remoteOf(raw), requestId };
}

function healthRoutes(app: FastifyInstance, { health, now }: ServerOptions): void {
  let asked = { at: Number.NEGATIVE_INFINITY, reasons: Promise.resolve<readonly string[]>([]) };
  // The question costs a write to the disk and is open to everybody, so one answer serves a second.
  const reasons = (): Promise<readonly string[]> => {
    if (Math.abs(now() - asked.at) >= READY_CACHE_MS) asked = { at: now(), reasons: health.reasons() };
    return asked.reasons;
  };
  // Load balancers like to ask with HEAD.
  app.get('/healthz', { exposeHeadRoute: true }, async () => ({ status: 'ok', ...health.facts() }));
  app.get('/readyz', { exposeHeadRoute: true }, async (_request, reply) => {
    const found = await reasons().catch((error: unknown) => [String(error)]);
    return reply
      .code(found.length === 0 ? 200 : 503)
      .send(found.length === 0 ? { status: 'ready' } : { status: 'not ready', reasons: found });
  });
}

/** Where the next request may begin is not certain after these, or not worth waiting for. */
const ENDS_CONNECTION: ReadonlySet<RefusalKind> = new Set<RefusalKind>(['malformed', 'cutOff', 'bodyTooLarge']);

/** In the words of the dialect whose path it is. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const refusal = refusalOf(error);
  if (refusal !== undefined && ENDS_CONNECTION.has(refusal.kind)) reply.header('connection', 'close');
  inWordsOf(request.raw.url ?? '')(refusal ?? error, request, reply, { log });
}

const inWordsOf = (url: string): typeof refuseHuawei | typeof refuseAlibaba =>
  isNativePath(url) ? refuseNative : isAlibabaPath(url) ? refuseAlibaba : refuseHuawei;

const dialectOf = ({ raw: { url = '' }, routeOptions }: FastifyRequest): Answer['dialect'] => {
  if (isNativePath(url)) return 'native';
  if (isAlibabaPath(url)) return 'alibaba';
  return isConsoleFile(routeOptions.url ?? '') ? 'console' : 'huawei';
};

const isAlibabaPath = (url: string): boolean => url === '/' || url.startsWith('/?');

/** Neither the URL nor the body: both may carry keys. */
function tellAnswer(request: FastifyRequest, reply: FastifyReply, { log, answered }: ServerOptions): void {
  const route = request.routeOptions.url;
  if (route === '/healthz' || route === '/readyz') return;
  const { statusCode: status, elapsedTime } = reply;
  answered?.({ dialect: dialectOf(request), status, ms: elapsedTime });
  log.info({ requestId: request.id, method: request.method, route, status, ms: Math.round(elapsedTime) }, 'answered');
}
