import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { media, publish } from './lab/ffmpeg.ts';
import { Millrace, processesOf } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { freePort, Place } from './lab/place.ts';
import { configuration } from './lab/shared-servers.ts';
import { until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));

/** A secret that no other text can hold by chance. */
const marker = (): string => `mark${randomBytes(9).toString('hex')}`;

function contents(folder: string): [string, string][] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(file => [file, readFileSync(file, 'latin1')]);
}

/** The spellings in which a secret could be found. */
const spellings = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64').slice(0, 20),
  Buffer.from(secret).toString('hex'),
  secret.toUpperCase(),
];

/** A web server that knows no file, and takes no callback. */
async function deadEnd(place: Place): Promise<{ url: (userinfo: string) => string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(403).end(`no ${request.url} for ${request.headers.authorization}`);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: userinfo => `http://${userinfo}@127.0.0.1:${port}`, asked };
}

it('keeps every kind of secret out of all that it writes, over files, standbys, users and a kill', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const sink = await Nginx.start(place);
  const web = await deadEnd(place);
  const millrace = await Millrace.start(place, { flags: ['--log-level', 'debug', '--metrics-tasks', '10'] });
  const { huawei, rtmp } = millrace;
  const secrets: string[] = [millrace.key.secretKey];
  const secret = (): string => {
    secrets.push(marker());
    return secrets.at(-1) ?? '';
  };

  const source = `${rtmp}/live/${secret()}?sign=${secret()}`;
  publish(place, file, source);
  const destination = `${sink.url(secret())}?sign=${secret()}`;
  const callback_url = `${web.url(`user:${secret()}`)}/${secret()}?k=${secret()}`;
  const live = await huawei.createLive(source, destination, { callback_url, push_args: `auth=${secret()}` });
  const address = `${web.url(`me:${secret()}`)}/${secret()}.mp4?sig=${secret()}`;
  const named = ['asset', 'add', address, '--id', 'film', '--no-probe', '--data', millrace.data];
  expect(spawnSync(BIN, named, { env: millrace.variables }).status).toBe(0);
  const list = await huawei.call({
    method: 'POST',
    body: {
      source_type: 'PullVodPushLive',
      source_urls: [`${web.url(`me:${secret()}`)}/${secret()}.mp4?sig=${secret()}`, 'asset://film'],
      backup_source_urls: [`rtmp://127.0.0.1:${await freePort()}/live/${secret()}?t=${secret()}`],
      destination_url: `rtmp://127.0.0.1:${await freePort()}/live/${secret()}?t=${secret()}`,
      callback_url,
    },
  });
  expect(list.status).toBe(200);
  await until('the live task runs', async () => (await huawei.status(live)) === 'running');
  await until('both files were asked for', () => new Set(web.asked.filter(it => it.includes('.mp4'))).size >= 2);

  const password = secret();
  const user = ['user', 'add', 'anna', '--password-stdin', '--data', millrace.data];
  expect(spawnSync(BIN, user, { input: `${password}\n`, env: millrace.variables }).status).toBe(0);
  const token = await signIn(millrace, password);
  secrets.push(token);
  const path = `/v1/${millrace.key.projectId}/pull/stream/task`;
  const asked = await fetch(`${millrace.api}${path}?task_id=${live}`, { headers: { 'x-auth-token': token } });
  expect(await asked.json()).toMatchObject({ task_infos: [{ source_urls: [source] }] });

  const wrong = await fetch(`${millrace.api}${path}?x=${secret()}`, { headers: { 'x-auth-token': secret() } });
  const answers: [string, string][] = [['the answer to a wrong token', await wrong.text()]];
  const bad = { source_type: 'PullLivePushLive', source_urls: [`rtmp://a b/${secret()}`], region: secret() };
  answers.push(['a refusal', JSON.stringify((await huawei.call({ method: 'POST', body: bad })).body)]);
  answers.push(['health', await (await fetch(`${millrace.api}/healthz`)).text()]);

  const apiKey = apiKeyOf(millrace);
  const cookie = await cookieOf(millrace, password);
  secrets.push(apiKey, cookie);
  answers.push(...(await nativeAnswers(millrace, apiKey)));

  const before = millrace.output;
  await millrace.killControl();
  await millrace.restart();
  await until('the live task runs on', async () => (await millrace.huawei.status(live)) === 'running');
  await until('callbacks were refused', () => web.asked.filter(it => !it.includes('.mp4')).length >= 3);

  const written: [string, string][] = [
    ...backupOf(millrace, place.path('copy.db')),
    ...answers,
    ['the first log', before],
    ['the log', millrace.output],
    ...contents(millrace.data),
    ...processesOf(millrace.data).map(({ pid, command }): [string, string] => [`the command line of ${pid}`, command]),
    ...processesOf(millrace.data)
      .filter(({ command }) => command.includes('worker/'))
      .map(({ pid }): [string, string] => [
        `the environment of ${pid}`,
        readFileSync(`/proc/${pid}/environ`, 'latin1'),
      ]),
  ];
  expect(written.length).toBeGreaterThan(10);
  expect(secrets.length).toBeGreaterThan(18);
  const leaks = written.flatMap(([where, text]) =>
    secrets.flatMap((it, i) => (spellings(it).some(spelling => text.includes(spelling)) ? [`${i} in ${where}`] : [])),
  );
  expect(leaks).toEqual([]);
});

/** Of PostgreSQL its own programs make one. */
function backupOf(millrace: Millrace, copy: string): [string, string][] {
  if (configuration() !== 'alone') return [];
  expect(spawnSync(BIN, ['backup', copy, '--data', millrace.data]).status).toBe(0);
  return [['a backup', readFileSync(copy, 'latin1')]];
}

function apiKeyOf(millrace: Millrace): string {
  const args = ['key', 'create', '--api', '--json', '--data', millrace.data];
  return (JSON.parse(spawnSync(BIN, args, { encoding: 'utf8', env: millrace.variables }).stdout) as { apiKey: string })
    .apiKey;
}

/** What a browser would hold that has signed in to the console. */
async function cookieOf(millrace: Millrace, password: string): Promise<string> {
  const answer = await fetch(`${millrace.api}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'anna', password }),
  });
  const [, token = ''] = /millrace_session=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '') ?? [];
  expect(token.length).toBeGreaterThan(20);
  return token;
}

/** All that the native API, and the metrics, tell who does not ask for addresses to be revealed. */
function nativeAnswers(millrace: Millrace, apiKey: string): Promise<[string, string][]> {
  const paths = ['tasks', 'events', 'deliveries', 'assets', 'audit', 'nodes', 'keys', 'users'].map(
    it => `/api/v1/${it}`,
  );
  return Promise.all(
    [...paths, '/metrics'].map(async (path): Promise<[string, string]> => {
      const answer = await fetch(`${millrace.api}${path}`, { headers: { authorization: `Bearer ${apiKey}` } });
      expect([path, answer.status]).toEqual([path, 200]);
      return [path, await answer.text()];
    }),
  );
}

async function signIn(millrace: Millrace, password: string): Promise<string> {
  const user = { name: 'anna', password, domain: { name: 'default' } };
  const identity = { methods: ['password'], password: { user } };
  const answer = await fetch(`${millrace.api}/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { project: { id: millrace.key.projectId } } } }),
  });
  expect(answer.status).toBe(201);
  return answer.headers.get('x-subject-token') ?? '';
}
