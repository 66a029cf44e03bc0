import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { sinceBoot } from '../../src/media/clock.ts';
import { MessageType } from '../../src/media/rtmp/message.ts';
import { figure } from '../faults/figure.ts';
import { Arrivals } from '../lab/arrivals.ts';
import { Child } from '../lab/child.ts';
import { CountedSource } from '../lab/counted-source.ts';
import type { LoneSettings } from '../lab/lone-control.ts';
import { Oracle } from '../lab/oracle.ts';
import { freeUdpPort, Place } from '../lab/place.ts';
import { SRT_LIVE_TRANSMIT } from '../lab/programs.ts';
import { secured } from '../lab/secured.ts';
import { selfMade } from '../lab/self-made.ts';
import { pass, until } from '../lab/wait.ts';

const LONE = fileURLToPath(new URL('../lab/lone-control.ts', import.meta.url));
const LEASE_MS = 2_000;
const FROZEN_MS = 8_000;
/** What a worker that has just been thawed could still do wrong, it has done by then. */
const AWAKE_MS = 3_000;
const PROTOCOLS = ['rtmp', 'rtmps', 'srt'] as const;
type Protocol = (typeof PROTOCOLS)[number];

/** What came to a destination, as the wire has it. */
interface Seen {
  /** The clock of leases, and how many bytes of a push came then. */
  readonly came: { readonly atMs: number; readonly bytes: number }[];
  /** How each of its connections ended. */
  readonly ends: string[];
}

/** Stands in front of a destination and counts what the worker itself has put on the wire, whatever it is wrapped in. */
class Tap {
  readonly seen: Seen = { came: [], ends: [] };
  port = 0;
  readonly #arrivals: Arrivals;
  #answeredBytes = 0;
  /** Of what the destination says, only so much is handed on. */
  #mayAnswer = Number.POSITIVE_INFINITY;
  readonly #held: { readonly data: Buffer; readonly to: Socket }[] = [];

  private constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals;
  }

  static async start(place: Place, to: number): Promise<Tap> {
    const tap = new Tap(Arrivals.start(place));
    const server = createServer(outer => tap.#stand(outer, connect(to, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    place.own(server, it => it.close());
    tap.port = (server.address() as AddressInfo).port;
    return tap;
  }

  get holds(): boolean {
    return this.#held.length > 0;
  }

  hold(afterBytes: number): void {
    this.#mayAnswer = afterBytes;
  }

  release(): void {
    for (const { data, to } of this.#held.splice(0)) to.write(data);
    this.#mayAnswer = Number.POSITIVE_INFINITY;
  }

  #stand(outer: Socket, inner: Socket): void {
    outer.on('data', data => {
      this.seen.came.push({ atMs: this.#arrivals.atMs, bytes: data.length });
      inner.write(data);
    });
    inner.on('data', data => this.#answer(outer, data));
    outer.once('error', error => this.seen.ends.push('code' in error ? String(error.code) : error.message));
    outer.once('end', () => this.seen.ends.push('FIN'));
    outer.on('close', () => inner.destroy());
    inner.on('error', () => outer.destroy()).on('close', () => outer.destroy());
  }

  #answer(to: Socket, data: Buffer): void {
    const now = data.subarray(0, Math.max(0, this.#mayAnswer - this.#answeredBytes));
    this.#answeredBytes += data.length;
    if (now.length > 0) to.write(now);
    if (now.length < data.length) this.#held.push({ data: data.subarray(now.length), to });
  }
}

/** The same with datagrams: SRT's data packets begin with a 0 (draft-sharabayko-srt, section 3), the others keep it alive. */
async function tapSrt(place: Place, to: number): Promise<{ readonly port: number; readonly seen: Seen }> {
  const seen: Seen = { came: [], ends: [] };
  const arrivals = Arrivals.start(place);
  const door = place.own(createSocket('udp4'), it => it.close());
  const beyond = place.own(createSocket('udp4'), it => it.close());
  let caller = 0;
  door.on('message', (bytes, { port }) => {
    caller = port;
    if (((bytes[0] ?? 0) & 0x80) === 0) seen.came.push({ atMs: arrivals.atMs, bytes: bytes.length });
    beyond.send(bytes, to, '127.0.0.1');
  });
  beyond.on('message', bytes => door.send(bytes, caller, '127.0.0.1'));
  beyond.on('error', () => {});
  door.bind(0, '127.0.0.1');
  await once(door, 'listening');
  return { port: door.address().port, seen };
}

/** A node of its own, on air at a destination of its own. */
class Pushing {
  readonly control: Child;
  readonly seen: Seen;
  workerPid = 0;
  untilMs = 0;
  readonly told: { readonly [name: string]: unknown }[] = [];

  private constructor(control: Child, seen: Seen) {
    this.control = control;
    this.seen = seen;
    control.onLine(line => {
      const words = JSON.parse(line) as { readonly [name: string]: unknown };
      this.told.push(words);
      if (typeof words.untilMs === 'number') this.untilMs = words.untilMs;
      if (typeof words.pid === 'number') this.workerPid = words.pid;
    });
  }

  static async begin(place: Place, { to, seen, ca }: Destination): Promise<Pushing> {
    const source = await CountedSource.start(place);
    const settings: LoneSettings = {
      ...{ folder: place.dir, from: source.url(), to, leaseMs: LEASE_MS, epoch: 1 },
      ...(ca === undefined ? {} : { ca }),
    };
    const control = new Child(process.execPath, [LONE, JSON.stringify(settings)]);
    return place.own(new Pushing(control, seen), it => it.end());
  }

  async onAir(): Promise<void> {
    await until('it is on air', () => this.told.some(({ news }) => news === 'flowing'));
    const before = this.seen.came.length;
    await until('it goes on', () => this.seen.came.length > before + 20);
  }

  signal(signal: NodeJS.Signals, who: 'control' | 'worker'): void {
    try {
      process.kill(who === 'control' ? this.control.pid : this.workerPid, signal);
    } catch {
      // It is gone, as it may be.
    }
  }

  get workerLives(): boolean {
    try {
      process.kill(this.workerPid, 0);
      return true;
    } catch {
      return false;
    }
  }

  /** Bytes that came behind the deadline, and how far in front of it the last of the others came. */
  get late(): { readonly bytes: number; readonly spareMs: number } {
    const { came } = this.seen;
    const late = came.filter(({ atMs }) => atMs > this.untilMs);
    const lastMs = came.findLast(({ atMs }) => atMs <= this.untilMs)?.atMs ?? Number.NaN;
    return { bytes: late.reduce((sum, { bytes }) => sum + bytes, 0), spareMs: this.untilMs - lastMs };
  }

  async end(): Promise<void> {
    for (const who of ['control', 'worker'] as const) this.signal('SIGKILL', who);
    await this.control.exited;
  }
}

interface Destination {
  readonly to: string;
  readonly seen: Seen;
  readonly ca?: string;
  readonly tap?: Tap;
  readonly oracle?: Oracle;
}

async function destination(place: Place, protocol: Protocol): Promise<Destination> {
  if (protocol === 'srt') {
    const port = await freeUdpPort();
    const args = ['-c', 'exec "$0" -a no -q "$1" file://con > /dev/null', SRT_LIVE_TRANSMIT];
    const from = `srt://127.0.0.1:${port}?mode=listener`;
    place.own(new Child('/bin/sh', [...args, from]), child => child.stop('SIGKILL'));
    const tap = await tapSrt(place, port);
    return { to: `srt://127.0.0.1:${tap.port}`, seen: tap.seen };
  }
  const oracle = await Oracle.start(place);
  if (protocol === 'rtmp') {
    const tap = await Tap.start(place, oracle.port);
    return { to: `rtmp://127.0.0.1:${tap.port}/live/out`, seen: tap.seen, tap, oracle };
  }
  const pair = await selfMade(place);
  const tap = await Tap.start(place, await secured(place, oracle.port, pair));
  return { to: `rtmps://localhost:${tap.port}/live/out`, seen: tap.seen, ca: pair.ca, tap, oracle };
}

const pastDeadline = ({ untilMs }: Pushing, ms: number): Promise<void> => pass(Math.max(0, untilMs + ms - sinceBoot()));

function judge(what: string, protocol: Protocol, pushing: Pushing): void {
  const { bytes, spareMs } = pushing.late;
  figure('FENCE', `${what}, ${protocol}: bytes behind the deadline`, bytes, { unit: 'B', exactly: 0 });
  console.log(
    `FENCE ${what}, ${protocol}: the last byte came ${Math.round(spareMs)} ms before, ends ${pushing.seen.ends}`,
  );
}

const NODE = ['control', 'worker'] as const;

/** RTMP 1.0, section 7.1.7: it wants to be answered. */
function ping({ oracle }: Destination): void {
  const request = Buffer.from('000600000001', 'hex');
  for (const { visit } of oracle?.stream('out').pushes ?? []) visit.control(MessageType.userControl, request);
}

it.concurrent.each(PROTOCOLS)(
  'nothing goes out by %s when a node wakes that has slept beyond its lease',
  async protocol => {
    await using place = new Place();
    const there = await destination(place, protocol);
    const pushing = await Pushing.begin(place, there);
    await pushing.onAir();
    for (const who of NODE) pushing.signal('SIGSTOP', who);
    await pass(FROZEN_MS);
    const before = pushing.seen.came.length;
    // What is answered as it comes is read before any clock is.
    ping(there);
    pushing.signal('SIGCONT', 'worker');
    await pass(AWAKE_MS);
    judge('worker frozen and thawed', protocol, pushing);
    expect(pushing.seen.came.length).toBe(before);
  },
);

/** Where the answers of a destination stop: before the handshake or that of TLS is done, and behind it. */
const ANSWERED = { rtmp: [0, 3_073, 3_140], rtmps: [900, 4_200, 4_500] };
const NEGOTIATIONS = (['rtmp', 'rtmps'] as const).flatMap(name => ANSWERED[name].map(bytes => [name, bytes] as const));

it.concurrent.each(NEGOTIATIONS)(
  'nothing goes out by %s when a node sleeps that has heard %i bytes of the answer',
  async (protocol, heard) => {
    await using place = new Place();
    const there = await destination(place, protocol);
    there.tap?.hold(heard);
    const pushing = await Pushing.begin(place, there);
    await until('its destination is held back', () => there.tap?.holds);
    for (const who of NODE) pushing.signal('SIGSTOP', who);
    await pastDeadline(pushing, 500);
    there.tap?.release();
    await pass(500);
    pushing.signal('SIGCONT', 'worker');
    await pass(AWAKE_MS);
    judge(`frozen behind ${heard} bytes of the answer`, protocol, pushing);
  },
);

it.concurrent.each(PROTOCOLS)(
  'nothing goes out by %s behind the lease of a control process that is gone',
  async protocol => {
    await using place = new Place();
    const pushing = await Pushing.begin(place, await destination(place, protocol));
    await pushing.onAir();
    pushing.signal('SIGKILL', 'control');
    await pushing.control.exited;
    await pastDeadline(pushing, AWAKE_MS);
    judge('control killed', protocol, pushing);
    expect(pushing.workerLives).toBe(false);
  },
);

it.concurrent.each(PROTOCOLS)(
  'nothing goes out by %s behind the lease of a control process that is frozen',
  async protocol => {
    await using place = new Place();
    const pushing = await Pushing.begin(place, await destination(place, protocol));
    await pushing.onAir();
    pushing.signal('SIGSTOP', 'control');
    await pastDeadline(pushing, AWAKE_MS);
    judge('control frozen', protocol, pushing);
    expect(pushing.workerLives).toBe(true);
  },
);
