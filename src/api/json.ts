/** A JSON value as it came over the wire. Objects have no prototype, so that no key of theirs means anything to us. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** The text is not the JSON we take. `message` names the rule and the byte, never the content. */
export class BadJson extends Error {
  override readonly name = 'BadJson';
  readonly offset: number;

  constructor(rule: string, offset: number) {
    super(`not valid JSON at byte ${offset}: ${rule}`);
    this.offset = offset;
  }
}

export interface JsonLimits {
  readonly depth: number;
  /** Values of all kinds and levels together, and so keys. */
  readonly values: number;
}

const LIMITS: JsonLimits = { depth: 64, values: 10_000 };

/**
 * Reads one JSON document (RFC 8259) from bytes, more strictly than JSON.parse: a duplicate key is an error because
 * a signer and we could take different ones, and what no database column can hold (NUL, lone surrogates) is refused.
 * A byte order mark is tolerated. Linear in the input.
 */
export function readJson(bytes: Uint8Array, limits: JsonLimits = LIMITS): Json {
  const reader = new Reader(decode(bytes), bytes.length, limits);
  return reader.document();
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new BadJson('the text is not UTF-8', firstBadByte(bytes));
  }
}

/** The decoder puts U+FFFD in place of what it cannot read, so the first byte that does not survive is the bad one. */
function firstBadByte(bytes: Uint8Array): number {
  const repaired = Buffer.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  let at = 0;
  while (at < bytes.length && repaired[at] === bytes[at]) at++;
  return at;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** Recursion is bounded by `limits.depth`. */
class Reader {
  readonly #text: string;
  readonly #byteLength: number;
  readonly #limits: JsonLimits;
  #at = 0;
  #values = 0;

  constructor(text: string, byteLength: number, limits: JsonLimits) {
    this.#text = text;
    this.#byteLength = byteLength;
    this.#limits = limits;
  }

  document(): Json {
    this.#space();
    const value = this.#value(1);
    this.#space();
    if (this.#at < this.#text.length) this.#fail('there is something after the end of the document');
    return value;
  }

  #value(depth: number): Json {
    if (depth > this.#limits.depth + 1) this.#fail(`it is nested deeper than ${this.#limits.depth}`);
    if (++this.#values > this.#limits.values) this.#fail(`there are more than ${this.#limits.values} values`);
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    const object: Record<string, Json> = Object.create(null);
    this.#at++;
    this.#space();
    if (this.#took('}')) return object;
    for (;;) {
      const from = this.#at;
      if (this.#text[from] !== '"') this.#fail('a key is expected');
      const key = this.#string();
      if (key in object) this.#fail('the key stands twice in one object', from);
      this.#space();
      if (!this.#took(':')) this.#fail('":" is expected');
      this.#space();
      object[key] = this.#value(depth + 1);
      this.#space();
      if (this.#took('}')) return object;
      if (!this.#took(',')) this.#fail('"," or "}" is expected');
      this.#space();
    }
  }

  #array(depth: number): Json[] {
    const array: Json[] = [];
    this.#at++;
    this.#space();
    if (this.#took(']')) return array;
    for (;;) {
      array.push(this.#value(depth + 1));
      this.#space();
      if (this.#took(']')) return array;
      if (!this.#took(',')) this.#fail('"," or "]" is expected');
      this.#space();
    }
  }

  #string(): string {
    const from = this.#at++;
    let escaped = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(code)) this.#fail('a string has no end');
      if (code < 0x20) this.#fail('a control character stands unescaped in a string');
      this.#at++;
      if (code === QUOTE) break;
      if (code !== BACKSLASH) continue;
      escaped = true;
      this.#at++;
    }
    const value = escaped ? this.#unescape(from) : this.#text.slice(from + 1, this.#at - 1);
    if (!value.isWellFormed()) this.#fail('a string holds half a surrogate pair', from);
    if (value.includes('\0')) this.#fail('a string holds NUL', from);
    return value;
  }

  #unescape(from: number): string {
    try {
      return String(JSON.parse(this.#text.slice(from, this.#at)));
    } catch {
      this.#fail('a string holds an escape that does not exist', from);
    }
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) this.#fail('a value is expected');
    const value = Number(match[0]);
    if (!Number.isFinite(value)) this.#fail('the number is out of range');
    this.#at += match[0].length;
    return value;
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('a value is expected');
    this.#at += word.length;
    return value;
  }

  #took(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  /** The decoder has taken a byte order mark away: what is missing from the length stood in front. */
  #fail(rule: string, at = this.#at): never {
    const mark = this.#byteLength - Buffer.byteLength(this.#text);
    throw new BadJson(rule, mark + Buffer.byteLength(this.#text.slice(0, at)));
  }
}
