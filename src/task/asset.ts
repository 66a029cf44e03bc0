/** A name that stands for a file: lists say `asset://ID`, and what it leads to is looked up when it is played. */
export interface Asset {
  /** Unique in its account. */
  readonly id: string;
  readonly accountId: string;
  /** `media://…` or http(s). May carry a signature, so it is shown to its owner only. */
  readonly url: string;
  readonly createdAt: number;
  /** What was found when it was added; null where nobody looked. */
  readonly probe: Probe | null;
}

/** What a file holds, as far as it was looked through; what it does not tell is left out. */
export interface Probe {
  readonly durationMs?: number;
  readonly video?: ProbedVideo;
  readonly audio?: ProbedAudio;
  readonly keyFrames: KeyFrames;
  readonly bytes?: number;
  /** What an operator should know before it goes on air; sentences. */
  readonly notes: readonly string[];
}

export interface ProbedVideo {
  readonly codec: string;
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
}

export interface ProbedAudio {
  readonly codec: string;
  readonly sampleRate?: number;
  readonly channels?: number;
}

/** Where the picture can be started; the last gap reaches to the end of the file. */
export interface KeyFrames {
  readonly count: number;
  readonly longestGapMs: number;
}

const SCHEME = 'asset://';
const MOST_CHARACTERS = 128;

/** Any word without white space and invisible characters: the clouds' media ids and what operators make up. */
export const isAssetId = (text: string): boolean => text.length <= MOST_CHARACTERS && /^[^\p{C}\p{Z}]+$/u.test(text);

export const assetUrl = (id: string): string => SCHEME + encodeURIComponent(id);

export const isAssetUrl = (url: string): boolean => url.slice(0, SCHEME.length).toLowerCase() === SCHEME;

/** The id that the URL names; undefined where it names none. What parts a URL has to be percent-encoded in an id. */
export function assetId(url: string): string | undefined {
  const name = url.slice(SCHEME.length);
  if (!isAssetUrl(url) || /[/?#\\]/.test(name)) return undefined;
  const id = decoded(name);
  return id !== undefined && isAssetId(id) ? id : undefined;
}

/** The broken rule of an asset URL as a sentence; undefined where it will do, whether there is such an asset or not. */
export const assetUrlProblem = (url: string): string | undefined =>
  assetId(url) === undefined ? 'a media asset is named asset://ID, where the ID is percent-encoded' : undefined;

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
