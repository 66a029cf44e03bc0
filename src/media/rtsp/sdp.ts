/** One of the codings that a media line offers: RFC 4566, section 6, `rtpmap` and `fmtp`. */
export interface SdpFormat {
  readonly payloadType: number;
  /** In upper case; empty where nobody has said it. */
  readonly codec: string;
  /** Ticks a second. */
  readonly rate: number;
  readonly channels: number;
  /** By their names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

export interface SdpMedia {
  readonly kind: string;
  readonly control: string | undefined;
  readonly formats: readonly SdpFormat[];
  readonly framesPerSecond: number | undefined;
}

export interface Sdp {
  readonly control: string | undefined;
  readonly media: readonly SdpMedia[];
}

const MOST_MEDIA = 64;
const MOST_FORMATS = 32;
const LONGEST_CONTROL = 2048;

/** Payload types that need no `rtpmap`: RFC 3551, tables 4 and 5, as far as cameras use them. */
const STATIC: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU/8000'],
  [3, 'GSM/8000'],
  [8, 'PCMA/8000'],
  [9, 'G722/8000'],
  [10, 'L16/44100/2'],
  [11, 'L16/44100'],
  [14, 'MPA/90000'],
  [26, 'JPEG/90000'],
  [32, 'MPV/90000'],
  [33, 'MP2T/90000'],
]);

interface Section {
  readonly kind: string;
  readonly payloadTypes: readonly number[];
  /** Attributes by name, the first of each; `rtpmap` and `fmtp` with the payload type: "rtpmap 96". */
  readonly attributes: Map<string, string>;
}

/** Session and media descriptions, as far as a receiver needs them. What cannot be read is passed over. */
export function parseSdp(text: string): Sdp {
  const session: Section = { kind: '', payloadTypes: [], attributes: new Map() };
  const sections: Section[] = [];
  let present: Section | undefined = session;
  for (const line of text.split(/[\r\n]+/)) {
    if (line.startsWith('m=')) {
      present = sections.length < MOST_MEDIA ? mediaOf(line) : undefined;
      if (present !== undefined) sections.push(present);
    } else if (line.startsWith('a=') && present !== undefined) note(present, line.slice(2));
  }
  return { control: controlOf(session), media: sections.filter(isForUs).map(describe) };
}

function mediaOf(line: string): Section | undefined {
  const [, kind, formats] = /^m=(\w+) +\S+ +\S+ +(.*)$/.exec(line) ?? [];
  if (kind === undefined || formats === undefined) return undefined;
  const payloadTypes = formats.trim().split(/ +/).slice(0, MOST_FORMATS).map(Number);
  return { kind, payloadTypes: payloadTypes.filter(type => type >= 0 && type < 128), attributes: new Map() };
}

function note({ attributes }: Section, text: string): void {
  const [, name = '', value = ''] = /^([^:]+):?(.*)$/.exec(text) ?? [];
  const [, type, rest] = /^(\d{1,3}) +(.*)$/.exec(value.trim()) ?? [];
  const isOfFormat = (name === 'rtpmap' || name === 'fmtp') && type !== undefined;
  const key = isOfFormat ? `${name} ${Number(type)}` : name.trim();
  if (!attributes.has(key)) attributes.set(key, isOfFormat ? (rest ?? '') : value.trim());
}

/** A way back to the camera's loudspeaker is described among its media, and says that it takes. */
const isForUs = ({ attributes }: Section): boolean => !attributes.has('sendonly') && !attributes.has('inactive');

function describe(section: Section): SdpMedia {
  const framesPerSecond = Number(section.attributes.get('framerate'));
  return {
    kind: section.kind,
    control: controlOf(section),
    formats: section.payloadTypes.map(type => formatOf(section, type)),
    framesPerSecond: framesPerSecond > 0 && framesPerSecond <= 1000 ? framesPerSecond : undefined,
  };
}

/** Not one that would break out of its line in a request. */
function controlOf({ attributes }: Section): string | undefined {
  const control = attributes.get('control');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
  const isUsable = control !== undefined && control !== '' && !/[\u0000-\u0020\u007f]/.test(control);
  return isUsable && control.length <= LONGEST_CONTROL ? control : undefined;
}

function formatOf({ attributes }: Section, payloadType: number): SdpFormat {
  const map = attributes.get(`rtpmap ${payloadType}`) ?? STATIC.get(payloadType) ?? '';
  const [codec = '', rate = '', channels = ''] = map.trim().split('/');
  return {
    payloadType,
    codec: codec.toUpperCase(),
    rate: /^\d{1,9}$/.test(rate) ? Number(rate) : 0,
    channels: /^\d{1,2}$/.test(channels) ? Number(channels) : 1,
    parameters: parametersOf(attributes.get(`fmtp ${payloadType}`) ?? ''),
  };
}

function parametersOf(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').map(pair => pair.trim());
  const named = pairs.filter(pair => pair !== '').map(pair => /^([^=]*)=?(.*)$/s.exec(pair) ?? []);
  return new Map(named.map(([, name = '', value = '']) => [name.trim().toLowerCase(), value.trim()]));
}
