import { Fault, type Side } from '../fault.ts';

export type AmfValue = number | boolean | string | null | undefined | Date | AmfObject | readonly AmfValue[];
export interface AmfObject {
  readonly [key: string]: AmfValue;
}

/** Type markers: AMF 0 specification, section 2.1. */
const Marker = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  xml: 0x0f,
  typedObject: 0x10,
  amf3: 0x11,
} as const;

const MAX_DEPTH = 32;
const MAX_STRING_BYTES = 65_536;
/** Properties and array elements of a whole message: what bounds the work and memory that a peer can ask for. */
const MAX_PROPERTIES = 4096;

/** AMF0 bytes of the values in order. With `ecmaArrays` objects are written as ECMA arrays, as onMetaData wants them. */
export function encodeAmf0(values: readonly AmfValue[], options: { ecmaArrays?: boolean } = {}): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) encodeValue(value, options.ecmaArrays === true, parts);
  return Buffer.concat(parts);
}

function encodeValue(value: AmfValue, ecmaArrays: boolean, parts: Buffer[]): void {
  if (typeof value === 'number') parts.push(double(Marker.number, value));
  else if (typeof value === 'boolean') parts.push(Buffer.of(Marker.boolean, value ? 1 : 0));
  else if (typeof value === 'string') parts.push(encodeString(value));
  else if (value === null) parts.push(Buffer.of(Marker.null));
  else if (value === undefined) parts.push(Buffer.of(Marker.undefined));
  else if (value instanceof Date) parts.push(double(Marker.date, value.getTime()), Buffer.of(0, 0));
  else if (isArray(value)) encodeArray(value, ecmaArrays, parts);
  else encodeObject(value, ecmaArrays, parts);
}

function encodeArray(values: readonly AmfValue[], ecmaArrays: boolean, parts: Buffer[]): void {
  parts.push(Buffer.of(Marker.strictArray), uint32(values.length));
  for (const value of values) encodeValue(value, ecmaArrays, parts);
}

function encodeObject(object: AmfObject, ecmaArrays: boolean, parts: Buffer[]): void {
  const entries = Object.entries(object);
  if (ecmaArrays) parts.push(Buffer.of(Marker.ecmaArray), uint32(entries.length));
  else parts.push(Buffer.of(Marker.object));
  for (const [key, value] of entries) {
    parts.push(encodeKey(key));
    encodeValue(value, ecmaArrays, parts);
  }
  parts.push(Buffer.of(0, 0, Marker.objectEnd));
}

function encodeKey(key: string): Buffer {
  const text = Buffer.from(key, 'utf8');
  if (text.length > 0xffff) throw new RangeError('an AMF0 property name is longer than 65535 bytes');
  return Buffer.concat([Buffer.of(text.length >> 8, text.length & 0xff), text]);
}

function encodeString(value: string): Buffer {
  const text = Buffer.from(value, 'utf8');
  if (text.length > 0xffff) return Buffer.concat([Buffer.of(Marker.longString), uint32(text.length), text]);
  return Buffer.concat([Buffer.of(Marker.string, text.length >> 8, text.length & 0xff), text]);
}

function double(marker: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = marker;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

// Array.isArray does not narrow readonly arrays.
function isArray(value: AmfObject | readonly AmfValue[]): value is readonly AmfValue[] {
  return Array.isArray(value);
}

/**
 * All AMF0 values in `bytes`. Objects come without a prototype, so that a peer's `__proto__` is a name like any other.
 * References are read as undefined. Behind an AMF3 switch byte nothing can be read: it ends the values with undefined.
 * `mostValues`: properties and array elements at the most.
 */
export function decodeAmf0(bytes: Buffer, side: Side, mostValues = MAX_PROPERTIES): AmfValue[] {
  const reader = new Amf0Reader(bytes, side, mostValues);
  const values: AmfValue[] = [];
  while (!reader.ended) values.push(reader.topValue());
  return values;
}

class Amf0Reader {
  readonly #bytes: Buffer;
  readonly #side: Side;
  readonly #mostValues: number;
  #at = 0;
  #properties = 0;

  constructor(bytes: Buffer, side: Side, mostValues: number) {
    this.#bytes = bytes;
    this.#side = side;
    this.#mostValues = mostValues;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  topValue(): AmfValue {
    this.#count();
    return this.#value(0);
  }

  #value(depth: number): AmfValue {
    const marker = this.#byte();
    switch (marker) {
      case Marker.number:
        return this.#double();
      case Marker.boolean:
        return this.#byte() !== 0;
      case Marker.string:
        return this.#text(this.#uint16());
      case Marker.longString:
      case Marker.xml:
        return this.#text(this.#uint32());
      case Marker.null:
        return null;
      case Marker.undefined:
      case Marker.unsupported:
        return undefined;
      case Marker.reference:
        this.#uint16();
        return undefined;
      case Marker.date:
        return this.#date();
      case Marker.amf3:
        this.#at = this.#bytes.length;
        return undefined;
      default:
        return this.#nested(marker, depth + 1);
    }
  }

  #nested(marker: number, depth: number): AmfValue {
    if (depth > MAX_DEPTH) throw this.#garbage(`nested deeper than ${MAX_DEPTH}`);
    if (marker === Marker.object) return this.#object(depth);
    if (marker === Marker.strictArray) return this.#array(depth);
    if (marker === Marker.ecmaArray) {
      // The count is a hint: peers write 0 or too much; the end marker counts.
      this.#uint32();
      return this.#object(depth);
    }
    if (marker === Marker.typedObject) {
      this.#text(this.#uint16());
      return this.#object(depth);
    }
    throw this.#garbage(`an unknown type marker ${marker}`);
  }

  #object(depth: number): AmfObject {
    const object: Record<string, AmfValue> = Object.create(null);
    for (;;) {
      // Some encoders leave out the end marker of the last object.
      if (this.ended) return object;
      const key = this.#text(this.#uint16());
      if (key === '' && this.#bytes[this.#at] === Marker.objectEnd) {
        this.#at++;
        return object;
      }
      this.#count();
      object[key] = this.#value(depth);
      // Behind an AMF3 switch the end of the bytes is the end of everything.
    }
  }

  #array(depth: number): AmfValue[] {
    const length = this.#uint32();
    const values: AmfValue[] = [];
    for (let i = 0; i < length && !this.ended; i++) {
      this.#count();
      values.push(this.#value(depth));
    }
    return values;
  }

  #date(): Date {
    const date = new Date(this.#double());
    this.#uint16(); // a time zone that the specification wants ignored
    return date;
  }

  #text(length: number): string {
    if (length > MAX_STRING_BYTES) throw this.#garbage(`a string of ${length} bytes`);
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  #uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  #uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  #double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw this.#garbage('values that are cut short');
    this.#at = start + length;
    return start;
  }

  #count(): void {
    if (++this.#properties > this.#mostValues) throw this.#garbage(`more than ${this.#mostValues} values`);
  }

  #garbage(what: string): Fault {
    return new Fault(this.#side, 'garbage', `the peer sent AMF0 with ${what}`);
  }
}
