import type net from 'node:net';
import { printable } from '../address.ts';
import { Fault, type RefusalClass } from '../fault.ts';
import { type PipedChild, startPiped } from '../piped-child.ts';
import { type FoundProgram, findProgram, NOTHING, PROGRAMS, type SrtCall, type SrtProgram } from './program.ts';

const TOLD_CHARS = 2_000;

/** Why the peer or libsrt says no, by their words. */
const REFUSALS: readonly (readonly [words: RegExp, sentence: string, refusal: RefusalClass])[] = [
  [/srt_bind|Address already in use/, 'its port is taken on this machine', 'taken'],
  [
    /incorrect passphrase|password required|REJ_BADSECRET|unsecure/i,
    'the passphrase is wrong or missing',
    'credentials',
  ],
  [/REJECT reported|REJ_|rejected/i, 'the peer refuses the connection', 'denied'],
];

/**
 * A program that speaks SRT for us: no shell, one peer whose address the policy has judged, and its two ends are our
 * pipes. It is ours alone: it ends with us.
 */
export class SrtChild {
  readonly #process: PipedChild;
  readonly #program: SrtProgram;
  readonly #call: SrtCall;
  /** Resolves with the handshake; rejects with a Fault. */
  readonly connected: Promise<void>;
  #told = '';
  #isConnected = false;
  #failure: Fault | undefined;

  private constructor({ program, command: [file, ...flags] }: FoundProgram, call: SrtCall) {
    this.#program = program;
    this.#call = call;
    this.#process = startPiped(call.side, file, [...flags, ...program.argumentsFor(call)]);
    const connected = Promise.withResolvers<void>();
    this.connected = connected.promise;
    this.connected.catch(() => undefined);
    const hear = (data: Buffer): void => {
      this.#hear(data.toString('latin1'));
      if (this.#isConnected) connected.resolve();
    };
    this.#process.stderr.on('data', hear);
    // What it tells goes to its standard output while that is not the stream's.
    if (call.side === 'push') this.#process.stdout.on('data', hear);
    for (const pipe of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) {
      pipe.on('error', () => undefined);
    }
    const over = (cause?: unknown): void => {
      this.#failure ??= this.#fault(cause);
      connected.reject(this.#failure);
    };
    this.#process.once('error', over);
    this.#process.once('close', () => over());
    if (call.side === 'push' && program.wantsBytesFirst) this.fill();
  }

  /** Throws a Fault where no program is installed. */
  static async start(call: SrtCall): Promise<SrtChild> {
    const found = await findProgram();
    if (found !== undefined) return new SrtChild(found, call);
    const [first, second] = PROGRAMS.map(({ name }) => name);
    const missing = `SRT is spoken by ${first} or by ${second} with SRT, and neither is installed`;
    const advice = 'install one on this server (Debian: srt-tools, or ffmpeg)';
    throw new Fault(call.side, 'unsupported', `${missing}: ${advice}`);
  }

  /** Has it send what it holds back of what was written: less than two of its packets. */
  fill(): void {
    this.#process.stdin.write(NOTHING);
    this.#process.stdin.write(NOTHING);
  }

  /** Pipes of a child are sockets. */
  get stdin(): net.Socket {
    return this.#process.stdin as net.Socket;
  }

  get stdout(): net.Socket {
    return this.#process.stdout as net.Socket;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Why it ended; undefined while it goes on. */
  get failure(): Fault | undefined {
    return this.#failure;
  }

  onceOver(act: () => void): void {
    this.#process.once('close', act);
  }

  /** Idempotent. */
  kill(): void {
    this.#process.kill('SIGKILL');
    for (const pipe of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) pipe.destroy();
  }

  #hear(text: string): void {
    this.#told = (this.#told + text).slice(-TOLD_CHARS);
    if (this.#program.connected.test(this.#told)) this.#isConnected = true;
  }

  #fault(cause: unknown): Fault {
    const { side, where } = this.#call;
    const options = cause === undefined ? {} : { cause };
    const refusal = REFUSALS.find(([words]) => words.test(this.#told));
    if (refusal !== undefined && !this.#isConnected) {
      return new Fault(side, 'refused', `${where}: ${refusal[1]}`, { ...options, refusal: refusal[2] });
    }
    if (this.#isConnected) return new Fault(side, 'closed', `${where} ended the SRT connection`, options);
    const said = /Connection setup failure: ([^\n]*)/.exec(this.#told)?.[1];
    const why = said === undefined ? '' : `: ${printable(said)}`;
    return new Fault(side, 'unreachable', `${where} did not answer the SRT handshake${why}`, options);
  }
}
