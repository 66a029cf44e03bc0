import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { StreamReader } from '../../src/client/stream.ts';
import type { Place } from './place.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever is told is what the tests look into
export type StreamedEvent = any;

/** A client of an event stream that notes what it is told, and comes again behind the last of it whenever it is cut. */
export class StreamClient {
  readonly events: StreamedEvent[] = [];
  cuts = 0;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  #lastId: string | undefined;
  #response: IncomingMessage | undefined;
  #isClosed = false;

  constructor(place: Place, url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#headers = headers;
    place.own(this, it => it.close());
  }

  /** Resolves once the stream is open. */
  async open(): Promise<number> {
    const resumed = this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId };
    const asked = request(this.#url, { headers: { ...this.#headers, ...resumed }, agent: false });
    asked.on('error', () => {});
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    this.#response = response;
    const reader = new StreamReader();
    response.on('data', chunk => {
      // What comes behind a cut was not read by anybody.
      if (this.#response === response) this.#take(reader, chunk);
    });
    response.on('error', () => {});
    return response.statusCode ?? 0;
  }

  /** Loses the connection, in the middle of whatever is under way, and comes again. */
  async cut(): Promise<void> {
    this.cuts++;
    this.#response?.destroy();
    this.#response = undefined;
    await this.open();
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#response?.closed === false;
  }

  close(): void {
    this.#isClosed = true;
    this.#response?.destroy();
  }

  #take(reader: StreamReader, chunk: Uint8Array): void {
    for (const { id, data } of reader.take(chunk)) {
      if (data === undefined) continue;
      this.#lastId = id;
      this.events.push(JSON.parse(data));
    }
  }
}
