import { headerValues } from '../auth.ts';
import type { AlibabaError } from './error.ts';

export type Format = 'json' | 'xml';

export interface Printed {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Clients compare the whole text. */
const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json;charset=utf-8',
  xml: 'text/xml;charset=utf-8',
};

/** JSON unless XML is asked for; undefined for a word that is neither. */
export function readFormat(text = 'JSON'): Format | undefined {
  const word = text.toLowerCase();
  return word === 'json' || word === 'xml' ? word : undefined;
}

export interface Reply {
  readonly requestId: string;
  readonly format: Format;
}

export function printAnswer(action: string, body: object, { requestId, format }: Reply): Printed {
  const content = { RequestId: requestId, ...body };
  return print(200, { root: `${action}Response`, content }, { requestId, format });
}

export function printError(error: AlibabaError, hostId: string, { requestId, format }: Reply): Printed {
  const { code, message, status, retryAfterMs } = error;
  const content = {
    RequestId: requestId,
    HostId: hostId,
    Code: code,
    Message: message,
    Recommend: `https://api.aliyun.com/troubleshoot?q=${encodeURIComponent(code)}&product=live&requestId=${requestId}`,
  };
  const printed = print(status, { root: 'Error', content }, { requestId, format });
  if (retryAfterMs === undefined) return printed;
  return { ...printed, headers: { ...printed.headers, 'x-acs-retry-after': String(retryAfterMs) } };
}

interface Document {
  readonly root: string;
  readonly content: object;
}

const print = (status: number, { root, content }: Document, { requestId, format }: Reply): Printed => ({
  status,
  headers: { 'content-type': CONTENT_TYPES[format], 'x-acs-request-id': requestId },
  body: format === 'json' ? JSON.stringify(content) : `<?xml version="1.0" encoding="UTF-8"?>${element(root, content)}`,
});

/** The host that the client named, as far as it can be one. */
export function readHostId(rawHeaders: readonly string[]): string {
  const [host = ''] = headerValues(rawHeaders, 'host');
  return /^([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::\d{1,5})?$/.exec(host.trim())?.[1] ?? 'live.aliyuncs.com';
}

/** Values that are absent are left out, as JSON does. */
function element(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  return `<${name}>${inner(name, value)}</${name}>`;
}

/** A list's items have the names that the cloud's older clients look for: TaskListItem, sourceUrls. */
function inner(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map(item => element(itemName(name, item), item)).join('');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([key, field]) => element(key, field))
      .join('');
  }
  return escaped(String(value));
}

const itemName = (list: string, item: unknown): string =>
  typeof item === 'object' ? `${list}Item` : `${list.slice(0, 1).toLowerCase()}${list.slice(1)}`;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

/** XML has no way at all to write most control characters. */
const escaped = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be written
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll(/[&<>"\r]/g, char => ESCAPES[char] ?? char);
