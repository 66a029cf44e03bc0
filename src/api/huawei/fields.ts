import { isObject, type Json, type JsonObject } from '../json.ts';
import { badParameter, HuaweiError } from './error.ts';

export interface TextRule {
  /** In characters (code points), not bytes. */
  readonly max: number;
  readonly min?: number;
}

/**
 * Reads one request body field by field; every refusal names the field and the rule, never the value.
 * null counts as absent, and keys that nobody asks for are ignored.
 */
export class Fields {
  readonly #object: JsonObject;

  constructor(document: Json) {
    if (!isObject(document)) throw new HuaweiError('parameter', 'Invalid request parameter: body: object expected');
    this.#object = document;
  }

  has(name: string): boolean {
    return (this.#object[name] ?? null) !== null;
  }

  text(name: string, rule: TextRule): string | undefined {
    const value = this.#object[name] ?? null;
    if (value === null) return undefined;
    if (typeof value !== 'string') throw badParameter(name, 'must be a string');
    return checkText(name, value, rule);
  }

  integer(name: string, min: number, max: number): number | undefined {
    const value = this.#object[name] ?? null;
    if (value === null) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw badParameter(name, 'must be an integer');
    if (value < min || value > max) throw badParameter(name, `must lie between ${min} and ${max}`);
    return value;
  }

  texts(name: string, count: { readonly min: number; readonly max: number }, rule: TextRule): string[] | undefined {
    const value = this.#object[name] ?? null;
    if (value === null) return undefined;
    if (!Array.isArray(value)) throw badParameter(name, 'must be an array of strings');
    if (value.length < count.min || value.length > count.max) {
      throw badParameter(name, `must hold ${count.min} to ${count.max} entries`);
    }
    return value.map(entry => {
      if (typeof entry !== 'string') throw badParameter(name, 'must be an array of strings');
      return checkText(name, entry, rule);
    });
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.#object[name] ?? null;
    if (value === null) return undefined;
    return checkWord(name, value, allowed);
  }
}

export function checkWord<T extends string>(name: string, value: Json, allowed: readonly T[]): T {
  const word = allowed.find(candidate => candidate === value);
  if (word === undefined) throw badParameter(name, `must be one of ${allowed.join(', ')}`);
  return word;
}

export function checkText(name: string, value: string, { min = 0, max }: TextRule): string {
  // A code point takes at most two code units, so a hostile megabyte is not counted one by one.
  const length = value.length > 2 * max ? Number.POSITIVE_INFINITY : [...value].length;
  if (length < min || length > max) throw badParameter(name, `must be ${min} to ${max} characters long`);
  return value;
}
