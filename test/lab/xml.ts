/** An element of a document without attributes, which is all that the dialects print. */
export interface Element {
  readonly name: string;
  readonly children: readonly Element[];
  /** What stands between the tags, where no elements do. */
  readonly text: string;
}

/** Reads a document strictly: what is not well formed is an error. */
export function readXml(document: string): Element {
  const reader = new Reader(document);
  reader.take(/<\?xml version="1\.0" encoding="UTF-8"\?>/y);
  const root = reader.element();
  reader.end();
  return root;
}

/** The text of each child, by name. */
export const fieldsOf = ({ children }: Element): Record<string, string> =>
  Object.fromEntries(children.map(({ name, text }) => [name, text]));

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw new Error(`${pattern} does not come at ${this.#text.slice(this.#at, this.#at + 60)}`);
    this.#at += match[0].length;
    return match[1] ?? match[0];
  }

  element(): Element {
    const name = this.take(/<([A-Za-z][A-Za-z0-9]*)>/y);
    const text = readable(this.take(/[^<]*/y));
    const children: Element[] = [];
    while (!this.#text.startsWith('</', this.#at)) children.push(this.element());
    if (children.length > 0 && text !== '') throw new Error(`${name} holds text and elements`);
    this.take(new RegExp(`</${name}>`, 'y'));
    return { name, children, text };
  }

  end(): void {
    if (this.#at < this.#text.length) throw new Error('the document goes on behind its root');
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#13': '\r' };

function readable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not stand there
  if (/[\u0000-\u0008\u000b\u000c\r\u000e-\u001f\ufffe\uffff>]/.test(text))
    throw new Error('a character is not allowed');
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const char = ENTITIES[name];
    if (char === undefined || !whole.endsWith(';')) throw new Error(`${whole} is no entity`);
    return char;
  });
}
