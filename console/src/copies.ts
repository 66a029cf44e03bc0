import type { Method } from './api.ts';
import type { Task } from './model.ts';

/** A change, as other clients would ask for it. */
export interface Change {
  readonly method: Method;
  /** Below /api/v1. */
  readonly path: string;
  readonly body?: unknown;
  readonly ifMatch?: number;
  /** Arguments of the command line, where it has a command for it. */
  readonly cli?: readonly string[];
  /** What the two clouds' clients call, where their words can say it. */
  readonly huawei?: CloudCall | undefined;
  readonly alibaba?: CloudCall | undefined;
}

export interface CloudCall {
  /** The action, or the method and path. */
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export const quoted = (text: string): string =>
  /^[\w./@:=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Secrets stay in variables: the text may be pasted and sent to others. */
export function asCurl({ method, path, body, ifMatch }: Change, origin: string): string {
  return [
    `curl -s -X ${method} -H "Authorization: Bearer $MILLRACE_API_KEY"`,
    ...(ifMatch === undefined ? [] : [`-H 'If-Match: "${ifMatch}"'`]),
    ...(body === undefined ? [] : [`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(body))}`]),
    quoted(`${origin}/api/v1${path}`),
  ].join(' \\\n  ');
}

export const asCli = ({ cli }: Change, origin: string): string | undefined =>
  cli === undefined ? undefined : `MILLRACE_API=${origin} bin/millrace ${cli.map(quoted).join(' ')}`;

/** For @huaweicloud/huaweicloud-sdk-core, which signs; the paths are those of its Live service. */
export function asHuawei({ huawei }: Change, origin: string): string | undefined {
  if (huawei === undefined) return undefined;
  const [method = '', path = ''] = huawei.name.split(' ');
  return [
    `import { BasicCredentials, HttpRequestBuilder } from '@huaweicloud/huaweicloud-sdk-core';`,
    `// Endpoint: ${origin}; keys: MILLRACE_ACCESS_KEY, MILLRACE_SECRET_KEY; project: MILLRACE_PROJECT_ID`,
    'const credentials = new BasicCredentials()',
    '  .withAk(process.env.MILLRACE_ACCESS_KEY)',
    '  .withSk(process.env.MILLRACE_SECRET_KEY)',
    '  .withProjectId(process.env.MILLRACE_PROJECT_ID);',
    'const request = new HttpRequestBuilder()',
    `  .withEndpoint('${origin}')`,
    `  .withMethod('${method}')`,
    `  .withPath('${path}'.replace('{project_id}', process.env.MILLRACE_PROJECT_ID))`,
    ...(method === 'GET' || method === 'DELETE'
      ? [`  .withQueryParams(${literal(huawei.params, '  ')})`]
      : [`  .withBody(${literal(huawei.params, '  ')})`]),
    '  .build();',
    'await credentials.processAuthRequest(request);',
  ].join('\n');
}

/** For @alicloud/pop-core. */
export function asAlibaba({ alibaba }: Change, origin: string): string | undefined {
  if (alibaba === undefined) return undefined;
  return [
    `import RPCClient from '@alicloud/pop-core';`,
    'const client = new RPCClient({',
    '  accessKeyId: process.env.MILLRACE_ACCESS_KEY,',
    '  accessKeySecret: process.env.MILLRACE_SECRET_KEY,',
    `  endpoint: '${origin}',`,
    `  apiVersion: '2016-11-01',`,
    '});',
    `await client.request('${alibaba.name}', ${literal(alibaba.params, '')}, { method: 'POST' });`,
  ].join('\n');
}

const literal = (value: unknown, indent: string): string =>
  JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`);

export type TaskVerb = 'start' | 'stop' | 'restart' | 'delete';

const HUAWEI_PATH = '/v1/{project_id}/pull/stream/task';

/** A change of a task that is there, in all tongues. */
export function changeOf({ id, dialect, region }: Task, verb: TaskVerb): Change {
  const path = `/tasks/${id}`;
  const cli = ['task', verb, id];
  const clouds = {
    huawei: dialect === 'huawei' ? huaweiCall(id, verb) : undefined,
    alibaba: dialect === 'alibaba' ? alibabaCall(id, region, verb) : undefined,
  };
  return verb === 'delete'
    ? { method: 'DELETE', path, cli, ...clouds }
    : { method: 'POST', path: `${path}/${verb}`, cli, ...clouds };
}

function huaweiCall(id: string, verb: TaskVerb): CloudCall | undefined {
  if (verb === 'delete') return { name: `DELETE ${HUAWEI_PATH}`, params: { task_id: id } };
  if (verb === 'restart') return undefined;
  return { name: `PUT ${HUAWEI_PATH}`, params: { task_id: id, status: verb === 'start' ? 'enable' : 'pause' } };
}

const ALIBABA_ACTIONS: Readonly<Record<TaskVerb, string>> = {
  start: 'RestartLivePullToPush',
  restart: 'RestartLivePullToPush',
  stop: 'StopLivePullToPush',
  delete: 'DeleteLivePullToPush',
};

const alibabaCall = (id: string, region: string, verb: TaskVerb): CloudCall => ({
  name: ALIBABA_ACTIONS[verb],
  params: { RegionId: region, TaskId: id },
});
