import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import type { Place } from './place.ts';

/** Spreads requests over nodes as a balancer does: one here, the next there. Whatever a request says goes on as it came. */
export class Front {
  readonly #server: Server;
  readonly #targets: () => readonly string[];
  #asked = 0;

  private constructor(targets: () => readonly string[]) {
    this.#targets = targets;
    this.#server = createServer((asked, answer) => this.#pass(asked, answer));
  }

  static async start(place: Place, targets: () => readonly string[]): Promise<Front> {
    const front = new Front(targets);
    front.#server.listen(0, '127.0.0.1');
    await once(front.#server, 'listening');
    return place.own(front, it => it.close());
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const targets = this.#targets();
    const { hostname, port } = new URL(targets[this.#asked++ % targets.length] ?? '');
    const { method = 'GET', url: path = '/', rawHeaders } = asked;
    const onward = request({ hostname, port, method, path, headers: rawHeaders, setHost: false, agent: false });
    onward.once('response', told => {
      answer.writeHead(told.statusCode ?? 502, told.rawHeaders);
      answer.flushHeaders();
      pipeline(told, answer, () => {});
    });
    onward.once('error', () => {
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(502).end();
    });
    answer.once('close', () => onward.destroy());
    pipeline(asked, onward, () => {});
  }
}
