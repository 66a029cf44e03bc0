import Type, { type StaticDecode, type TProperties, type TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { DecodeUnsafe } from 'typebox/value';
import { headerValues, type WireRequest } from '../auth.ts';
import { BadJson, isObject, type Json, type JsonObject, readJson } from '../json.ts';
import { Refusal } from '../refusal.ts';
import type { Target } from '../target.ts';
import { type BrokenRule, invalid } from './error.ts';
import { problemsOf, ruled, wholeNumber } from './schema.ts';

export const integer = wholeNumber;

export const text = (pattern: RegExp, rule: string) => Type.String({ pattern: pattern.source, ...ruled(rule) });

export const id = text(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"');

/** A text that answers carry and callers give back. */
export const cursor = Type.Decode(
  Type.Refine(Type.String(ruled('must be a cursor from an answer')), given => readCursor(given) !== undefined),
  given => readCursor(given) ?? 0,
);

export function readCursor(given: string): number | undefined {
  const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Marks what may stand more than once in a query, or be a list. */
export const REPEATS = 'x-repeats';

/** Of the words, one or more: repeated, or with commas between them. */
export const words = <Word extends string>(known: ReadonlyMap<string, Word>) => {
  const one = Type.Enum([...known.keys()]);
  const given = Type.Union([Type.Array(one, { minItems: 1 }), Type.String()], {
    ...ruled(`must be of ${[...known.keys()].join(', ')}`),
    [REPEATS]: true,
  });
  return Type.Decode(
    Type.Refine(given, value => listed(value).every(word => known.has(word))),
    (value): readonly Word[] => [...new Set(listed(value).flatMap(word => known.get(word) ?? []))],
  );
};

const listed = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).flatMap(it => String(it).split(','));

const LATEST_MS = 8_640_000_000_000_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/** A moment, in milliseconds since 1970. */
export const time = Type.Decode(
  Type.Refine(
    Type.Union([Type.String(), Type.Integer()], {
      ...ruled('must be a time like 2026-11-21T10:00:00Z (RFC 3339), or milliseconds since 1970'),
    }),
    given => readTime(String(given)) !== undefined,
  ),
  given => readTime(String(given)) ?? 0,
);

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

/** What may stand in a query or in a body, all of which may be left out. */
export const anyOf = <Fields extends TProperties>(fields: Fields, title?: string) =>
  Type.Partial(Type.Object(fields), { additionalProperties: false, ...(title === undefined ? {} : { title }) });

/** Nothing at all. */
export const NOTHING = anyOf({});

/** Reads a query against what may stand in it. Everything that is wrong is told at once. */
export function readQuery<Schema extends TSchema>({ query }: Target, schema: Schema): StaticDecode<Schema> {
  const given = new Map<string, string[]>();
  for (const [name, value] of query) given.set(name, [...(given.get(name) ?? []), value]);
  const problems: BrokenRule[] = [];
  const values: Record<string, unknown> = Object.create(null);
  for (const [name, texts] of given) {
    const rule = ruleOfTexts(fieldOf(schema, name), texts);
    if (rule === undefined) values[name] = jsonOf(fieldOf(schema, name), texts);
    else problems.push({ field: name, rule });
  }
  return read(schema, values, problems);
}

/** Rules that only a query can break; of a name that is not known the schema tells. */
function ruleOfTexts(field: TSchema | undefined, texts: readonly string[]): string | undefined {
  if (field === undefined) return undefined;
  if (texts.length > 1 && !(REPEATS in field)) return 'must stand only once';
  return texts.includes('') ? 'must not be empty' : undefined;
}

/** As a body would have it: in a query everything is text. */
function jsonOf(field: TSchema | undefined, texts: readonly string[]): unknown {
  const [given = ''] = texts;
  if (field === undefined) return given;
  if (REPEATS in field) return texts.join(',');
  const type = 'type' in field ? field.type : undefined;
  if (type === 'integer') return /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (type === 'boolean') return given === 'true' || (given === 'false' ? false : given);
  return given;
}

function fieldOf(schema: TSchema, name: string): TSchema | undefined {
  const properties: Readonly<Record<string, TSchema>> = 'properties' in schema ? Object(schema.properties) : {};
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** A JSON body; none is an empty one. */
export function readBody<Schema extends TSchema>(wire: WireRequest, schema: Schema): StaticDecode<Schema> {
  return read(schema, wire.body.length === 0 ? {} : readDocument(wire), []);
}

/** For what takes nothing: what is sent and not read would be thought to be in force. */
export function refuseBody({ body }: WireRequest): void {
  if (body.length > 0) throw invalid([{ field: 'body', rule: 'must be empty' }]);
}

const MOST_NAMED = 16;

/** Made once of each schema, when it is first used. */
const validators = new WeakMap<TSchema, Validator>();

function validatorOf(schema: TSchema): Validator {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const made = Compile(schema);
  validators.set(schema, made);
  return made;
}

function read<Schema extends TSchema>(
  schema: Schema,
  value: Json | Record<string, unknown>,
  found: readonly BrokenRule[],
): StaticDecode<Schema> {
  const problems = validatorOf(schema).Check(value) ? found : [...found, ...problemsOf(schema, value)];
  if (problems.length > 0) throw invalid(problems.slice(0, MOST_NAMED).map(shortened));
  // Checked just now by the schema that says what it decodes to.
  return DecodeUnsafe({}, schema, value) as StaticDecode<Schema>;
}

const MOST_NAME = 64;

const shortened = ({ field, rule }: BrokenRule): BrokenRule => ({ field: field.slice(0, MOST_NAME), rule });

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
