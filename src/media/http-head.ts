import { printable } from './address.ts';
import { Fault } from './fault.ts';

/** The head of an HTTP/1.x answer: RFC 9112, sections 4 and 5. */
export interface Head {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** By lower-case name; of a name that comes twice, both values, a comma between them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the connection may serve another request, as far as the server says. */
  readonly keepsAlive: boolean;
  /** How many bytes it has, the empty line included. */
  readonly bytes: number;
}

export const LARGEST_HEAD = 64 * 1024;
const MOST_FIELDS = 100;
const END = Buffer.from('\r\n\r\n');
const OPENING = 'HTTP/1.';
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Undefined until the whole head is there. Throws a Fault as soon as the bytes cannot be one. */
export function readHead(bytes: Buffer): Head | undefined {
  const opening = bytes.toString('latin1', 0, OPENING.length);
  if (!OPENING.startsWith(opening)) throw garbage('does not begin with an HTTP status line');
  const end = bytes.indexOf(END);
  if ((end < 0 ? bytes.length : end) > LARGEST_HEAD) throw garbage(`is larger than ${LARGEST_HEAD >> 10} KB`);
  if (end < 0) return undefined;
  const [status = '', ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
  if (fields.length > MOST_FIELDS) throw garbage(`has more than ${MOST_FIELDS} fields`);
  const [, minor, code, message = ''] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/.exec(status) ?? [];
  if (code === undefined) throw garbage(`begins with "${printable(status).slice(0, 60)}"`);
  const headers = fieldsOf(fields);
  const keepsAlive = minor === '1' && headers.connection?.toLowerCase() !== 'close';
  return { statusCode: Number(code), statusMessage: message, headers, keepsAlive, bytes: end + END.length };
}

function fieldsOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (!NAME.test(name)) throw garbage('has a line that is no field');
    const key = name.toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return headers;
}

const garbage = (what: string): Fault => new Fault('pull', 'garbage', `the answer's head ${what}`);
