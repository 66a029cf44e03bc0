import type http from 'node:http';
import { type Address, parseAddress, printable, redactUrl, urlOf } from '../address.ts';
import { Fault } from '../fault.ts';

/** Which bytes an answer brings: [from, to) of `total`; what is undefined the server did not tell. */
export interface Part {
  readonly from: number;
  readonly to: number | undefined;
  readonly total: number | undefined;
  /** True for 206: the server sends what is asked for, not always everything. */
  readonly partial: boolean;
}

/** What of an answer's head is looked at, whoever has read it. */
export type AnswerHead = Pick<http.IncomingMessage, 'statusCode' | 'statusMessage' | 'headers'>;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const CHANGED = 'the file has changed while it was played';

export const isRedirect = (answer: AnswerHead): boolean => REDIRECTS.has(answer.statusCode ?? 0);

/** Where a redirect leads. The dialler judges the host; only http and https are followed, and https never to http. */
export function redirectTarget(from: Address, answer: AnswerHead): Address {
  const where = redactUrl(urlOf(from));
  const { location } = answer.headers;
  if (location === undefined) throw new Fault('pull', 'garbage', `${where} redirects without saying where to`);
  const target = parsedTarget(from, location);
  // The owner of the task has asked for bytes nobody can change on their way; the server cannot take that back.
  if (from.scheme === 'https' && target.scheme !== 'https')
    throw new Fault('pull', 'policy', `${where} redirects from https to plain http, which is not followed`);
  return target;
}

function parsedTarget(from: Address, location: string): Address {
  try {
    const target = new URL(location, urlOf(from));
    target.hash = '';
    return parseAddress(target.href, ['http', 'https']);
  } catch (cause) {
    const reason = cause instanceof TypeError ? 'The URL is not written correctly.' : (cause as Error).message;
    const sentence = `${redactUrl(urlOf(from))} redirects to where no file can be had: ${reason}`;
    throw new Fault('pull', 'policy', sentence, { cause });
  }
}

/** The bytes [from, to) that were asked for. */
export interface Asked {
  readonly from: number;
  readonly to: number;
}

export const rangeHeader = ({ from, to }: Asked) => ({ range: `bytes=${from}-${to - 1}` });

/** What the answer to a request for some bytes brings. Throws where it brings nothing that can be used. */
export function partOf(address: Address, answer: AnswerHead, asked: Asked): Part {
  checkStatus(address, answer, asked);
  checkEncoding(address, answer);
  if (answer.statusCode === 416) return { from: asked.from, to: asked.from, total: endOf(answer), partial: true };
  const length = numberOf(answer.headers['content-length']);
  if (answer.statusCode === 200) return { from: 0, to: length, total: length, partial: false };
  return rangeOf(address, answer, { ...asked, length });
}

function checkStatus(address: Address, answer: AnswerHead, { from }: Asked): void {
  const status = answer.statusCode ?? 0;
  if (status === 200 || status === 206) return;
  // Nothing lies behind the end of a file; an empty one has only that.
  if (status === 416 && (endOf(answer) ?? Number.POSITIVE_INFINITY) <= from) return;
  const where = redactUrl(urlOf(address));
  const reason = printable(answer.statusMessage ?? '').slice(0, 80);
  const sentence = `HTTP ${status}${reason === '' ? '' : ` ${reason}`} from ${where}`;
  throw new Fault('pull', status >= 400 && status < 500 ? 'refused' : 'lost', sentence);
}

function checkEncoding(address: Address, answer: AnswerHead): void {
  const encoding = answer.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return;
  const where = redactUrl(urlOf(address));
  const sentence = `${where} sends the file compressed (${printable(encoding).slice(0, 40)}) though it was asked not to`;
  throw new Fault('pull', 'unsupported', sentence);
}

/** The file's size as a 416 tells it. */
const endOf = (answer: AnswerHead): number | undefined =>
  numberOf(/^bytes \*\/(\d{1,15})$/.exec(answer.headers['content-range'] ?? '')?.[1]);

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** RFC 9110, 14.4. */
function rangeOf(address: Address, answer: AnswerHead, asked: Asked & { readonly length: number | undefined }): Part {
  const text = answer.headers['content-range'] ?? '';
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(text) ?? [];
  const from = numberOf(first) ?? -1;
  const to = (numberOf(last) ?? -1) + 1;
  const size = numberOf(total);
  const sane = from === asked.from && to > from && to <= asked.to && (size === undefined || to <= size);
  if (sane && (asked.length === undefined || asked.length === to - from))
    return { from, to, total: size, partial: true };
  const told = text === '' ? 'no range' : `"${printable(text).slice(0, 60)}"`;
  const length = asked.length === undefined ? '' : ` and ${asked.length} bytes`;
  const sentence = `${redactUrl(urlOf(address))} was asked for bytes ${asked.from}-${asked.to - 1} and sends ${told}${length}`;
  throw new Fault('pull', 'garbage', sentence);
}

/** What tells versions of a file apart, as the server's headers give it. */
export interface Version {
  readonly etag: string | undefined;
  readonly modified: string | undefined;
  readonly size: number | undefined;
}

export function versionOf(answer: AnswerHead, part: Part): Version {
  return { etag: answer.headers.etag, modified: answer.headers['last-modified'], size: part.total };
}

/** The condition under which a further part is wanted; a weak ETag cannot serve for that (RFC 9110, 13.1.5). */
export function conditionOf({ etag, modified }: Version): { 'if-range'?: string } {
  if (etag !== undefined) return etag.startsWith('W/') ? {} : { 'if-range': etag };
  return modified === undefined ? {} : { 'if-range': modified };
}

/** Throws where the answer comes from another version of the file. A header that is left out says nothing. */
export function checkVersion(address: Address, known: Version, now: Version): void {
  const told = (['etag', 'modified', 'size'] as const).filter(
    name => known[name] !== undefined && now[name] !== undefined,
  );
  // Servers behind one name may disagree about the time of one and the same file; an ETag knows better.
  const differs = told.find(name => known[name] !== now[name] && !(name === 'modified' && told.includes('etag')));
  if (differs === undefined) return;
  throw new Fault('pull', 'lost', `${redactUrl(urlOf(address))}: ${CHANGED} (${TOLD_BY[differs]})`);
}

const TOLD_BY = { etag: 'another ETag', modified: 'another time of change', size: 'another size' } as const;

/** As one text, for those who remember what they have learnt about this version. */
export const validatorOf = ({ etag, modified, size }: Version): string =>
  [etag ?? '', modified ?? '', size ?? ''].join(' ').trim();
