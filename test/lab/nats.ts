import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type Place } from './place.ts';
import { until } from './wait.ts';

const PLACES = ['/usr/sbin/nats-server', '/usr/bin/nats-server', '/usr/local/bin/nats-server'];

export interface NatsWish {
  readonly jetStream?: boolean;
}

/** A NATS server in a directory and on a port of its own, that ends with its owner. */
export class NatsServer implements AsyncDisposable {
  readonly port: number;
  readonly #wish: NatsWish;
  readonly #dir = mkdtempSync(join(tmpdir(), 'millrace-nats-'));
  #child: ChildProcess | undefined;
  #said = '';

  private constructor(port: number, wish: NatsWish) {
    this.port = port;
    this.#wish = wish;
  }

  static async start(place: Place, wish: NatsWish = {}): Promise<NatsServer> {
    return place.own(await NatsServer.open(wish), it => it[Symbol.asyncDispose]());
  }

  /** Of whoever closes it. */
  static async open(wish: NatsWish = {}): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), wish);
    await server.restart();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pids(): number[] {
    const pid = this.#child?.pid;
    return pid === undefined ? [] : [pid];
  }

  /** Again, after `kill`, on the same port with the same data. */
  async restart(): Promise<void> {
    const stream = (this.#wish.jetStream ?? true) ? ['-js', '-sd', this.#dir] : [];
    const flags = ['-a', '127.0.0.1', '-p', String(this.port), ...stream];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program(), ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-4_000);
    });
    await until('NATS answers', async () => {
      if (child.exitCode !== null) throw new Error(`NATS ended with ${child.exitCode}: ${this.#said}`);
      return answers(this.port);
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Removes all that it keeps; it must be down. */
  wipe(): void {
    rmSync(join(this.#dir, 'jetstream'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function program(): string {
  const path = PLACES.find(it => existsSync(it));
  if (path === undefined) throw new Error('NATS is not installed: apt-get install nats-server');
  return path;
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('data', data => {
      socket.destroy();
      resolve(data.toString('latin1').startsWith('INFO'));
    });
    socket.once('error', () => resolve(false));
  });
}
