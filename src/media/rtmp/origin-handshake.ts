import { Fault } from '../fault.ts';
import { HANDSHAKE_SIZE, serverAnswer } from './handshake.ts';

const VERSION = 3;
const HELLO_BYTES = 1 + HANDSHAKE_SIZE;

/** The server's half of the handshake, fed with what comes, in whatever pieces. RTMP 1.0, section 5.2. */
export class ServerHandshake {
  readonly #random: () => Buffer;
  readonly #reply: (s0s1s2: Buffer) => void;
  /** C0 and C1 as far as they have come; let go once answered. */
  #hello: Buffer | undefined = Buffer.allocUnsafeSlow(HELLO_BYTES);
  #helloBytes = 0;
  /** What is still to come of C2, which nobody looks at. */
  #echoBytes = HANDSHAKE_SIZE;

  constructor(options: { random: () => Buffer; reply: (s0s1s2: Buffer) => void }) {
    this.#random = options.random;
    this.#reply = options.reply;
  }

  get done(): boolean {
    return this.#echoBytes === 0;
  }

  /** Answers how many of the bytes belonged to the handshake. */
  take(bytes: Buffer): number {
    const ofHello = this.#takeHello(bytes);
    const ofEcho = this.#hello === undefined ? Math.min(this.#echoBytes, bytes.length - ofHello) : 0;
    this.#echoBytes -= ofEcho;
    return ofHello + ofEcho;
  }

  #takeHello(bytes: Buffer): number {
    const hello = this.#hello;
    if (hello === undefined) return 0;
    const taken = bytes.copy(hello, this.#helloBytes, 0, Math.min(bytes.length, HELLO_BYTES - this.#helloBytes));
    this.#helloBytes += taken;
    // Somebody who speaks HTTP or TLS is told apart by the first byte, and need not be waited for.
    if (this.#helloBytes > 0 && hello[0] !== VERSION) {
      throw new Fault('pull', 'garbage', 'the client does not speak plain RTMP');
    }
    if (this.#helloBytes < HELLO_BYTES) return taken;
    this.#hello = undefined;
    this.#reply(serverAnswer(hello, this.#random(), 'pull'));
    return taken;
  }
}
