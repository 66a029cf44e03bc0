import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { it } from 'vitest';
import { sinceBoot } from '../../src/media/clock.ts';
import type { Child } from '../../src/worker/channel.ts';
import { type FromWorker, listenChannel, type Peer, type RunOrder, type ToWorker } from '../../src/worker/channel.ts';
import { workerProcess } from '../../src/worker/spawn.ts';
import { figure } from '../faults/figure.ts';
import { Arrivals } from '../lab/arrivals.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { isFull } from './stage.ts';

const PUSHES = 20;
const ROUNDS = isFull ? 200 : 6;
/** From here on to the deadline; the bursts go on for so long behind it. */
const [NEAR_MS, BEHIND_MS] = [250, 400];
const [STOPPED_MS, GOING_MS] = [40, 15];

/** A destination that counts what comes too late. */
class Door {
  deadlineMs = Number.POSITIVE_INFINITY;
  lateBytes = 0;
  bytes = 0;
  port = 0;
  readonly #arrivals: Arrivals;

  private constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals;
  }

  static async open(place: Place, to: number): Promise<Door> {
    const door = new Door(Arrivals.start(place));
    const server = createServer(outer => {
      const inner = connect(to, '127.0.0.1');
      outer.on('data', data => {
        door.#take(data);
        inner.write(data);
      });
      inner.on('data', data => outer.write(data));
      outer.on('error', () => {}).on('close', () => inner.destroy());
      inner.on('error', () => {}).on('close', () => outer.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    place.own(server, it => it.close());
    door.port = (server.address() as AddressInfo).port;
    return door;
  }

  #take(data: Buffer): void {
    this.bytes += data.length;
    if (this.#arrivals.atMs > this.deadlineMs) this.lateBytes += data.length;
  }
}

/** A worker, and a control process that is the test. */
class Worker {
  readonly heard: FromWorker[] = [];
  #peer: Peer<ToWorker> | undefined;
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(place: Place): Promise<Worker> {
    const path = place.path('control.sock');
    const child = workerProcess({ channel: path, slot: 0, logFolder: place.dir, network: 'lab', leased: true });
    const worker = place.own(new Worker(child), it => it.#child.kill('SIGKILL'));
    const channel = await listenChannel(path, peer => {
      worker.#peer = peer;
      return { message: message => worker.heard.push(message), closed: () => {} };
    });
    place.own(channel, it => it.close());
    await until('it introduces itself', () => worker.heard.some(({ t }) => t === 'hello'));
    return worker;
  }

  tell(message: ToWorker): void {
    this.#peer?.send(message);
  }

  /** How many of its runs have told that they flow, and that they were cut. */
  get counts(): { readonly flowing: number; readonly cut: number } {
    const flowing = this.heard.filter(message => message.t === 'news' && message.news.type === 'flowing').length;
    return { flowing, cut: this.heard.filter(message => message.t === 'ended' && message.cut).length };
  }

  /** Stops it over and over, for moments, up to then. */
  async hamper(untilMs: number): Promise<void> {
    while (sinceBoot() < untilMs) {
      this.#child.kill('SIGSTOP');
      await pass(Math.random() * STOPPED_MS);
      this.#child.kill('SIGCONT');
      await pass(Math.random() * GOING_MS);
    }
  }
}

it('nothing goes out behind the deadline of a worker that is stopped over and over around it', {
  timeout: 900_000,
}, async () => {
  await using place = new Place();
  const [source, oracle] = [await CountedSource.start(place), await Oracle.start(place)];
  const [door, worker] = [await Door.open(place, oracle.port), await Worker.start(place)];
  const orderOf = (number: number, epoch: number): RunOrder => ({
    ...{ taskId: `${number}`, epoch, destination: `rtmp://127.0.0.1:${door.port}/live/${number}` },
    source: { kind: 'live', url: source.url() },
  });
  for (let epoch = 1; epoch <= ROUNDS; epoch++) {
    worker.heard.length = 0;
    door.deadlineMs = Number.POSITIVE_INFINITY;
    worker.tell({ t: 'lease', untilMs: sinceBoot() + 60_000 });
    for (let number = 0; number < PUSHES; number++) worker.tell({ t: 'start', order: orderOf(number, epoch) });
    await until('all are on air', () => worker.counts.flowing >= PUSHES);
    door.deadlineMs = sinceBoot() + NEAR_MS + Math.random() * NEAR_MS;
    worker.tell({ t: 'lease', untilMs: door.deadlineMs });
    await worker.hamper(door.deadlineMs + BEHIND_MS);
    await until('all are cut', () => worker.counts.cut >= PUSHES);
  }
  const name = `${ROUNDS * PUSHES} pushes cut by a worker that is stopped over and over: bytes behind the deadline`;
  figure('FENCE', name, door.lateBytes, { unit: 'B', exactly: 0 });
  figure('FENCE', 'bytes in front of it', door.bytes, { unit: 'B', atLeast: 1 });
});
