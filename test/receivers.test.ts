import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signWebhook, type WebhookHeaders } from '../src/control/webhook.ts';
import { Child } from './lab/child.ts';
import { Millrace } from './lab/millrace.ts';
import { freePort, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const EXAMPLES = fileURLToPath(new URL('../examples/receiver', import.meta.url));
const example = (name: string) => join(EXAMPLES, name);

interface Running {
  readonly url: string;
  /** What it has printed: an event a line. */
  printed(): readonly string[];
}

interface Wanted {
  readonly place: Place;
  readonly secrets: readonly string[];
}

type Start = (wanted: Wanted) => Promise<Running>;

/** A server that is a program of its own. */
const server =
  (command: string, ...args: readonly string[]): Start =>
  async ({ place, secrets }) => {
    const port = await freePort();
    const env = { MILLRACE_CALLBACK_SECRET: secrets.join(' '), PORT: String(port) };
    const child = place.own(new Child(command, args, { env }), it => it.stop());
    const url = `http://127.0.0.1:${port}/hook`;
    await until(`${command} answers`, () => {
      if (!child.running) throw new Error(child.output);
      return fetch(url, { method: 'POST' }).then(() => true);
    });
    return { url, printed: () => linesOf(child.output) };
  };

/** A program for each connection, as socat, inetd and systemd start it. */
const perConnection =
  (script: string): Start =>
  async ({ place, secrets }) => {
    let printed = '';
    const env = { ...process.env, MILLRACE_CALLBACK_SECRET: secrets.join(' '), SEEN: place.path('seen') };
    const listener = createServer(socket => {
      const child = spawn('sh', [script], { env });
      child.stderr.on('data', text => {
        printed += text;
      });
      socket.pipe(child.stdin);
      child.stdout.pipe(socket);
      for (const stream of [socket, child.stdin]) stream.on('error', () => child.kill());
    });
    await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
    place.own(listener, it => it.close());
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { url: `http://127.0.0.1:${address.port}/hook`, printed: () => linesOf(printed) };
  };

const COMPILERS = {
  javac: (folder: string) => ({
    compile: ['-Werror', '-d', folder, example('Receiver.java')],
    start: ['java', '-cp', folder, 'Receiver'],
  }),
  go: (folder: string) => ({
    compile: ['build', '-o', join(folder, 'receiver'), example('receiver.go')],
    start: [join(folder, 'receiver')],
  }),
} as const;

const compiled =
  (compiler: keyof typeof COMPILERS): Start =>
  async wanted => {
    const { compile, start } = COMPILERS[compiler](wanted.place.dir);
    const { status, stderr } = spawnSync(compiler, compile, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const [command = '', ...args] = start;
    return server(command, ...args)(wanted);
  };

const linesOf = (output: string): string[] => output.split('\n').filter(line => line !== '');

const isThere = (tool: string, question: string): boolean => spawnSync(tool, [question]).status === 0;

const RECEIVERS: readonly (readonly [string, Start])[] = [
  ['receiver.ts', server(process.execPath, example('receiver.ts'))],
  ['receiver.py', server('python3', example('receiver.py'))],
  ['receiver.sh', perConnection(example('receiver.sh'))],
  // Whoever works on this need not have these two.
  ...(isThere('javac', '--version') ? [['Receiver.java', compiled('javac')] as const] : []),
  ...(isThere('go', 'version') ? [['receiver.go', compiled('go')] as const] : []),
];

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const BODY = JSON.stringify({ type: 'task.flowing', data: { reason: 'ünï €' } });

describe.each(RECEIVERS)('examples/receiver/%s', (_, start) => {
  const secret = newSecret();
  const former = newSecret();
  let place: Place;
  let receiver: Running;
  beforeAll(async () => {
    place = new Place();
    receiver = await start({ place, secrets: [secret, former] });
  });
  afterAll(() => place[Symbol.asyncDispose]());

  let count = 0;
  interface Sent {
    readonly id?: string;
    readonly secrets?: readonly string[];
    readonly ageMs?: number;
    readonly body?: string;
    readonly change?: Readonly<Record<string, string>>;
  }
  async function send({ id = `event-${++count}`, secrets = [secret], ageMs = 0, body = BODY, change }: Sent = {}) {
    const signed: WebhookHeaders = signWebhook({ id, atMs: Date.now() - ageMs, body: BODY, secrets });
    const headers = { 'content-type': 'application/json', ...signed, ...change };
    const { status } = await fetch(receiver.url, { method: 'POST', headers, body });
    return { status, printed: receiver.printed().filter(line => line.startsWith(`${id} `)) };
  }

  it('takes an event once, however often it comes', async () => {
    const id = 'event-twice';
    expect((await send({ id })).status).toBe(204);
    await until('it is printed', () => receiver.printed().includes(`${id} ${BODY}`));
    expect((await send({ id, ageMs: 60_000 })).status).toBe(204);
    // What is printed comes in order: the second would stand in front of this one.
    await send({ id: 'event-behind' });
    await until('the next one is printed', () => receiver.printed().some(line => line.startsWith('event-behind ')));
    expect(receiver.printed().filter(line => line.startsWith(id))).toHaveLength(1);
  });

  it.each([
    ['the former secret', [former]],
    ['another secret in front of it', [newSecret(), secret]],
  ])('takes what is signed with %s', async (_, secrets) => {
    expect((await send({ secrets })).status).toBe(204);
  });

  it.each<readonly [string, Sent]>([
    ['another body', { body: BODY.replace('flowing', 'stopped') }],
    ['a body that is longer', { body: `${BODY}\n` }],
    ['another secret', { secrets: [newSecret()] }],
    ['a try of six minutes ago', { ageMs: 360_000 }],
    ['a try of the future', { ageMs: -360_000 }],
    ['another id', { change: { 'webhook-id': 'event-other' } }],
    ['another time', { change: { 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 7) } }],
    ['a time that is none', { change: { 'webhook-timestamp': 'now' } }],
    ['no signature', { change: { 'webhook-signature': '' } }],
    ['a signature of nothing', { change: { 'webhook-signature': 'v1,' } }],
    ['a signature of another kind', { change: { 'webhook-signature': `v1a,${'A'.repeat(43)}=` } }],
  ])('refuses %s', async (_, sent) => {
    const { status, printed } = await send(sent);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(printed).toEqual([]);
  });
});

describe('a node and the receivers of the examples', () => {
  let place: Place;
  let node: Millrace;
  let secret: string;
  beforeAll(async () => {
    place = new Place();
    node = await Millrace.start(place);
    const rotated: { secret: string } = JSON.parse(
      await node.command('callback', 'secret', 'rotate', ...here(), '--json'),
    );
    secret = rotated.secret;
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const here = () => ['--api', node.api];

  it.each(RECEIVERS)('%s takes what it is told', async (_, start) => {
    const receiver = await start({ place, secrets: [secret] });
    const taskId = await node.huawei.createLive('rtmp://127.0.0.1:1/a/b', 'rtmp://127.0.0.1:1/a/c', {
      start_time: new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+/, ''),
      callback_url: receiver.url,
    });
    await node.huawei.remove(taskId);
    const [line = ''] = await until('the event was printed', () => receiver.printed().length > 0 && receiver.printed());
    expect(JSON.parse(line.slice(line.indexOf(' ')))).toMatchObject({ event_type: 'TaskExit', task_id: taskId });
    expect(await node.command('callback', 'test', receiver.url, ...here())).toMatch(
      /^taken with status 204 in \d+ ms$/m,
    );
    await until('the test was printed', () => receiver.printed().at(-1)?.includes('"type":"callback.test"'));
  });
});
