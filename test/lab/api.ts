import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { renderAlibaba } from '../../src/api/alibaba/callback.ts';
import { SharedNonces } from '../../src/api/alibaba/nonces.ts';
import { REGIONS } from '../../src/api/alibaba/regions.ts';
import { renderHuawei } from '../../src/api/huawei/callback.ts';
import { renderNative } from '../../src/api/native/callback.ts';
import type { StreamLimits } from '../../src/api/native/stream.ts';
import type { Peers } from '../../src/api/peers.ts';
import { buildServer } from '../../src/api/server.ts';
import { RollingThrottle } from '../../src/api/throttle.ts';
import { Accounts } from '../../src/control/accounts.ts';
import { ApiKeys } from '../../src/control/api-keys.ts';
import { Assets } from '../../src/control/assets.ts';
import { Audit } from '../../src/control/audit.ts';
import { CallbackSecrets } from '../../src/control/callback-secrets.ts';
import { Directory } from '../../src/control/directory.ts';
import { History } from '../../src/control/history.ts';
import type { NodeFacts } from '../../src/control/node.ts';
import { type Eyes, Plans } from '../../src/control/plan.ts';
import { Record as TaskRecord } from '../../src/control/record.ts';
import { OnlyNode, type Standing } from '../../src/control/roster.ts';
import { Setup } from '../../src/control/setup.ts';
import { SignIns } from '../../src/control/sign-ins.ts';
import { Signals } from '../../src/control/signals.ts';
import { NotShown } from '../../src/control/taps.ts';
import { Tasks } from '../../src/control/tasks.ts';
import { timedIds } from '../../src/control/timed-ids.ts';
import { checkUrl, redactUrl } from '../../src/media/address.ts';
import { SINK_SCHEMES, SOURCE_SCHEMES } from '../../src/media/open.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import type { Event } from '../../src/task/event.ts';
import type { Task } from '../../src/task/task.ts';
import { requireConformance } from './conformance.ts';
import { Front } from './front.ts';
import type { Key } from './huawei.ts';
import { Neighbours } from './neighbours.ts';
import type { Place } from './place.ts';
import { configuration, sharedDatabase } from './shared-servers.ts';

/** The API as a client sees it, with what a test needs to arrange around it. */
export interface Api {
  readonly base: string;
  /** Where the node answers whose rooms these are; others of the same data may answer at `base`. */
  readonly own: string;
  readonly key: Key;
  readonly accounts: Accounts;
  readonly apiKeys: ApiKeys;
  readonly setup: Setup;
  readonly store: Store;
  readonly tasks: Tasks;
  /** Everything that was logged, as one text. */
  logged(): string;
  /** Moves the server's wall clock. */
  shift(ms: number): void;
  now(): number;
}

export interface ApiOptions {
  /** 0: no limit. */
  readonly callsPerSecond?: { readonly alibaba?: number; readonly huawei?: number; readonly native?: number };
  readonly streams?: Partial<StreamLimits>;
  readonly consoleUrl?: string;
}

const SCHEMES = {
  live: SOURCE_SCHEMES,
  file: SOURCE_SCHEMES,
  destination: SINK_SCHEMES,
  callback: ['http', 'https'],
} as const;

const NODE_FACTS: NodeFacts = {
  ...{ name: 'lab', version: 'test', region: 'default', state: 'ready', uptimeMs: 1_000, processes: [] },
  control: { pid: 1, cpu: undefined, rssBytes: 0, lagMs: 0 },
  ...{ inKbit: 0, outKbit: 0, viewers: 0 },
};

const STANDING: Standing = {
  ...{ name: 'lab', version: 'test', region: 'default', presence: 'present', state: 'active', isOpen: true },
  ...{ isSelf: true, runs: 0, capacity: 250, load: 0, skewMs: undefined, duties: [], facts: NODE_FACTS },
};

/** A real server on a free port over a real store; nobody carries the tasks out. */
export async function startApi(place: Place, options: ApiOptions = {}): Promise<Api> {
  let shiftMs = 0;
  const now = (): number => Date.now() + shiftMs;
  const lines: string[] = [];
  const log = (...facts: unknown[]): void => {
    lines.push(facts.map(fact => (fact instanceof Error ? fact.stack : JSON.stringify(fact, showErrors))).join(' '));
  };
  const world: World = { now, log, onEvent: [], neighbours: new Neighbours(), options };
  const nodes = (await openStores(place)).map(store => apiOver(store, world));
  const [first = raise('no node')] = nodes;
  const bases: string[] = [];
  for (const { app } of nodes) {
    bases.push(place.own(await app.listen({ host: '127.0.0.1', port: 0 }), () => app.close()));
  }
  const base = nodes.length === 1 ? (bases[0] ?? '') : (await Front.start(place, () => bases)).url;
  const { app: _, ...rooms } = first;
  return {
    ...rooms,
    base,
    own: bases[0] ?? '',
    key: await first.accounts.createKey({ region: 'cn-north-4' }),
    now,
    logged: () => lines.join('\n'),
    shift: ms => {
      shiftMs += ms;
    },
  };
}

/** One, or those of two nodes over one database. */
async function openStores(place: Place): Promise<Store[]> {
  const own = (store: Store): Store => place.own(store, it => it.close());
  const sealKey = randomBytes(32);
  if (configuration() === 'alone') return [own(await openSqlite({ file: place.path('millrace.db'), sealKey }))];
  const url = await sharedDatabase(place);
  const stores = [own(await openPostgres({ url, sealKey }))];
  if (configuration() === '2') stores.push(own(await openPostgres({ url, sealKey })));
  return stores;
}

type Follower = (event: Event, task: Task) => void;
type Throttles = Parameters<typeof buildServer>[0]['throttles'];

/** What the nodes of one API have in common. */
interface World {
  readonly now: () => number;
  readonly log: (...facts: unknown[]) => void;
  /** Of all nodes: they tell one another. */
  readonly onEvent: Follower[];
  /** Nodes count calls and failures together. */
  readonly neighbours: Neighbours;
  readonly options: ApiOptions;
}

const throttlesOf = ({ callsPerSecond = {} }: ApiOptions, peers: Peers): Throttles => ({
  alibaba: throttle(callsPerSecond.alibaba ?? 10, { peers, topic: 'calls-alibaba' }),
  huawei: throttle(callsPerSecond.huawei ?? 0, { peers, topic: 'calls-huawei' }),
  native: throttle(callsPerSecond.native ?? 0, { peers, topic: 'calls-native' }),
});

/** As nodes of a cluster have it: a node by itself has nobody to tell, and remembers in its memory. */
function sharingOf(store: Store, { now, neighbours, options }: World) {
  const peers = neighbours.move();
  const throttles = throttlesOf(options, peers);
  if (configuration() === 'alone') return { throttles };
  return { throttles, peers, nonces: new SharedNonces({ store, now }) };
}

type Rooms = Pick<Api, 'accounts' | 'apiKeys' | 'setup' | 'store' | 'tasks'>;

function apiOver(store: Store, world: World): Rooms & { app: FastifyInstance } {
  const { now, log, onEvent, options } = world;
  const { streams = {}, consoleUrl } = options;
  const accounts = new Accounts({ store, now, newId: randomUUID, randomBytes });
  const apiKeys = new ApiKeys({ store, accounts, now, newId: randomUUID, randomBytes });
  const history = new History({ store, callbacks: { wake: () => {} }, now });
  const render = {
    huawei: renderHuawei,
    alibaba: renderAlibaba({ running: 'Running', exit: 'Exit' }),
    native: renderNative({ redact: redactUrl }),
  };
  const directory = new Directory({ store, redact: redactUrl, now });
  onEvent.push(history.follow.bind(history), directory.follow.bind(directory));
  const record = new TaskRecord({
    store,
    now,
    newId: timedIds({ now, randomBytes }),
    redact: redactUrl,
    render,
    onEvent,
    log,
  });
  const assets = new Assets({
    ...{
      store,
      now,
      randomBytes,
      checkUrl: () => undefined,
      probe: async () => ({ keyFrames: NO_KEY_FRAMES, notes: [] }),
    },
    noting: { store, now, newId: randomUUID, redact: redactUrl },
  });
  const setup = new Setup({ store, users: accounts.users, now, newId: randomUUID, randomBytes });
  const tasks = new Tasks({ store, record, breakpoints: { latest: () => undefined }, now, newId: randomUUID });
  const app = buildServer({
    tasks,
    accounts,
    checkUrl: (url, role) => checkUrl(url, { schemes: SCHEMES[role], policy: 'lab' }),
    now,
    newId: randomUUID,
    region: 'default',
    ...sharingOf(store, world),
    alibaba: { regions: [...REGIONS, 'default'], endMovesOnAir: false },
    native: {
      history,
      apiKeys,
      assets,
      audit: new Audit(store),
      signIns: new SignIns({ store, now, newId: randomUUID, randomBytes }),
      setup,
      ...(consoleUrl === undefined ? {} : { consoleUrl }),
      // Nobody sends anything either.
      callbacks: { test: async () => ({ status: 204, tookMs: 1, error: '' }), resume: async () => false },
      secrets: new CallbackSecrets({ store, now, newId: randomUUID, randomBytes }),
      redact: redactUrl,
      directory,
      fareOf: () => ({ health: undefined, onAir: null }),
      node: 'lab',
      nodes: { all: [STANDING], set: () => Promise.reject(new OnlyNode()) },
      signals: new Signals({ now: () => performance.now(), wall: now }),
      show: () => Promise.reject(new NotShown('offAir')),
      version: 'test',
      testThrottle: new RollingThrottle({ callsPerSecond: 10, windowMs: 60_000, now: () => performance.now() }),
      probe: async () => ({ ok: true, found: {} }),
      plans: new Plans({ assets, directory, eyes: BLIND, targetOf: async () => undefined, now, signal: NEVER }),
      diagnose: async () => [WELL],
      monotonic: () => performance.now(),
      limits: streams,
    },
    log: { info: log, error: log },
    health: { facts: () => ({ version: 'test' }), reasons: async () => [] },
  });
  return { app, accounts, apiKeys, setup, store, tasks };
}

function raise(what: string): never {
  throw new Error(what);
}

const NEVER = new AbortController().signal;

const WELL = { name: 'ticks', state: 'ok', found: 'in time', why: 'media is due', fix: '' } as const;

/** Whatever a plan looks at is not there. */
const BLIND: Eyes = {
  file: async () => ({ ok: false, kind: 'refused', error: 'nothing is looked at here' }),
  live: async () => ({ ok: false, kind: 'refused', error: 'nothing is looked at here' }),
  joint: () => ({ kind: 'copy', because: '' }),
};

const NO_KEY_FRAMES = { count: 0, longestGapMs: 0 };

const throttle = (callsPerSecond: number, shared: { readonly peers: Peers; readonly topic: string }): RollingThrottle =>
  new RollingThrottle({ callsPerSecond, now: () => performance.now(), shared });

const showErrors = (_key: string, value: unknown): unknown => (value instanceof Error ? value.stack : value);

export interface RawRequest {
  readonly method: string;
  /** The path and query exactly as they go on the wire. */
  readonly url: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

export interface RawAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers is what the tests look into
  readonly body: any;
  readonly headers: IncomingHttpHeaders;
}

/** Sends exactly what it is told. */
export function sendRaw(base: string, { method, url, body = '', headers = {} }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const length =
      Buffer.byteLength(body) === 0 && method === 'GET' ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const all = { ...length, ...headers };
    const request = httpRequest({ hostname, port, method, path: url, headers: all, agent: false }, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        const contentType = response.headers['content-type'] ?? '';
        try {
          requireConformance({ method, url, status, contentType, body: text });
        } catch (error) {
          reject(error);
        }
        resolve({
          status,
          body: text === '' ? undefined : JSON.parse(text),
          headers: response.headers,
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

export interface SignOptions {
  readonly date?: string;
  /** Signed beside x-sdk-date. */
  readonly extra?: Readonly<Record<string, string>>;
  readonly algorithm?: string;
}

/** The documented signature, written down apart from the server's own code. The query must come sorted and encoded. */
export function signedHeaders(key: Key, request: RawRequest, options: SignOptions = {}): Record<string, string> {
  const date = options.date ?? `${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const headers: Record<string, string> = { 'x-sdk-date': date, ...options.extra };
  const names = Object.keys(headers).sort();
  const [path = '', query = ''] = request.url.split('?');
  const canonical = [
    request.method,
    path.endsWith('/') ? path : `${path}/`,
    query,
    names.map(name => `${name}:${headers[name]}\n`).join(''),
    names.join(';'),
    createHash('sha256')
      .update(request.body ?? '')
      .digest('hex'),
  ].join('\n');
  const hash = createHash('sha256').update(canonical).digest('hex');
  const algorithm = options.algorithm ?? 'SDK-HMAC-SHA256';
  const signature = createHmac('sha256', key.secretKey).update(`SDK-HMAC-SHA256\n${date}\n${hash}`).digest('hex');
  return {
    ...headers,
    authorization: `${algorithm} Access=${key.accessKey}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

/** A signed call on the task path. */
export function callTasks(
  api: Pick<Api, 'base' | 'key'>,
  call: { method: string; query?: string; body?: unknown; raw?: string | Buffer; headers?: Record<string, string> },
): Promise<RawAnswer> {
  const body = call.raw ?? (call.body === undefined ? '' : JSON.stringify(call.body));
  const query = call.query === undefined ? '' : `?${call.query}`;
  const request = { method: call.method, url: `/v1/${api.key.projectId}/pull/stream/task${query}`, body };
  const headers = { 'content-type': 'application/json', ...signedHeaders(api.key, request), ...call.headers };
  return sendRaw(api.base, { ...request, headers });
}
