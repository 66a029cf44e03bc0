import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a test opened, closed in reverse order at its end, whatever happened. */
export class Place implements AsyncDisposable {
  readonly dir: string;
  readonly #closers: (() => unknown)[] = [];

  constructor(base = tmpdir()) {
    this.dir = mkdtempSync(join(base, 'millrace-test-'));
  }

  /** Remembers how to close the thing; answers it. */
  own<T>(thing: T, close: (thing: T) => unknown): T {
    this.#closers.push(() => close(thing));
    return thing;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (const close of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
    if (errors.length > 0) throw new AggregateError(errors, 'closing what the test opened failed');
  }
}

/** A port nobody listens on now, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The same for datagrams. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Whether somebody has this port for datagrams; as the kernel lists it, proc_net(5). */
export function isBound(udpPort: number): boolean {
  const port = udpPort.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/udp', 'latin1').includes(`:${port} `);
}
