import { headerValues, type WireRequest } from '../auth.ts';
import { BadJson, isObject, type Json, type JsonObject, readJson } from '../json.ts';
import { Refusal } from '../refusal.ts';
import type { Target } from '../target.ts';
import { type BrokenRule, invalid } from './error.ts';

/** How one parameter is read, in a query or in a body. */
export interface Field<Value> {
  /** What it may be in a body; in a query everything is text. */
  readonly json: readonly ('string' | 'number')[];
  /** Whether it may stand more than once, or be a list. */
  readonly repeats: boolean;
  /** Of at least one text, none of them empty. Throws a `Rule`. */
  read(texts: readonly string[]): Value;
}

/** What may stand in a query or in a body; all of it may be left out. */
export type Shape<Values> = { readonly [Name in keyof Values]-?: Field<Exclude<Values[Name], undefined>> };

/** What a value must be, told to whoever sent something else. */
class Rule extends Error {
  override readonly name = 'Rule';
}

const ONCE = { json: ['string'], repeats: false } as const;

export function single<Value>(rule: string, parse: (text: string) => Value | undefined): Field<Value> {
  return { ...ONCE, read: ([text = '']) => parse(text) ?? broken(rule) };
}

function broken(rule: string): never {
  throw new Rule(rule);
}

export const integer = (min: number, max: number): Field<number> => ({
  ...single(`must be an integer from ${min} to ${max}`, text => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  }),
  json: ['number'],
});

/** A text that answers carry and callers give back. */
export const cursor: Field<number> = single('must be a cursor from an answer', readCursor);

export function readCursor(text: string): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

export const text = (pattern: RegExp, rule: string): Field<string> =>
  single(rule, given => (pattern.test(given) ? given : undefined));

export const id: Field<string> = text(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"');

/** Of the words, one or more: repeated, or with commas between them. */
export const words = <Word extends string>(known: ReadonlyMap<string, Word>): Field<readonly Word[]> => ({
  json: ['string'],
  repeats: true,
  read: texts => {
    const given = texts.flatMap(list => list.split(','));
    return [...new Set(given.map(word => known.get(word) ?? broken(`must be of ${[...known.keys()].join(', ')}`)))];
  },
});

const LATEST_MS = 8_640_000_000_000_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/** A moment, in milliseconds since 1970. */
export const time: Field<number> = {
  ...single('must be a time like 2026-11-21T10:00:00Z (RFC 3339), or milliseconds since 1970', readTime),
  json: ['string', 'number'],
};

function readTime(given: string): number | undefined {
  if (/^\d{1,16}$/.test(given)) return Number(given) <= LATEST_MS ? Number(given) : undefined;
  const at = TIME.test(given) && isDate(given.slice(0, 10)) ? Date.parse(given) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** The parser takes the 30th of February for the 2nd of March. */
function isDate(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}

/** Reads a query against what may stand in it. Everything that is wrong is told at once. */
export function readQuery<Values>({ query }: Target, shape: Shape<Values>): Values {
  const given = new Map<string, string[]>();
  for (const [name, value] of query) given.set(name, [...(given.get(name) ?? []), value]);
  return readAll(given, shape);
}

/** The same of a JSON body; none is an empty one. */
export function readBody<Values>(wire: WireRequest, shape: Shape<Values>): Values {
  const document = wire.body.length === 0 ? {} : readDocument(wire);
  const problems: BrokenRule[] = [];
  const given = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(document)) {
    const texts = textsOf(value, fieldOf(shape, name));
    if (typeof texts === 'string') problems.push({ field: name, rule: texts });
    else given.set(name, texts);
  }
  if (problems.length > 0) throw invalid(problems);
  return readAll(given, shape);
}

/** For what takes nothing: what is sent and not read would be thought to be in force. */
export function refuseBody({ body }: WireRequest): void {
  if (body.length > 0) throw invalid([{ field: 'body', rule: 'must be empty' }]);
}

const MOST_NAMED = 16;
const MOST_NAME = 64;

function readAll<Values>(given: ReadonlyMap<string, readonly string[]>, shape: Shape<Values>): Values {
  const problems: BrokenRule[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, texts] of given) {
    try {
      values[name] = readOne(fieldOf(shape, name), texts);
    } catch (error) {
      if (!(error instanceof Rule)) throw error;
      problems.push({ field: name.slice(0, MOST_NAME), rule: error.message });
    }
  }
  if (problems.length > 0) throw invalid(problems.slice(0, MOST_NAMED));
  // Each was read by the field of its name.
  return values as Values;
}

function readOne(field: Field<unknown> | undefined, texts: readonly string[]): unknown {
  if (field === undefined) throw new Rule('is not known here');
  if (texts.length > 1 && !field.repeats) throw new Rule('must stand only once');
  if (texts.length === 0 || texts.includes('')) throw new Rule('must not be empty');
  return field.read(texts);
}

const fieldOf = <Values>(shape: Shape<Values>, name: string): Field<unknown> | undefined =>
  Object.hasOwn(shape, name) ? shape[name as keyof Values] : undefined;

/** As a query would have it; a sentence where it is of a kind that the field is not. An unknown field is told later. */
function textsOf(value: Json | undefined, field: Field<unknown> | undefined): readonly string[] | string {
  if (field === undefined) return [''];
  const list: readonly (Json | undefined)[] = field.repeats && Array.isArray(value) ? value : [value];
  const kinds: readonly string[] = field.json;
  const mayBe = field.repeats ? 'a list of texts' : kinds.map(kind => (kind === 'string' ? 'text' : kind)).join(' or ');
  return list.every(it => kinds.includes(typeof it)) ? list.map(String) : `must be ${mayBe}`;
}

function readDocument({ rawHeaders, body }: WireRequest): JsonObject {
  const type = headerValues(rawHeaders, 'content-type').join(',');
  if (!/^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i.test(type)) throw new Refusal('mediaType');
  try {
    const document = readJson(body);
    if (isObject(document)) return document;
  } catch (error) {
    if (error instanceof BadJson) throw invalid([{ field: 'body', rule: `is ${error.message}` }]);
    throw error;
  }
  throw invalid([{ field: 'body', rule: 'must be a JSON object' }]);
}
