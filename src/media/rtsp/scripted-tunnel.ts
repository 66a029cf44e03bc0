import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** What a client asked for over HTTP, and what may be answered in the place of opening the tunnel. */
export interface TunnelAsked {
  readonly method: string;
  readonly head: string;
}

export interface ScriptedTunnelOptions {
  /** The RTSP server behind. */
  readonly port: number;
  /** A whole answer, or undefined for what is right. */
  readonly answer?: (asked: TunnelAsked) => string | undefined;
}

const END = '\r\n\r\n';
const OPENED = 'HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n';

/** A test's web server in front of an RTSP server, as QuickTime's tunnel has it. */
export class ScriptedTunnel {
  readonly asked: TunnelAsked[] = [];
  readonly sockets = new Set<net.Socket>();
  readonly #options: ScriptedTunnelOptions;
  readonly #server = net.createServer(socket => this.#welcome(socket));
  /** The connection to the server behind, by cookie. */
  readonly #behind = new Map<string, net.Socket>();

  private constructor(options: ScriptedTunnelOptions) {
    this.#options = options;
  }

  static async listen(options: ScriptedTunnelOptions): Promise<ScriptedTunnel> {
    const tunnel = new ScriptedTunnel(options);
    tunnel.#server.listen(0, '127.0.0.1');
    await once(tunnel.#server, 'listening');
    return tunnel;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of [...this.sockets, ...this.#behind.values()]) socket.destroy();
    await closed;
  }

  #welcome(socket: net.Socket): void {
    this.sockets.add(socket.on('error', () => undefined));
    socket.once('close', () => this.sockets.delete(socket));
    let bytes = '';
    const read = (chunk: Buffer): void => {
      bytes += chunk.toString('latin1');
      const end = bytes.indexOf(END);
      if (end < 0) return;
      socket.off('data', read);
      this.#open(socket, bytes.slice(0, end), bytes.slice(end + END.length));
    };
    socket.on('data', read);
  }

  #open(socket: net.Socket, head: string, rest: string): void {
    const asked = { method: head.slice(0, head.indexOf(' ')), head };
    this.asked.push(asked);
    const answer = this.#options.answer?.(asked);
    if (answer !== undefined) {
      socket.end(answer);
      return;
    }
    const [, cookie = ''] = /x-sessioncookie: (\w+)/.exec(head) ?? [];
    if (asked.method === 'GET') this.#listen(socket, cookie);
    else this.#speak(socket, cookie, rest);
  }

  #listen(socket: net.Socket, cookie: string): void {
    socket.write(OPENED);
    const behind = net.connect(this.#options.port, '127.0.0.1').on('error', () => undefined);
    this.#behind.set(cookie, behind);
    behind.pipe(socket);
    socket.once('close', () => behind.destroy());
  }

  /** Each message is base64 of its own; four characters at a time are good enough to tell where one ends. */
  #speak(socket: net.Socket, cookie: string, rest: string): void {
    let text = rest;
    const say = (): void => {
      const whole = text.length - (text.length % 4);
      for (const piece of text.slice(0, whole).match(/[^=]+=*/g) ?? []) {
        this.#behind.get(cookie)?.write(Buffer.from(piece, 'base64'));
      }
      text = text.slice(whole);
    };
    say();
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
      say();
    });
    socket.once('end', () => this.#behind.get(cookie)?.end());
  }
}
