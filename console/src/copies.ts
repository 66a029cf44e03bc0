import type { Method } from './api.ts';
import type { Task } from './model.ts';

/** A change, as other clients would ask for it. */
export interface Change {
  readonly method: Method;
  /** Below /api/v1. */
  readonly path: string;
  readonly body?: unknown;
  readonly ifMatch?: number;
  /** Arguments of the command line, where it has a command for it; the body goes to a final `-`. */
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

/** The other commands work on the data directory of their machine. */
const ASKS_A_NODE = ['task', 'callback', 'node'];

export function asCli({ cli, body }: Change, origin: string): string | undefined {
  if (cli === undefined) return undefined;
  const command = `bin/millrace ${[...cli, ...(ASKS_A_NODE.includes(cli[0] ?? '') ? ['--api', origin] : [])].map(quoted).join(' ')}`;
  return cli.at(-1) === '-' ? `printf '%s' ${quoted(JSON.stringify(body))} | ${command}` : command;
}

/** For @huaweicloud/huaweicloud-sdk-core, on which the clients of that cloud's services stand. */
export function asHuawei({ huawei }: Change, origin: string): string | undefined {
  if (huawei === undefined) return undefined;
  const [method = '', url = ''] = huawei.name.split(' ');
  const params = method === 'DELETE' ? 'queryParams' : 'data';
  const options = {
    ...{ method, url, contentType: 'application/json', headers: {}, queryParams: {} },
    ...{ [params]: huawei.params },
  };
  return [
    `import core from '@huaweicloud/huaweicloud-sdk-core';`,
    `import builder from '@huaweicloud/huaweicloud-sdk-core/ClientBuilder.js';`,
    '',
    'const { MILLRACE_ACCESS_KEY, MILLRACE_SECRET_KEY, MILLRACE_PROJECT_ID } = process.env;',
    'const credential = new core.BasicCredentials()',
    '  .withAk(MILLRACE_ACCESS_KEY)',
    '  .withSk(MILLRACE_SECRET_KEY)',
    '  .withProjectId(MILLRACE_PROJECT_ID);',
    'const client = new builder.ClientBuilder(client => client)',
    `  .withEndpoint('${origin}')`,
    '  .withCredential(credential)',
    '  .build();',
    `const options = ${literal(options, '')};`,
    'const pathParams = { project_id: MILLRACE_PROJECT_ID };',
    'console.log(await client.sendRequest({ ...options, pathParams }));',
  ].join('\n');
}

/** For @alicloud/pop-core. */
export function asAlibaba({ alibaba }: Change, origin: string): string | undefined {
  if (alibaba === undefined) return undefined;
  return [
    `import core from '@alicloud/pop-core';`,
    '',
    'const client = new core.RPCClient({',
    '  accessKeyId: process.env.MILLRACE_ACCESS_KEY,',
    '  accessKeySecret: process.env.MILLRACE_SECRET_KEY,',
    `  endpoint: '${origin}',`,
    `  apiVersion: '2016-11-01',`,
    '});',
    `const params = ${literal(alibaba.params, '')};`,
    `console.log(await client.request('${alibaba.name}', params, { method: 'POST' }));`,
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
