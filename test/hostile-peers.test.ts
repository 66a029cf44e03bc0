import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { frames, media, publish, videoOf, watch } from './lab/ffmpeg.ts';
import { amf, command, HostileServer, message, type Script, status } from './lab/hostile.ts';
import { Millrace, processesOf } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

const many = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));
const word = (value: number): Buffer => Buffer.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
const control = (type: number, payload: Buffer): Buffer => message(type, payload, { csid: 2 });

const PINGS = many(4_000, control(4, Buffer.concat([Buffer.of(0, 6), word(1)])));
const BANDWIDTHS = many(3_000, control(6, Buffer.concat([word(1), Buffer.of(2)])));
const FRAMES = many(64, message(9, Buffer.concat([Buffer.of(0x27, 1, 0, 0, 0), Buffer.alloc(9_000, 65)]), { csid: 6 }));
const SOUNDS = many(5_000, message(8, Buffer.of(0xaf, 1, 1), { csid: 4, stream: 1 }));
const WIDE = message(20, Buffer.concat([amf('onStatus', 0, null), Buffer.of(3), many(9_000, Buffer.of(0, 1, 97, 5))]));
const DEEP = message(20, Buffer.concat([amf('onStatus', 0, null), many(9_000, Buffer.of(3, 0, 1, 97))]));
/** As `_error` with a place to go to instead, in the way of the large platforms. */
const redirect = (url: string): Buffer =>
  message(20, amf('_error', 1, null, { level: 'error', ex: { code: 302, redirect: url } }));

const SCRIPTS: Readonly<Record<string, Script>> = {
  'a handshake without end': { handshake: visit => visit.flood(Buffer.alloc(1 << 20, 65)) },
  'half a handshake': { handshake: visit => visit.say(Buffer.of(3), Buffer.alloc(1_000)) },
  'media for an answer': { connect: visit => visit.flood(FRAMES) },
  'tiny sounds for an answer': { connect: visit => visit.flood(SOUNDS) },
  'an answer that does not end': { connect: visit => visit.say(message(20, Buffer.alloc(8_000_000)).subarray(0, -1)) },
  'streams that do not end': {
    connect: visit => {
      for (let csid = 3; csid < 60; csid++) visit.say(message(9, Buffer.alloc(2_000_000), { csid }).subarray(0, 128));
    },
  },
  'a stream that is no number': { createStream: visit => visit.say(command('_result', Number.NaN, null, Number.NaN)) },
  'commands without end': { createStream: visit => visit.flood(command('foo', 7, null)) },
  'a redirect in circles': {
    connect: visit => visit.say(redirect(`rtmp://127.0.0.1:${visit.socket.localPort}/live`)),
  },
  'a redirect to metadata': { connect: visit => visit.say(redirect('rtmp://169.254.169.254/live')) },
  'a redirect to a file': { connect: visit => visit.say(redirect('file:///etc/passwd')) },
  'a wide object': { play: visit => visit.say(WIDE), publish: visit => visit.say(WIDE) },
  'a deep object': { play: visit => visit.say(DEEP), publish: visit => visit.say(DEEP) },
  'a yes and a reset': { media: visit => visit.socket.resetAndDestroy() },
  'a yes and an end': {
    media: visit => visit.say(status('NetStream.Play.Stop'), status('NetStream.Unpublish.Success')),
  },
  'pings without end': { media: visit => visit.flood(PINGS) },
  'bandwidths without end': { media: visit => visit.flood(BANDWIDTHS) },
  'checks without end': { media: visit => visit.flood(many(2_000, command('_onbwcheck', 3, null))) },
  'a chunk size of 0': { media: visit => visit.say(control(1, word(0))) },
  'a chunk size of 2^31': { media: visit => visit.say(control(1, word(0x8000_0000))) },
  'garbage in the middle': { media: visit => visit.say(FRAMES, Buffer.alloc(5_000, 0xff)) },
};

const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** Where the frames that were seen do not follow one another in the file. */
async function holesIn(seen: Parameters<typeof videoOf>[0], file: string): Promise<number[]> {
  const whole = videoOf(await frames(file)).map(frame => frame.hash);
  const places = videoOf(seen).map(frame => whole.indexOf(frame.hash));
  return places.filter((at, i) => i > 0 && at !== (places[i - 1] ?? 0) + 1);
}

it('loses no frame of a healthy task beside hostile sources and destinations on the same worker', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const origin = await Nginx.start(place);
  const sink = await Nginx.start(place);
  const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
  const { huawei } = millrace;
  publish(place, file, origin.url('in'));
  const healthy = await huawei.createLive(origin.url('in'), sink.url('out'));
  await until('it runs', async () => (await huawei.status(healthy)) === 'running');
  const { seen } = watch(place, sink.url('out'));
  await until('frames arrive', () => seen.length > 50);
  const pusher = await sink.publisherOf('out');
  const worker = processesOf(millrace.data).find(it => it.command.includes('worker/main'))?.pid ?? 0;
  const before = rssMb(worker);

  const tasks: { what: string; server: HostileServer; id: string }[] = [];
  for (const [what, script] of Object.entries(SCRIPTS)) {
    const source = await HostileServer.start(place, script);
    const destination = await HostileServer.start(place, script);
    const pulling = await huawei.createLive(source.url(), sink.url(`p${tasks.length}`));
    const pushing = await huawei.createLive(origin.url('in'), destination.url());
    tasks.push({ what: `a source with ${what}`, server: source, id: pulling });
    tasks.push({ what: `a destination with ${what}`, server: destination, id: pushing });
  }
  for (const { what, id } of tasks)
    await until(`${what} has failed`, async () => (await huawei.status(id)) === 'retrying');
  await pass(4_000);
  for (const { what, server } of tasks) expect([what, server.visits]).toEqual([what, within(1, 40)]);
  expect(await huawei.status(healthy)).toBe('running');
  expect(await sink.publisherOf('out')).toBe(pusher);
  expect(await holesIn(seen, file)).toEqual([]);
  // All 42 at once.
  expect(rssMb(worker) - before).toBeLessThan(128);
});

const within = (least: number, most: number) =>
  expect.toSatisfy((count: number) => count >= least && count <= most, `${least} to ${most}`);

it('is told no key and no escape by a server that shouts them', async () => {
  await using place = new Place();
  const millrace = await Millrace.start(place, { flags: ['--workers', '1', '--log-level', 'debug'] });
  const told: string[] = [];
  const receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push(body);
    response.end();
  });
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve));
  place.own(receiver, it => it.close());
  const callback = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const shout = '\x1b[31m\u202e<script>alert(1)</script> canary5K canary6K canary%35K\r\n{"level":60}\n';
  const scripts: Script[] = [shout, shout + 'x'.repeat(60_000), shout + 'x'.repeat(1_000_000)].map(words => ({
    connect: visit =>
      visit.say(command('_error', 1, null, { level: 'error', code: words.slice(0, 200), description: words })),
  }));
  scripts.push({ publish: visit => visit.say(status('NetStream.Publish.BadName', 'error', shout)) });
  const ids: string[] = [];
  for (const script of scripts) {
    const server = await HostileServer.start(place, script);
    const url = server.url('live/canary5K?sign=canary6K');
    const to = `rtmp://127.0.0.1:1/live/x${ids.length}`;
    ids.push(await millrace.huawei.createLive(url, to, { callback_url: callback }));
  }
  await until('all have failed', async () => {
    const statuses = await Promise.all(ids.map(id => millrace.huawei.status(id)));
    return statuses.every(it => it === 'retrying');
  });
  await until('the alarms are told', () => told.filter(body => body.includes('TaskAlarm')).length >= 1);
  const messages = told.map(body => String((JSON.parse(body) as { message?: string }).message));
  const written = [millrace.output, ...messages].join('\n');
  expect(written).toContain('script');
  expect(written).not.toContain('canary5K');
  expect(written).not.toContain('canary6K');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
  expect(written).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  for (const line of millrace.output.split('\n').filter(it => it.startsWith('{'))) {
    expect((JSON.parse(line) as { level: number | string }).level).not.toBe(60);
  }
});

it('keeps its own RTMP server in bounds under publishers and players that hoard', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
  publish(place, file, `${millrace.rtmp}/live/good`);
  const { seen } = watch(place, `${millrace.rtmp}/live/good`);
  await until('frames arrive', () => seen.length > 50);
  const server = processesOf(millrace.data).find(it => it.command.includes('worker/origin'))?.pid ?? 0;
  const before = rssMb(server);
  const hoarders = Array.from({ length: 36 }, (_, i) => visitor(place, millrace.rtmp, i % 3, `h${i}`));
  await pass(5_000);
  const count = seen.length;
  await until('frames go on', () => seen.length > count + 50);
  expect(await holesIn(seen, file)).toEqual([]);
  expect(rssMb(server) - before).toBeLessThan(600);
  for (const hoarder of hoarders) hoarder.destroy();
  const { child, seen: later } = watch(place, `${millrace.rtmp}/live/good`);
  await until('a new player is served', () => later.length > 20);
  await child.stop('SIGKILL');
});

/** 0: publishes a group of 15 MB; 1: begins a message of 16 MB; 2: a player that pours out media. */
function visitor(place: Place, rtmp: string, kind: number, name: string): Socket {
  const socket = place.own(connect(Number(rtmp.split(':').at(-1)), '127.0.0.1'), it => it.destroy());
  socket.on('error', () => {});
  socket.resume();
  const call = kind === 2 ? amf('play', 0, null, 'good') : amf('publish', 0, null, name, 'live');
  const hello = [Buffer.of(3), Buffer.alloc(1536 * 2), command('connect', 1, { app: 'live' })];
  socket.write(Buffer.concat([...hello, command('createStream', 2, null), message(20, call, { stream: 1 })]));
  const part = Buffer.concat([Buffer.of(0x27, 1, 0, 0, 0, 0, 0, 0, 9, 0x41), Buffer.alloc(64_000, 65)]);
  const header = Buffer.from('170000000001640015ffe1', 'hex');
  const group = [Buffer.concat([Buffer.of(0x17), part.subarray(1)]), ...Array.from({ length: 230 }, () => part)];
  if (kind === 0) for (const frame of [header, ...group]) socket.write(message(9, frame, { csid: 6, stream: 1 }));
  if (kind === 1) socket.write(message(9, Buffer.alloc(16_000_000), { csid: 6, stream: 1 }).subarray(0, -1));
  if (kind === 2) socket.write(many(400, message(9, part, { csid: 6, stream: 1 })));
  return socket;
}
