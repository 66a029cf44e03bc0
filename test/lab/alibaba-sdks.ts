import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { default: OpenApi, $OpenApiUtil } = require('@alicloud/openapi-core');
const dara = require('@darabonba/typescript');
const { RPCClient } = require('@alicloud/pop-core');

const VERSION = '2016-11-01';

export interface AliKey {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of a temporary key. */
  readonly token?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the server answers is what the tests look into
export type AliAnswer = any;

/** A refusal as a client sees it. */
export class Refused extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, facts: { status?: number; retryAfterMs?: number } = {}) {
    super(`${code}: ${message}`);
    this.code = code;
    this.status = facts.status;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

export type AliParams = Readonly<Record<string, string | number | readonly string[]>>;
export type Door = (action: string, params: AliParams) => Promise<AliAnswer>;

export const DOORS = ['openapi-core V3', 'openapi-core v2', 'pop-core GET', 'pop-core POST'] as const;
export type DoorName = (typeof DOORS)[number];

/** The vendor's own clients, as they come from npm, pointed at the service. */
export function openDoor(name: DoorName, api: string, key: AliKey): Door {
  if (name === 'openapi-core V3') return openApiDoor(api, key, {});
  if (name === 'openapi-core v2') return openApiDoor(api, key, { signatureAlgorithm: 'v2' });
  return popDoor(api, key, name === 'pop-core GET' ? 'GET' : 'POST');
}

/** The newest client, set to try a throttled call again when it is told to. */
export function openPatientDoor(api: string, key: AliKey): Door {
  const retryCondition = [{ maxAttempts: 9, exception: ['ThrottlingError'], errorCode: [] }];
  return openApiDoor(api, key, { retryOptions: new dara.RetryOptions({ retryable: true, retryCondition }) });
}

function openApiDoor(api: string, key: AliKey, more: object): Door {
  const { host } = new URL(api);
  const config = new $OpenApiUtil.Config({
    accessKeyId: key.accessKey,
    accessKeySecret: key.secretKey,
    ...(key.token === undefined ? {} : { securityToken: key.token, type: 'sts' }),
    endpoint: host,
    protocol: 'HTTP',
    ...more,
  });
  const client = new OpenApi(config);
  return async (action, params) => {
    const query: Record<string, string> = {};
    for (const [param, value] of Object.entries(params)) {
      query[param] = typeof value === 'object' ? JSON.stringify(value) : String(value);
    }
    const operation = new $OpenApiUtil.Params({
      ...{ action, version: VERSION, protocol: 'HTTP', pathname: '/', authType: 'AK', style: 'RPC' },
      ...{ method: action.startsWith('Create') ? 'POST' : 'GET', reqBodyType: 'formData', bodyType: 'json' },
    });
    const runtime = new dara.RuntimeOptions({ readTimeout: 20_000, connectTimeout: 20_000 });
    try {
      return (await client.callApi(operation, new $OpenApiUtil.OpenApiRequest({ query }), runtime)).body;
    } catch (error) {
      throw asRefused(error);
    }
  };
}

function popDoor(api: string, key: AliKey, method: 'GET' | 'POST'): Door {
  const client = new RPCClient({
    endpoint: api,
    apiVersion: VERSION,
    accessKeyId: key.accessKey,
    accessKeySecret: key.secretKey,
    ...(key.token === undefined ? {} : { securityToken: key.token }),
    opts: { timeout: 20_000 },
  });
  return async (action, params) => {
    try {
      return await client.request(action, params, { method });
    } catch (error) {
      throw asRefused(error);
    }
  };
}

function asRefused(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const { code, statusCode, retryAfter } = error as { code: unknown; statusCode?: number; retryAfter?: number };
  return new Refused(String(code), error.message, {
    ...(statusCode === undefined ? {} : { status: statusCode }),
    ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
  });
}

/** The code with which a call was refused; "" where it was not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return '';
  } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
}

export interface PathCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** The newest client on paths of an API that is not the cloud's own, signed over the path it goes to. */
export function openPathDoor(api: string, key: AliKey): (call: PathCall) => Promise<AliAnswer> {
  const config = new $OpenApiUtil.Config({
    accessKeyId: key.accessKey,
    accessKeySecret: key.secretKey,
    endpoint: new URL(api).host,
    protocol: 'HTTP',
  });
  const client = new OpenApi(config);
  return async ({ method, path, query = {}, body }) => {
    const operation = new $OpenApiUtil.Params({
      ...{ action: 'Millrace', version: VERSION, protocol: 'HTTP', pathname: path, authType: 'AK', style: 'ROA' },
      ...{ method, reqBodyType: 'json', bodyType: 'json' },
    });
    const request = new $OpenApiUtil.OpenApiRequest({ query, ...(body === undefined ? {} : { body }) });
    try {
      return (await client.callApi(operation, request, new dara.RuntimeOptions({}))).body;
    } catch (error) {
      throw asRefused(error);
    }
  };
}
