/** One message of an event stream, or what it says of itself. */
export interface StreamMessage {
  readonly id?: string;
  readonly data?: string;
  /** How long the server wants a client to wait before it comes again. */
  readonly retry?: number;
}

/** No event is near as long; what is longer is not one of ours. */
const MOST_PENDING = 4 << 20;

/** Cuts the bytes of a `text/event-stream` into messages, wherever they were cut on the way. */
export class StreamReader {
  readonly #decoder = new TextDecoder();
  #pending = '';
  #id: string | undefined;
  #data: string[] = [];

  *take(chunk: Uint8Array): Generator<StreamMessage> {
    this.#pending += this.#decoder.decode(chunk, { stream: true });
    if (this.#pending.length > MOST_PENDING) throw new Error('the event stream holds a line that is too long');
    // A CR at the end may be half of a CRLF.
    const lines = this.#pending.split(/\r\n|\n|\r(?=[\s\S])/);
    this.#pending = lines.pop() ?? '';
    for (const line of lines) {
      const message = line === '' ? this.#whole() : this.#read(line);
      if (message !== undefined) yield message;
    }
  }

  /** An empty line ends a message; one without data is none. */
  #whole(): StreamMessage | undefined {
    const data = this.#data;
    this.#data = [];
    if (data.length === 0) return undefined;
    return { data: data.join('\n'), ...(this.#id === undefined ? {} : { id: this.#id }) };
  }

  #read(line: string): StreamMessage | undefined {
    const [, name = '', value = ''] = /^([^:]*):? ?([\s\S]*)$/.exec(line) ?? [];
    if (name === 'data') this.#data.push(value);
    if (name === 'id' && !value.includes('\0')) this.#id = value;
    return name === 'retry' && /^\d{1,6}$/.test(value) ? { retry: Number(value) } : undefined;
  }
}
