import { headerValues, type WireRequest } from '../auth.ts';
import { Refusal } from '../refusal.ts';
import { type Pair, readPairs } from '../target.ts';
import { AlibabaError, badParameter, missing } from './error.ts';

/** Far more than any call has; a signature over many more would be work for whoever asks for it. */
const MOST_PAIRS = 1_000;
const MOST_LIST_DIGITS = 4;

/** The parameters of a call, from the query and from a form in the body, decoded. An empty one counts as absent. */
export class Params {
  /** As they came, doubles included: a signature is over all of them. */
  readonly pairs: readonly Pair[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(pairs: readonly Pair[]) {
    const values = new Map<string, string[]>();
    for (const [name, value] of pairs) {
      const standing = values.get(name);
      if (standing === undefined) values.set(name, [value]);
      else standing.push(value);
    }
    this.pairs = pairs;
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.sent(name);
    return value === '' ? undefined : value;
  }

  /** As `text`, but "" where it was sent empty: what takes a setting away. */
  sent(name: string): string | undefined {
    const [value, ...more] = this.#values.get(name) ?? [];
    if (more.length > 0) throw badParameter(name, 'it is given more than once');
    return value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw missing(name);
    return value;
  }

  /** A decimal number, with a sign where it is negative. */
  integer(name: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw badParameter(name, `it must be an integer between ${min} and ${max}`);
    // "-0" is 0.
    return value + 0;
  }

  /** A list in any of the forms that SDKs send: JSON text, `Name.1`, `Name.2` …, or one bare text. */
  list(name: string): readonly string[] | undefined {
    const whole = this.text(name);
    const numbered = this.#numbered(name);
    if (whole === undefined) return numbered.length === 0 ? undefined : numbered;
    if (numbered.length > 0) throw badParameter(name, 'it is given in two forms');
    return whole.trimStart().startsWith('[') ? readJsonList(name, whole) : [whole];
  }

  requiredList(name: string): readonly string[] {
    const list = this.list(name);
    if (list === undefined) throw missing(name);
    return list;
  }

  #numbered(name: string): string[] {
    const items: string[] = [];
    let count = 0;
    for (const key of this.#values.keys()) {
      if (!key.startsWith(`${name}.`)) continue;
      const digits = key.slice(name.length + 1);
      if (!/^[1-9]\d*$/.test(digits) || digits.length > MOST_LIST_DIGITS) throw badParameter(key);
      items[Number(digits) - 1] = this.text(key) ?? '';
      count++;
    }
    if (items.length !== count) throw badParameter(name, 'its numbers must run from 1 without gaps');
    return items;
  }
}

function readJsonList(name: string, text: string): readonly string[] {
  const list = parseJson(text);
  // Its escapes can spell what no UTF-8 can.
  if (Array.isArray(list) && list.every(item => typeof item === 'string' && item.isWellFormed())) return list;
  throw badParameter(name, 'it must be a JSON array of texts');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Every parameter of the request. Throws where a body is no form, or where something is not UTF-8. */
export function readParams(request: WireRequest): Params {
  const pairs = [...request.target.query, ...readForm(request)];
  if (pairs.length > MOST_PAIRS) throw new AlibabaError('InvalidParameter', 'The request has too many parameters.');
  return new Params(pairs);
}

function readForm({ rawHeaders, body }: WireRequest): readonly Pair[] {
  if (body.length === 0) return [];
  const type = headerValues(rawHeaders, 'content-type').join(',');
  // A body of another kind would be parameters that nobody reads.
  if (!/^\s*application\/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i.test(type)) {
    throw new Refusal('mediaType');
  }
  const pairs = readPairs(decodeUtf8(body));
  if (pairs === undefined) throw new Refusal('malformed');
  return pairs;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('malformed', { cause });
  }
}
