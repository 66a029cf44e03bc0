import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { Misused } from './exit.ts';
import { readBytes, type Terminal } from './terminal.ts';

/** Beyond any export of a node, and short of what would take its memory. */
const MOST_BYTES = 64 << 20;

export interface Written {
  readonly name: string;
  readonly value: unknown;
}

/** A file of YAML, or of JSON, which is YAML too; `-` is stdin. */
export async function readWritten(terminal: Terminal, file: string): Promise<Written> {
  const name = file === '-' ? 'stdin' : file;
  const text = file === '-' ? (await readBytes(terminal.stdin)).toString('utf8') : readText(terminal, file);
  if (text.length > MOST_BYTES) throw new Misused(`${name} is too large`);
  return { name, value: parse(name, text) };
}

function readText(terminal: Terminal, file: string): string {
  try {
    return readFileSync(resolve(terminal.cwd, file), 'utf8');
  } catch (cause) {
    throw new Misused(`${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** Aliases are not followed: a few lines of them unfold to more than any memory holds. */
function parse(name: string, text: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    // Its message goes on with the line itself, which may hold a stream key.
    throw new Misused(`${name}, line ${line}, column ${col}: ${broken.message.split(/ at line |\n/, 1)[0]}`);
  }
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new Misused(`${name}: aliases are not taken`, { cause });
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a file has to be: fields with names. What the fields may hold is judged by the node. */
export function objectIn({ name, value }: Written): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new Misused(`${name} does not hold fields with names, like "source:"`);
}
