import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawAnswer, sendRaw, signedHeaders } from './lab/api.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';

// The same four calls as the vendor's SDKs of other languages put them on the wire, against a running node.

let place: Place;
let millrace: Millrace;

beforeAll(async () => {
  place = new Place();
  millrace = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

interface Call {
  readonly method: string;
  /** Sorted and encoded, as it goes on the wire. */
  readonly query?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Client = (call: Call) => Promise<RawAnswer>;

const host = (): string => new URL(millrace.api).host;

function send(call: Call, extra: Record<string, string>, unsigned: Record<string, string> = {}): Promise<RawAnswer> {
  const path = `/v1/${millrace.key.projectId}/pull/stream/task`;
  const request = { method: call.method, url: call.query ? `${path}?${call.query}` : path, body: call.body ?? '' };
  const headers = { ...signedHeaders(millrace.key, request, { extra }), ...unsigned };
  return sendRaw(millrace.api, { ...request, headers });
}

/** Signs everything, its name too; sends `Content-Length: 0` with DELETE. */
const python: Client = call => {
  const type = call.body === undefined ? 'application/json' : 'application/json; charset=utf-8';
  const agent = 'huaweicloud-usdk-python/3.0; os/linux#6.1.0#x86_64 python/3.11.2 meta/C; app/c0ffee';
  const project = millrace.key.projectId;
  const signed = { 'content-type': type, host: host(), 'user-agent': agent, 'x-project-id': project };
  return send(call, signed, { accept: '*/*' });
};

/** Signs the date alone. */
const go: Client = call => send(call, {}, { 'content-type': 'application/json', host: host() });

/** Signs host, type and project. */
const java: Client = call =>
  send(call, {
    'content-type': 'application/json;charset=UTF-8',
    host: host(),
    'x-project-id': millrace.key.projectId,
  });

/** JSON as Python writes it: blanks behind separators, nothing but ASCII. */
const pythonJson = (value: unknown): string =>
  JSON.stringify(value, null, 1)
    .replaceAll(/\n\s*/g, ' ')
    .replaceAll(/[^ -~]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const WISH = {
  source_type: 'PullLivePushLive',
  source_urls: ['rtmp://127.0.0.1:1/live/a'],
  destination_url: 'rtmp://127.0.0.1:1/live/é',
  callback_events: [],
};

describe.each<[string, Client, (value: unknown) => string, string, string]>([
  ['Python', python, pythonJson, '2090-01-02T03:04:05+00:00', '2090-01-02T11:04:05.123456+08:00'],
  ['Go', go, value => `${JSON.stringify(value)}\n`, '2090-01-02T03:04:05Z', '2090-01-02T03:04:05Z'],
  ['Java', java, value => JSON.stringify(value), '2090-01-02T03:04:05Z', '2090-01-02T03:04:05.000Z'],
])('the SDK for %s', (name, client, json, start, other) => {
  it('creates, lists, changes and deletes', async () => {
    const region = `to ${name}/é+~*`;
    const created = await client({ method: 'POST', body: json({ ...WISH, region, start_time: start }) });
    expect(created).toMatchObject({ status: 200, body: { task_id: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
    const id = created.body.task_id as string;

    const encoded = encodeURIComponent(region).replaceAll('*', '%2A');
    const query = `limit=10&offset=0&region=${encoded}&task_id=${id}`;
    const listed = await client({ method: 'GET', query });
    expect(listed).toMatchObject({ status: 200, body: { total: 1 } });
    const times = { start_time: '2090-01-02T03:04:05Z', end_time: '2090-01-09T03:04:05Z' };
    expect(listed.body.task_infos[0]).toMatchObject({ ...WISH, ...times, region, status: 'waiting' });
    expect(listed.body.task_infos[0]).not.toHaveProperty('vod_loop_time');

    const change = { task_id: id, start_time: other, callback_events: ['TaskExit'], vod_loop_time: '3' };
    const changed = await client({ method: 'PUT', body: json(change) });
    expect(changed).toMatchObject({ status: 200, body: { task_id: id } });
    expect(changed.headers['x-request-id']).toBe(changed.body.request_id);
    const after = await client({ method: 'GET', query });
    expect(after.body.task_infos[0]).toMatchObject({ ...WISH, ...times, callback_events: ['TaskExit'] });

    const gone = await client({ method: 'DELETE', query: `region=${encoded}&task_id=${id}` });
    expect(gone).toMatchObject({ status: 200, body: { task_id: id } });
    const again = await client({ method: 'DELETE', query: `task_id=${id}` });
    expect(again).toMatchObject({ status: 404, body: { error_code: 'LIVE.103011019' } });
  });
});
