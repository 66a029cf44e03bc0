import { randomBytes } from 'node:crypto';
import { type Address, printable, redactUrl, urlOf } from './address.ts';
import { within } from './deadline.ts';
import { Fault } from './fault.ts';
import { isRedirect, redirectTarget } from './file/http-answer.ts';
import { LiveFlvSource } from './flv/live-source.ts';
import { openLiveHls } from './hls/live-open.ts';
import { type Answer, ask, type DialledOptions } from './http-dial.ts';
import { framingOf } from './http-framing.ts';
import type { Head } from './http-head.ts';
import type { Source } from './packet.ts';
import { acceptOf, WsFraming } from './ws-framing.ts';

export interface HttpSourceOptions extends DialledOptions {
  /** The whole of opening, redirects included. */
  readonly openMs?: number;
}

const OPEN_MS = 10_000;
const MAX_REDIRECTS = 5;
/** Enough of a body to tell what it is. */
const LOOK_BYTES = 10;

/** Pulls a live stream over HTTP: FLV without an end, or HLS; what it is, the answer tells and not the address. */
export function openHttpSource(address: Address, options: HttpSourceOptions): Promise<Source> {
  return inTime(address, options, async signal => {
    const found = await follow(address, { dialler: options.dialler, signal });
    if (kindOf(bodyOf(found.answer)) === 'flv') {
      return new LiveFlvSource({ ...found, ...found.answer }, framingOf(found.answer.head));
    }
    found.answer.socket.destroy();
    return openLiveHls(found.address, { dialler: options.dialler, signal });
  });
}

/** Pulls FLV over a WebSocket connection. */
export function openWsSource(address: Address, options: HttpSourceOptions): Promise<Source> {
  return inTime(address, options, async signal => {
    const key = randomBytes(16).toString('base64');
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
    };
    const suffices = (head: Head, rest: Buffer, ended: boolean): boolean => {
      checkUpgrade(head, key);
      const body = payloadOf(rest, new WsFraming(() => undefined));
      if (body.length < LOOK_BYTES && !ended) return false;
      if (kindOf(body) === 'flv') return true;
      throw new Fault('pull', 'garbage', 'what comes over the WebSocket is no FLV');
    };
    const answer = await ask(address, { dialler: options.dialler, signal, headers, suffices });
    return new LiveFlvSource({ address, ...answer }, 'websocket');
  });
}

async function inTime(
  address: Address,
  { signal, openMs = OPEN_MS }: HttpSourceOptions,
  open: (signal: AbortSignal) => Promise<Source>,
): Promise<Source> {
  const late = `${redactUrl(urlOf(address))} sent no media`;
  let opening: Promise<Source> | undefined;
  try {
    return await within({ side: 'pull', signal, late, waitMs: openMs }, own => {
      opening = open(own);
      return opening;
    });
  } catch (error) {
    // It may come yet, when nobody wants it any more.
    opening?.then(
      source => source.close(),
      () => undefined,
    );
    throw error;
  }
}

interface Found {
  readonly address: Address;
  readonly answer: Answer;
}

/** The first answer that is no redirect. Every hop is dialled by the one dialler, which judges it. */
async function follow(start: Address, options: DialledOptions): Promise<Found> {
  const visited = new Set<string>();
  for (let address = start; ; ) {
    const here = address;
    const suffices = (head: Head, rest: Buffer, ended: boolean): boolean => hasBegun(head, { rest, ended });
    const answer = await ask(here, { ...options, headers: { Connection: 'close' }, suffices });
    if (!isRedirect(answer.head)) return { address: here, answer };
    answer.socket.destroy();
    visited.add(urlOf(here));
    address = redirectTarget(here, answer.head);
    const where = redactUrl(urlOf(start));
    if (visited.has(urlOf(address))) throw new Fault('pull', 'refused', `${where} redirects in a circle`);
    if (visited.size > MAX_REDIRECTS)
      throw new Fault('pull', 'refused', `${where} redirects more than ${MAX_REDIRECTS} times`);
  }
}

/** Whether enough has come to tell what the answer is. Throws where it is none that can be relayed. */
function hasBegun(head: Head, { rest, ended }: { rest: Buffer; ended: boolean }): boolean {
  if (isRedirect(head)) return true;
  checkStatus(head);
  checkEncoding(head);
  const framing = framingOf(head);
  const body = payloadOf(rest, framing);
  if (body.length < LOOK_BYTES && !ended && !framing.ended) return false;
  if (kindOf(body) !== undefined) return true;
  const type = printable(head.headers['content-type'] ?? 'no content type').slice(0, 60);
  throw new Fault('pull', 'garbage', `the answer is neither FLV nor an HLS playlist (${type})`);
}

const bodyOf = ({ head, rest }: Answer): Buffer => payloadOf(rest, framingOf(head));

/** The payload in a copy of the bytes, which are to be read once more. */
function payloadOf(rest: Buffer, framing: WsFraming | ReturnType<typeof framingOf>): Buffer {
  const copy = Buffer.from(rest);
  return copy.subarray(0, framing.unframe(copy, 0, copy.length));
}

function kindOf(body: Buffer): 'flv' | 'hls' | undefined {
  if (body.toString('latin1', 0, 3) === 'FLV') return 'flv';
  return /^(\xef\xbb\xbf)?#EXTM3U/.test(body.toString('latin1', 0, LOOK_BYTES)) ? 'hls' : undefined;
}

function checkStatus({ statusCode, statusMessage }: Head): void {
  if (statusCode === 200) return;
  const reason = printable(statusMessage).slice(0, 80);
  const sentence = `HTTP ${statusCode}${reason === '' ? '' : ` ${reason}`}`;
  throw new Fault('pull', statusCode >= 400 && statusCode < 500 ? 'refused' : 'lost', sentence);
}

function checkEncoding({ headers }: Head): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return;
  const told = printable(encoding).slice(0, 40);
  throw new Fault('pull', 'unsupported', `the stream comes compressed (${told}) though it was asked not to`);
}

function checkUpgrade(head: Head, key: string): void {
  if (head.statusCode !== 101) {
    checkStatus(head);
    throw new Fault('pull', 'refused', 'the server knows no WebSocket at this address');
  }
  if (head.headers['sec-websocket-accept'] !== acceptOf(key) || head.headers['sec-websocket-extensions'] !== undefined)
    throw new Fault('pull', 'garbage', 'the server does not shake hands as a WebSocket server does');
}
