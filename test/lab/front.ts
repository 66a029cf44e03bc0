import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Place } from './place.ts';

/**
 * Spreads connections over nodes as a balancer does: one here, the next there. What is said on them goes on as it is, so that
 * bytes that are no request at all come through too. Clients of tests ask once a connection.
 */
export class Front {
  readonly #server: Server;
  readonly #targets: () => readonly string[];
  readonly #open = new Set<Socket>();
  #taken = 0;

  private constructor(targets: () => readonly string[]) {
    this.#targets = targets;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, client => this.#pass(client));
  }

  static async start(place: Place, targets: () => readonly string[]): Promise<Front> {
    const front = new Front(targets);
    front.#server.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 });
    await once(front.#server, 'listening');
    return place.own(front, it => it.close());
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket): void {
    const targets = this.#targets();
    const { hostname, port } = new URL(targets[this.#taken++ % targets.length] ?? '');
    // The nodes tell clients apart by where they come from.
    const localAddress = client.remoteAddress ?? hostname;
    const target = connect({ host: hostname, port: Number(port), localAddress, allowHalfOpen: true, noDelay: true });
    this.#join(client, target);
    this.#join(target, client);
    client.pipe(target);
    target.pipe(client);
  }

  #join(one: Socket, other: Socket): void {
    this.#open.add(one);
    one.on('error', () => other.resetAndDestroy());
    one.once('close', () => {
      this.#open.delete(one);
      if (!one.readableEnded) other.destroy();
    });
  }
}
