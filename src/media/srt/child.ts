import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import type net from 'node:net';
import { isIPv6 } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { printable } from '../address.ts';
import { Fault, type RefusalClass, type Side } from '../fault.ts';
import type { SrtParameters } from './target.ts';

const PROGRAM = 'srt-live-transmit';
/** Has the child ended by the kernel when we are gone, however we went. */
const GUARD = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
const CHECK_MS = 5_000;
/** Seven transport packets: what fits one SRT packet. */
const CHUNK_BYTES = 1_316;
const CONNECT_MS = 5_000;
const TOLD_CHARS = 2_000;
const CONSOLE = 'file://con';

let programs: Promise<readonly string[] | undefined> | undefined;

/** The command in front of the two addresses; undefined where the program is missing. Looks for it once. */
function findPrograms(): Promise<readonly string[] | undefined> {
  programs ??= (async () => {
    if (!(await runs(PROGRAM, ['-version']))) return undefined;
    return (await runs(GUARD[0], ['--version'])) ? [...GUARD, PROGRAM] : [PROGRAM];
  })();
  return programs;
}

const runs = (program: string, flags: readonly string[]): Promise<boolean> =>
  new Promise(resolve => {
    execFile(program, flags, { timeout: CHECK_MS }, error => {
      resolve(error === null || (error as NodeJS.ErrnoException).code !== 'ENOENT');
    });
  });

export interface SrtCall {
  readonly side: Side;
  /** As errors name the peer. */
  readonly where: string;
  /** Judged by the address policy. */
  readonly ip: string;
  readonly port: number;
  readonly parameters: SrtParameters;
}

/** Why the peer or libsrt says no, by their words. */
const REFUSALS: readonly (readonly [words: RegExp, sentence: string, refusal: RefusalClass])[] = [
  [/srt_bind/, 'its port is taken on this machine', 'taken'],
  [/incorrect passphrase|REJ_BADSECRET|UNSECURE|unsecure/i, 'the passphrase is wrong or missing', 'credentials'],
  [/REJECT reported|REJ_|rejected/i, 'the peer refuses the connection', 'denied'],
];

/**
 * srt-live-transmit, which speaks SRT for us: no shell, one peer whose address the policy has judged, and its two ends
 * are our pipes. It is ours alone: it ends with us.
 */
export class SrtChild {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #call: SrtCall;
  /** Resolves with the handshake; rejects with a Fault. */
  readonly connected: Promise<void>;
  #told = '';
  #isConnected = false;
  #failure: Fault | undefined;

  private constructor(command: readonly string[], call: SrtCall) {
    this.#call = call;
    const [program = PROGRAM, ...flags] = command;
    this.#process = spawn(program, [...flags, ...argumentsFor(call)], { stdio: ['pipe', 'pipe', 'pipe'] });
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
  }

  /** Throws a Fault where the program is missing. */
  static async start(call: SrtCall): Promise<SrtChild> {
    const command = await findPrograms();
    if (command !== undefined) return new SrtChild(command, call);
    const advice = 'install it on this server (Debian: srt-tools)';
    throw new Fault(call.side, 'unsupported', `SRT is spoken by ${PROGRAM}, which is not installed: ${advice}`);
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

  /** Idempotent. */
  kill(): void {
    this.#process.kill('SIGKILL');
    for (const pipe of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) pipe.destroy();
  }

  #hear(text: string): void {
    this.#told = (this.#told + text).slice(-TOLD_CHARS);
    if (/SRT (?:source|target) connect(?:ed|ion)/.test(this.#told)) this.#isConnected = true;
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

function argumentsFor({ side, ip, port, parameters }: SrtCall): readonly string[] {
  const given = new Map(parameters);
  if (given.get('mode') !== 'listener') {
    given.set('mode', 'caller');
    given.set('conntimeo', String(CONNECT_MS));
  }
  const query = [...given].map(([name, value]) => `${name}=${value}`).join('&');
  const peer = `srt://${isIPv6(ip) ? `[${ip}]` : ip}:${port}?${query}`;
  const ends = side === 'pull' ? [peer, CONSOLE] : [CONSOLE, peer];
  // It is we who try again. Verbose, because only so it says that it has connected.
  return ['-a', 'no', '-chunk', String(CHUNK_BYTES), '-v', ...ends];
}
