import type http from 'node:http';
import { type Address, redactUrl, urlOf } from '../address.ts';
import { Fault } from '../fault.ts';
import { brokenOff } from './http-line.ts';
import { freeBehind } from './spent.ts';

/** Fewer bytes than this in the whole time of silence are no transfer either. */
const TRICKLE_BYTES = 4096;

export interface BodyOptions {
  readonly address: Address;
  /** Where in the file its first byte belongs, and the end that was promised. */
  readonly from: number;
  readonly to: number | undefined;
  readonly silentMs: number;
  readonly onBytes: (at: number, chunk: Buffer) => void;
}

/** The bytes of one answer, on their way into the file's blocks. */
export class Body {
  readonly #answer: http.IncomingMessage;
  readonly #options: BodyOptions;
  readonly #over = Promise.withResolvers<void>();
  #position: number;
  #silence: NodeJS.Timeout | undefined;
  #sinceHeard = 0;
  #paused = false;

  constructor(answer: http.IncomingMessage, options: BodyOptions) {
    this.#answer = answer;
    this.#options = options;
    this.#position = options.from;
    answer.on('data', (chunk: Buffer) => this.#arrived(chunk));
    answer.once('end', () => this.#ended());
    answer.once('error', cause => this.stop(brokenOff(options.address, cause)));
    answer.once('close', () => this.stop(brokenOff(options.address, new Error('it was closed'))));
    this.#listen();
  }

  /** The offset of the byte that comes next. */
  get position(): number {
    return this.#position;
  }

  /** Resolves when everything promised has come, rejects with what prevented that. */
  get received(): Promise<void> {
    return this.#over.promise;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    clearTimeout(this.#silence);
    this.#answer.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#listen();
    this.#answer.resume();
  }

  /** Idempotent; the first reason counts. */
  stop(reason: Fault): void {
    clearTimeout(this.#silence);
    this.#over.reject(reason);
    this.#answer.destroy();
  }

  #arrived(chunk: Buffer): void {
    const { to, address, onBytes } = this.#options;
    if (to !== undefined && this.#position + chunk.length > to) {
      this.stop(new Fault('pull', 'garbage', `${redactUrl(urlOf(address))} sends more bytes than it has told`));
      return;
    }
    this.#sinceHeard += chunk.length;
    if (this.#sinceHeard >= TRICKLE_BYTES) {
      this.#sinceHeard = 0;
      this.#silence?.refresh();
    }
    const at = this.#position;
    this.#position += chunk.length;
    onBytes(at, chunk);
    freeBehind(chunk);
  }

  #ended(): void {
    clearTimeout(this.#silence);
    const { to, address } = this.#options;
    if (to === undefined || this.#position === to) this.#over.resolve();
    else this.stop(brokenOff(address, new Error(`it ended ${to - this.#position} bytes early`)));
  }

  #listen(): void {
    const { silentMs, address } = this.#options;
    this.#sinceHeard = 0;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const amount = this.#sinceHeard === 0 ? 'nothing' : `only ${this.#sinceHeard} bytes`;
      const sentence = `${redactUrl(urlOf(address))} has sent ${amount} for ${Math.round(silentMs / 100) / 10} s`;
      this.stop(new Fault('pull', 'silent', sentence));
    }, silentMs);
  }
}
