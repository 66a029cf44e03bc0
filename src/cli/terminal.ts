import type { Readable } from 'node:stream';

/** The world a command runs in: tests put their own in. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `out` is a screen that lines can be rewritten on. */
  readonly live: boolean;
  /** Aborted once whoever reads `out` has gone away (`millrace … | head`). */
  readonly gone: AbortSignal;
  /** Wall clock. */
  readonly now: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly cores: number;
}

/** Rows under headings, each column as wide as it needs. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** Words of others, without what a terminal would take for orders. */
export const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');

export const json = (value: unknown): string => `${harmless(JSON.stringify(value, null, 2))}\n`;

export const jsonLine = (value: unknown): string => `${harmless(JSON.stringify(value))}\n`;

/** JSON lets the second set of control characters stand, which terminals obey too. */
const harmless = (text: string): string =>
  text.replace(/[\u007f-\u009f]/g, character => `\\u00${character.charCodeAt(0).toString(16)}`);

export const when = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

const MAX_SECRET = 4096;
const MAX_DOCUMENT = 65_536;

/** A secret from stdin when told so, else asked for on the terminal without showing it. Never from argv. */
export async function readSecret(
  terminal: Terminal,
  question: string,
  fromStdin: boolean,
): Promise<string | undefined> {
  if (fromStdin) return firstLine(terminal.stdin);
  if (terminal.stdin.isTTY !== true || terminal.stdin.setRawMode === undefined) return undefined;
  terminal.err(question);
  terminal.stdin.setRawMode(true);
  try {
    return await typedLine(terminal.stdin);
  } finally {
    terminal.stdin.setRawMode(false);
    terminal.err('\n');
  }
}

/** All that stdin holds. What is longer than any document is cut: it is refused by whoever reads it. */
export async function readAll(stdin: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_DOCUMENT) break;
  }
  return text;
}

/** All that stdin holds, byte for byte. */
export async function readBytes(stdin: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function firstLine(stdin: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_SECRET) break;
  }
  return text.split(/\r?\n/, 1)[0] ?? '';
}

/** Reads a raw terminal up to Enter; Backspace works, Ctrl-C and Ctrl-D give up. */
async function typedLine(stdin: Readable): Promise<string | undefined> {
  let text = '';
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    for (const key of String(chunk)) {
      if (key === '\r' || key === '\n') return text;
      if (key === '\u0003' || key === '\u0004') return undefined;
      text = key === '\u007f' || key === '\b' ? text.slice(0, -1) : text + key;
    }
    if (text.length > MAX_SECRET) return text;
  }
  return undefined;
}
