import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { media, publish } from './lab/ffmpeg.ts';
import { HuaweiClient } from './lab/huawei.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));

/** A command beside the running node, on its data directory. */
function command(millrace: Millrace, args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(BIN, [...args, '--data', millrace.data], {
    input,
    encoding: 'utf8',
    env: millrace.variables,
  });
  if (status !== 0) throw new Error(`millrace ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

it('resolves an ingest domain that was added beside the running node, and puts the stream there', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const origin = await Nginx.start(place);
  const sink = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  publish(place, file, origin.url('in'));
  const trio = { domain: 'publish.example', app_name: 'live', stream_name: 'trio', push_args: 'a=1' };
  const body = { source_type: 'PullLivePushLive', source_urls: [origin.url('in')], ...trio };
  const early = await millrace.huawei.call({ method: 'POST', body });
  expect(early.status).toBe(400);
  expect(early.body).toMatchObject({ error_code: 'LIVE.100011001', error_msg: expect.stringContaining('domain') });
  command(millrace, ['domain', 'add', 'publish.example', '--to', `rtmp://127.0.0.1:${sink.port}`]);
  const created = await millrace.huawei.call({ method: 'POST', body });
  expect(created.status).toBe(200);
  await until('it runs', async () => (await millrace.huawei.status(created.body.task_id)) === 'running');
  expect(await sink.publisherOf('trio')).not.toBe('');
});

it('lets in a key made beside the running node, and shuts it out when it is disabled', async () => {
  await using place = new Place();
  const millrace = await Millrace.start(place);
  const key = JSON.parse(command(millrace, ['key', 'create', '--json']));
  const client = new HuaweiClient(millrace.api, key);
  expect((await client.call({ method: 'GET' })).status).toBe(200);
  command(millrace, ['key', 'disable', key.accessKey]);
  const answer = await client.call({ method: 'GET' });
  expect(answer.status).toBe(403);
  expect(answer.body.error_code).toBe('APIG.0302');
});

it('follows policies, users and accounts that are changed beside the running node', async () => {
  await using place = new Place();
  const millrace = await Millrace.start(place);
  command(millrace, ['user', 'add', 'anna', '--policy', 'none', '--password-stdin'], 'correct horse battery\n');
  const client = new HuaweiClient(
    millrace.api,
    JSON.parse(command(millrace, ['key', 'create', '--user', 'anna', '--json'])),
  );
  const answer = async () => {
    const { status, body } = await client.call({ method: 'GET' });
    return body.error_code ?? status;
  };
  expect(await answer()).toBe('APIG.0302');
  const listing = '{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["live:stream:list*"]}]}';
  command(millrace, ['policy', 'add', 'listing', '-'], listing);
  command(millrace, ['user', 'policy', 'anna', 'listing']);
  expect(await answer()).toBe(200);
  expect(() => command(millrace, ['policy', 'delete', 'listing'])).toThrow('the policy listing is in use by user anna');
  expect(() => command(millrace, ['policy', 'add', 'listing', '-'], '{}')).toThrow(
    'ended with 2: millrace: Version must be "1" or "1.1"',
  );
  expect(await answer()).toBe(200);
  command(millrace, ['account', 'disable-live', 'default']);
  expect(await answer()).toBe('LIVE.100011003');
  command(millrace, ['account', 'enable-live', 'default']);
  command(millrace, ['user', 'disable', 'anna']);
  expect(await answer()).toBe('APIG.0302');
  command(millrace, ['user', 'enable', 'anna']);
  expect(await answer()).toBe(200);
  command(millrace, ['user', 'remove', 'anna']);
  expect(await answer()).toBe('APIG.0301');
});

it('gives a user a token that the task API takes', async () => {
  await using place = new Place();
  const millrace = await Millrace.start(place);
  const { projectId } = millrace.key;
  command(millrace, ['user', 'add', 'anna', '--password-stdin'], 'correct horse battery\n');
  const ask = (password: string) =>
    fetch(`${millrace.api}/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'anna', password, domain: { name: 'default' } } },
          },
          scope: { project: { id: projectId } },
        },
      }),
    });
  expect((await ask('wrong')).status).toBe(401);
  const granted = await ask('correct horse battery');
  expect(granted.status).toBe(201);
  const token = granted.headers.get('x-subject-token') ?? '';
  const list = await fetch(`${millrace.api}/v1/${projectId}/pull/stream/task`, { headers: { 'x-auth-token': token } });
  expect(list.status).toBe(200);
  expect(await list.json()).toMatchObject({ total: 0, task_infos: [] });
});
