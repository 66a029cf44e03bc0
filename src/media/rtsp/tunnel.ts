import { randomBytes } from 'node:crypto';
import type net from 'node:net';
import { type Address, authorityOf } from '../address.ts';
import { credentialsOf } from '../credentials.ts';
import { within } from '../deadline.ts';
import { Fault } from '../fault.ts';
import { targetOf } from '../file/http-line.ts';
import { type Answer, hearAnswer } from '../http-dial.ts';
import { asWire, type Wire } from '../wire.ts';
import { Login } from './auth.ts';
import type { Line } from './line.ts';
import { Peer } from './refusal.ts';
import type { RtspOptions } from './stream.ts';

const TUNNELLED = 'application/x-rtsp-tunnelled';
/** Nothing is that long: as QuickTime had it, and servers expect it; they read on beyond. */
const PRETENDED_LENGTH = 32_767;
const COOKIE_BYTES = 16;
const STEP_MS = 5_000;
const MOST_TRIES = 3;

/**
 * Opens the two connections of a tunnel, as QuickTime has them: what the server says is the answer to a GET, what we say
 * is the body of a POST, in base64; a cookie says that they belong together.
 */
export async function openTunnel(address: Address, options: RtspOptions): Promise<Line> {
  const scheme = address.scheme === 'rtsps' ? 'https' : 'http';
  const tunnel = new Tunnel({ ...address, scheme, userinfo: '' }, address, options);
  const heard = await tunnel.get();
  try {
    return tunnelLine(heard, await tunnel.post());
  } catch (error) {
    heard.destroy();
    throw error;
  }
}

class Tunnel {
  readonly #address: Address;
  readonly #peer: Peer;
  readonly #options: RtspOptions;
  readonly #login: Login;
  readonly #cookie: string;

  constructor(address: Address, asked: Address, options: RtspOptions) {
    this.#address = address;
    this.#peer = new Peer(asked);
    this.#options = options;
    this.#login = new Login(credentialsOf(asked.userinfo), options.random);
    this.#cookie = (options.random ?? randomBytes)(COOKIE_BYTES).toString('hex');
  }

  /** Some web servers ask who is there before they let anyone speak RTSP. */
  async get(): Promise<net.Socket> {
    for (let tries = 0; ; tries++) {
      const { socket, head, rest } = await this.#ask();
      if (head.statusCode === 200) {
        if (rest.length > 0) socket.unshift(rest);
        return socket;
      }
      socket.destroy();
      const challenges = head.headers['www-authenticate'];
      if (head.statusCode !== 401 || challenges === undefined || tries >= MOST_TRIES) throw this.#refused(head);
      const verdict = this.#login.hear(challenged(challenges), tries);
      if (verdict !== 'tryAgain') throw this.#peer.notLoggedIn('GET', verdict);
    }
  }

  async post(): Promise<net.Socket> {
    const socket = await this.#dial();
    const more = { 'Content-Type': TUNNELLED, 'Content-Length': String(PRETENDED_LENGTH) };
    socket.write(this.#request('POST', { ...more, Expires: 'Sun, 9 Jan 1972 00:00:00 GMT' }));
    return socket;
  }

  async #ask(): Promise<Answer> {
    const { signal, stepMs = STEP_MS } = this.#options;
    const socket = await this.#dial();
    const late = `${this.#peer.where} did not answer over HTTP`;
    try {
      return await within({ side: 'pull', signal, late, waitMs: stepMs }, () => {
        socket.write(this.#request('GET', { Accept: TUNNELLED }));
        return hearAnswer(socket, this.#address, () => true);
      });
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  #dial(): Promise<net.Socket> {
    return this.#options.dialler.dial(this.#address, { signal: this.#options.signal, side: 'pull' });
  }

  #request(method: string, more: Readonly<Record<string, string>>): string {
    const uri = targetOf(this.#address);
    const authorization = this.#login.authorization({ method, uri });
    const fields = {
      Host: authorityOf(this.#address),
      'User-Agent': 'Millrace',
      'x-sessioncookie': this.#cookie,
      Pragma: 'no-cache',
      'Cache-Control': 'no-cache',
      ...more,
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    // An answer in HTTP/1.0 is not cut into chunks.
    return `${method} ${uri} HTTP/1.0\r\n${lines.join('')}\r\n`;
  }

  #refused({ statusCode, statusMessage }: Answer['head']): Fault {
    const said = `${statusCode} ${this.#peer.mask(statusMessage)}`.trim();
    const sentence = `${this.#peer.where} does not speak RTSP over HTTP here: ${said}`;
    return new Fault('pull', 'refused', sentence, { refusal: 'unknown' });
  }
}

/** The answer of a web server, as a login hears it. */
const challenged = (challenges: string) => ({
  status: 401,
  words: '',
  uri: '',
  headers: new Map([['www-authenticate', [challenges]]]),
  body: Buffer.alloc(0),
});

function tunnelLine(heard: net.Socket, said: net.Socket): Line {
  const ended = (): void => void heard.destroy();
  said.on('error', () => undefined);
  // Nothing is to come there; who hangs up there does not want to hear more.
  said.once('close', ended).resume();
  return {
    heard,
    say: bytes => void said.write(bytes.toString('base64')),
    wire: () => {
      said.off('close', ended);
      return new TunnelWire(asWire(heard, 'pull'), asWire(said, 'pull', { onData: () => undefined }));
    },
    destroy: () => {
      heard.destroy();
      said.destroy();
    },
  };
}

/** Reads what comes on the one connection, and says on the other, in base64. */
class TunnelWire implements Wire {
  readonly remote: string;
  readonly #heard: Wire;
  readonly #said: Wire;
  /** In base64 already. */
  #unsent: Buffer = Buffer.alloc(0);

  constructor(heard: Wire, said: Wire) {
    this.#heard = heard;
    this.#said = said;
    this.remote = heard.remote;
  }

  get pending(): number {
    return this.#unsent.length + this.#said.pending;
  }

  read(into: Buffer): number {
    return this.#heard.read(into);
  }

  write(bytes: Buffer, from: number, to: number): number {
    this.#flush();
    if (this.#unsent.length > 0) return 0;
    this.#unsent = Buffer.from(bytes.toString('base64', from, to), 'latin1');
    this.#flush();
    return to - from;
  }

  async end(deadlineMs: number): Promise<void> {
    await Promise.all([this.#said.end(deadlineMs), this.#heard.end(deadlineMs)]);
  }

  close(): void {
    this.#said.close();
    this.#heard.close();
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const taken = this.#said.write(this.#unsent, 0, this.#unsent.length);
    this.#unsent = this.#unsent.subarray(taken);
  }
}
