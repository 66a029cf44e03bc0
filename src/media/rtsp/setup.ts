/*
 * The headers with which streams are set up and played: RFC 2326, sections 12.33, 12.37 and 12.39.
 */

/** The channels of one track, for RTP and for RTCP. */
export interface Channels {
  readonly rtp: number;
  readonly rtcp: number;
}

export const transportOffer = ({ rtp, rtcp }: Channels): string => `RTP/AVP/TCP;unicast;interleaved=${rtp}-${rtcp}`;

/**
 * The channels that the server has chosen, those of the offer where it names none; undefined where it sends another way.
 * What it says of hosts means nothing to a connection that is there.
 */
export function channelsOf(transport: string | undefined, offered: Channels): Channels | undefined {
  if (transport === undefined) return offered;
  const [first = ''] = transport.split(',');
  const parts = first.split(';').map(part => part.trim());
  const [, rtpText, rtcpText] =
    /^interleaved *= *(\d{1,3})(?:-(\d{1,3}))?$/i.exec(parts.find(isInterleaved) ?? '') ?? [];
  if (rtpText === undefined) return /\/TCP$/i.test(parts[0] ?? '') ? offered : undefined;
  const rtp = Number(rtpText);
  const rtcp = rtcpText === undefined ? rtp + 1 : Number(rtcpText);
  return rtp <= 255 && rtcp <= 255 ? { rtp, rtcp } : undefined;
}

/** The even port, and the odd one behind it: RFC 2326, section 12.39. */
export const datagramOffer = ({ rtp, rtcp }: Channels): string => `RTP/AVP;unicast;client_port=${rtp}-${rtcp}`;

/**
 * The ports that the server sends from, 0 where it does not tell; undefined where it does not send datagrams to us alone.
 * What it says of hosts means nothing: who sends is known.
 */
export function serverPortsOf(transport: string | undefined): Channels | undefined {
  const [first = ''] = (transport ?? '').split(',');
  const [profile = '', ...parts] = first.split(';').map(part => part.trim());
  if (!/^RTP\/AVP(?:\/UDP)?$/i.test(profile) || parts.some(part => /^(?:multicast$|interleaved\b)/i.test(part))) {
    return undefined;
  }
  const told = parts.map(part => /^server_port *= *(\d{1,5})(?:-(\d{1,5}))?$/i.exec(part)).find(it => it !== null);
  const [, rtpText = '0', rtcpText] = told ?? [];
  const rtp = Number(rtpText);
  const rtcp = rtcpText === undefined ? rtp + 1 : Number(rtcpText);
  return rtp === 0 || rtp > 65_535 || rtcp > 65_535 ? { rtp: 0, rtcp: 0 } : { rtp, rtcp };
}

const isInterleaved = (part: string): boolean => /^interleaved\b/i.test(part);

export interface SessionHeader {
  readonly id: string;
  readonly timeoutSeconds: number;
}

const USUAL_TIMEOUT_SECONDS = 60;

export function sessionOf(text: string): SessionHeader {
  const [id = '', ...parameters] = text.split(';').map(part => part.trim());
  const told = parameters.map(part => /^timeout *= *(\d{1,9})$/i.exec(part)?.[1]).find(it => it !== undefined);
  const seconds = Number(told ?? 0);
  return { id, timeoutSeconds: seconds > 0 ? seconds : USUAL_TIMEOUT_SECONDS };
}

/** The RTP time at which each track begins, by the address of the track. */
export function beginningsOf(rtpInfo: string | undefined): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const entry of rtpInfo?.split(/,(?=\s*url\s*=)/i) ?? []) {
    const url = /(?:^|;)\s*url\s*=\s*"?([^;"\s]+)/i.exec(entry)?.[1];
    const time = /;\s*rtptime\s*=\s*(\d{1,10})/i.exec(entry)?.[1];
    if (url !== undefined && time !== undefined && Number(time) < 2 ** 32) found.set(url, Number(time));
  }
  return found;
}

/** Which of the entries is a track's: some servers name tracks by less than the whole address. */
export function beginningOf(beginnings: ReadonlyMap<string, number>, uri: string, place: number): number | undefined {
  const exact = beginnings.get(uri);
  if (exact !== undefined) return exact;
  const ending = [...beginnings].find(
    ([url]) => url.length > 0 && (uri.endsWith(`/${url}`) || url.endsWith(tailOf(uri))),
  );
  return ending?.[1] ?? (beginnings.size > 1 ? undefined : place === 0 ? [...beginnings.values()][0] : undefined);
}

const tailOf = (uri: string): string => uri.slice(uri.lastIndexOf('/'));

/** The address that a control attribute stands for, as servers expect it: put behind the base, whatever that ends with. */
export function controlUri(base: string, control: string | undefined): string {
  if (control === undefined || control === '*') return base;
  if (/^rtsps?:\/\//i.test(control)) return control;
  if (base.endsWith('/') && control.startsWith('/')) return base + control.slice(1);
  return base.endsWith('/') || control.startsWith('/') || control.startsWith('?')
    ? base + control
    : `${base}/${control}`;
}

/** The address that control attributes are relative to: RFC 2326, section C.1.1. */
export function baseOf(told: string | undefined, asked: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
  if (told === undefined || !/^rtsps?:\/\/[^\u0000-\u0020\u007f]+$/i.test(told)) return asked;
  return told;
}
