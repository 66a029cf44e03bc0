import { execFile } from 'node:child_process';
import { isIPv6 } from 'node:net';
import type { Side } from '../fault.ts';
import { isListener, type SrtParameters } from './target.ts';

/** A call to be made, or to be waited for. */
export interface SrtCall {
  readonly side: Side;
  /** As errors name the peer. */
  readonly where: string;
  /** Judged by the address policy. */
  readonly ip: string;
  readonly port: number;
  readonly parameters: SrtParameters;
}

/** One that speaks SRT for us, and hands the bytes over as they are, by its standard input and output. */
export interface SrtProgram {
  readonly name: string;
  readonly argumentsFor: (call: SrtCall) => readonly string[];
  /** It has said that it is connected. */
  readonly connected: RegExp;
  /** It calls nobody before it has something to send. */
  readonly wantsBytesFirst: boolean;
}

const CHECK_MS = 5_000;
const CONNECT_MS = 5_000;
/** Seven transport packets: what fits one SRT packet. */
const CHUNK_PACKETS = 7;
const PACKET_BYTES = 188;

/** What fills an SRT packet: transport packets that every reader passes over (ISO 13818-1, 2.4.3.3: PID 0x1fff). */
export const NOTHING = Buffer.alloc(
  CHUNK_PACKETS * PACKET_BYTES,
  Buffer.alloc(PACKET_BYTES, 0xff).fill('471fff10', 0, 4, 'hex'),
);

const CONSOLE = 'file://con';

const TRANSMIT: SrtProgram = {
  name: 'srt-live-transmit',
  argumentsFor: call => {
    const peer = peerUrl(call, { ...Object.fromEntries(call.parameters), ...callerWords(call, 'conntimeo') });
    const ends = call.side === 'pull' ? [peer, CONSOLE] : [CONSOLE, peer];
    // It is we who try again. Otherwise ten packets wait for more. Verbose, for only so it says that it has connected.
    return ['-a', 'no', '-chunk', String(NOTHING.length), '-buffering', '1', '-v', ...ends];
  },
  connected: /SRT (?:source|target) connect(?:ed|ion)/,
  wantsBytesFirst: false,
};

/** In front of every other word: ffmpeg is quiet, asks nothing, and does not wait to know a stream that it does not look into. */
const QUIET = [
  '-hide_banner',
  '-nostats',
  '-nostdin',
  '-loglevel',
  'info',
  '-probesize',
  '32',
  '-analyzeduration',
  '0',
];

/** Bytes in, the same bytes out: it reads no container and writes none, so that it cuts, drops and times nothing. */
const FFMPEG: SrtProgram = {
  name: 'ffmpeg',
  argumentsFor: call => {
    const peer = [...secretsOf(call.parameters), ...(call.side === 'pull' ? ['-i'] : []), ffmpegUrl(call)];
    const copied = ['-map', '0', '-c', 'copy'];
    if (call.side === 'pull')
      return [...QUIET, '-f', 'data', ...peer, ...copied, '-flush_packets', '1', '-f', 'data', 'pipe:1'];
    // Not flushed: a receiver may forward packet by packet, and is to find whole transport packets in each.
    return [...QUIET, '-f', 'data', '-i', 'pipe:0', ...copied, '-flush_packets', '0', '-f', 'data', ...peer];
  },
  // It opens its input first: of a peer it has heard something by then, to a peer it has something to send.
  connected: /^Output #0/m,
  wantsBytesFirst: true,
};

/** Free text stands by itself, where nothing in it can be taken for another parameter. */
function secretsOf(parameters: SrtParameters): readonly string[] {
  const { passphrase = '', streamid = '' } = Object.fromEntries(parameters);
  return [
    ...(passphrase === '' ? [] : ['-passphrase', passphrase]),
    // `-streamid` alone is a word of ffmpeg's own.
    ...(streamid === '' ? [] : ['-srt_streamid', streamid]),
  ];
}

/** libsrt counts these in milliseconds, ffmpeg does in microseconds. */
const IN_MICROSECONDS = new Set(['latency', 'rcvlatency', 'peerlatency']);

function ffmpegUrl(call: SrtCall): string {
  const words: Record<string, string> = {};
  for (const [name, value] of call.parameters) {
    if (name === 'passphrase' || name === 'streamid') continue;
    words[name === 'payloadsize' ? 'payload_size' : name] = IN_MICROSECONDS.has(name) ? `${Number(value)}000` : value;
  }
  return peerUrl(call, { ...words, ...callerWords(call, 'connect_timeout') });
}

const callerWords = ({ parameters }: SrtCall, timeout: string): Record<string, string> =>
  isListener(parameters) ? {} : { mode: 'caller', [timeout]: String(CONNECT_MS) };

function peerUrl({ ip, port }: SrtCall, words: Readonly<Record<string, string>>): string {
  const query = Object.entries(words).map(([name, value]) => `${name}=${value}`);
  return `srt://${isIPv6(ip) ? `[${ip}]` : ip}:${port}?${query.join('&')}`;
}

/** In the order in which they are wanted: what the first is told of its peer's reasons is more. */
export const PROGRAMS: readonly [SrtProgram, SrtProgram] = [TRANSMIT, FFMPEG];

/** Has the child ended by the kernel when we are gone, however we went. */
const GUARD = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;

export interface FoundProgram {
  readonly program: SrtProgram;
  /** What stands in front of its arguments. */
  readonly command: readonly [string, ...string[]];
}

let found: Promise<FoundProgram | undefined> | undefined;

/** Looks until there is one, for it may be installed at any time; undefined where neither is. */
export async function findProgram(): Promise<FoundProgram | undefined> {
  found ??= look();
  const program = await found;
  if (program === undefined) found = undefined;
  return program;
}

async function look(): Promise<FoundProgram | undefined> {
  const program = await firstInstalled();
  if (program === undefined) return undefined;
  const isGuarded = (await said(GUARD[0], ['--version'])) !== undefined;
  return { program, command: isGuarded ? [...GUARD, program.name] : [program.name] };
}

async function firstInstalled(): Promise<SrtProgram | undefined> {
  if ((await said(TRANSMIT.name, ['-version'])) !== undefined) return TRANSMIT;
  const protocols = await said(FFMPEG.name, ['-hide_banner', '-protocols']);
  return protocols !== undefined && /^\s*srt$/m.test(protocols) ? FFMPEG : undefined;
}

/** What a program says, whether it likes what it is asked or not; undefined where it is missing. */
const said = (program: string, flags: readonly string[]): Promise<string | undefined> =>
  new Promise(resolve => {
    execFile(program, flags, { timeout: CHECK_MS }, (error, stdout) => {
      resolve((error as NodeJS.ErrnoException | null)?.code === 'ENOENT' ? undefined : stdout);
    });
  });
