import Type, { type TProperties, type TSchema } from 'typebox';
import { Check } from 'typebox/value';
import type { BrokenRule } from './error.ts';

/** What a value has to be, as a sentence: told to whoever sent something else, and printed beside the schema. */
const RULE = 'x-rule';

export const ruled = (rule: string): { readonly [RULE]: string } => ({ [RULE]: rule });

/** Nothing beside what it names: what is sent and not read would be thought to be in force. */
export const strict = <Properties extends TProperties>(properties: Properties, title?: string) =>
  Type.Object(properties, { additionalProperties: false, ...(title === undefined ? {} : { title }) });

export const orNull = <Inner extends TSchema>(inner: Inner) => Type.Union([inner, Type.Null()]);

export const oneOf = <const Words extends readonly string[]>(...words: Words) =>
  Type.Unsafe<Words[number]>({ type: 'string', enum: words, ...ruled(`must be one of ${words.join(', ')}`) });

export const textOf = (min: number, max: number) =>
  Type.String({ minLength: min, maxLength: max, ...ruled(`must have ${min} to ${max} characters`) });

export const wholeNumber = (min: number, max: number) =>
  Type.Integer({ minimum: min, maximum: max, ...ruled(`must be an integer from ${min} to ${max}`) });

export const decimal = (min: number, max: number) =>
  Type.Number({ minimum: min, maximum: max, ...ruled(`must be a number from ${min} to ${max}`) });

/** RFC 9457. */
export const PROBLEM = strict(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String(),
    detail: Type.String(),
    errors: Type.Array(strict({ field: Type.String(), rule: Type.String() })),
    request_id: Type.String(),
  },
  'Problem',
);

/** A schema as it is written, whichever of its kinds it is. */
interface Written {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly TSchema[];
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
  readonly items?: TSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly [RULE]?: string;
}

const written = (schema: TSchema): Written => schema;

/** Every rule that the value breaks, each with its field: "source.items[2].url". Empty where it breaks none. */
export function problemsOf(schema: TSchema, value: unknown, field = ''): readonly BrokenRule[] {
  if (Check(schema, value)) return [];
  const { anyOf, properties, items } = written(schema);
  if (anyOf !== undefined) return problemsOfChoice(schema, anyOf, value, field);
  if (properties !== undefined) return problemsOfObject(schema, value, field);
  if (items !== undefined) return problemsOfList(schema, items, value, field);
  return [{ field, rule: ruleOf(schema, value) }];
}

function ruleOf(schema: TSchema, value: unknown): string {
  const { type, [RULE]: rule } = written(schema);
  if (type === 'string' && typeof value !== 'string') return 'must be text';
  if ((type === 'integer' || type === 'number') && typeof value !== 'number') return 'must be a number';
  if (type === 'boolean') return 'must be true or false';
  return rule ?? 'must be something else';
}

/** Of several shapes of an object, the one that it says it is. */
function problemsOfChoice(
  schema: TSchema,
  choices: readonly TSchema[],
  value: unknown,
  field: string,
): readonly BrokenRule[] {
  const { [RULE]: rule } = written(schema);
  if (rule !== undefined) return [{ field, rule }];
  const objects = choices.filter(choice => written(choice).properties !== undefined);
  const [only = choices.find(choice => written(choice).type !== 'null'), ...others] = objects;
  if (only !== undefined && others.length === 0) return problemsOf(only, value, field);
  if (!isObject(value)) return [{ field, rule: 'must be an object' }];
  const meant = objects.find(choice => kindOf(choice) === value.kind);
  if (meant !== undefined) return problemsOf(meant, value, field);
  return [{ field: inside(field, 'kind'), rule: `must be one of ${objects.map(kindOf).join(', ')}` }];
}

const kindOf = (schema: TSchema): unknown => {
  const kind = written(schema).properties?.kind;
  return kind && written(kind).const;
};

function problemsOfObject(schema: TSchema, value: unknown, field: string): readonly BrokenRule[] {
  const { properties = {}, required = [] } = written(schema);
  if (!isObject(value)) return [{ field, rule: 'must be an object' }];
  const missing = required.filter(name => !Object.hasOwn(value, name));
  return [
    ...missing.map(name => ({ field: inside(field, name), rule: 'must be given' })),
    ...Object.entries(value).flatMap(([name, inner]) => {
      const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (known === undefined) return [{ field: inside(field, name), rule: 'is not known here' }];
      return problemsOf(known, inner, inside(field, name));
    }),
  ];
}

function problemsOfList(schema: TSchema, items: TSchema, value: unknown, field: string): readonly BrokenRule[] {
  if (!Array.isArray(value)) return [{ field, rule: 'must be a list' }];
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = written(schema);
  if (value.length < minItems) return [{ field, rule: `must hold at least ${minItems}` }];
  if (value.length > maxItems) return [{ field, rule: `must hold at most ${maxItems}` }];
  const problems = value.flatMap((it, at) => problemsOf(items, it, `${field}[${at}]`));
  return problems.length > 0 ? problems : [{ field, rule: 'must hold nothing twice' }];
}

const MOST_NAME = 64;

const inside = (field: string, name: string): string =>
  field === '' ? name.slice(0, MOST_NAME) : `${field}.${name.slice(0, MOST_NAME)}`;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
