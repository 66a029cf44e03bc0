/** What is known of a stream's codecs by their names; undefined where the track is not there. */
export interface Codecs {
  readonly video: string | undefined;
  readonly audio: string | undefined;
}

export type DestinationKind = 'rtmp' | 'enhancedRtmp' | 'srt';

export interface Verdict {
  /** `change`: it can be relayed, and not all of it arrives as it is. */
  readonly copies: 'yes' | 'change' | 'no';
  /** One sentence, where it is not simply yes. */
  readonly because: string;
}

const NAMES: Readonly<Record<DestinationKind, string>> = {
  rtmp: 'plain RTMP',
  enhancedRtmp: 'enhanced RTMP',
  srt: 'SRT',
};

const VIDEO: Readonly<Record<DestinationKind, readonly string[]>> = {
  rtmp: ['H.264'],
  enhancedRtmp: ['H.264', 'H.265', 'AV1', 'VP9'],
  srt: ['H.264', 'H.265'],
};
const AUDIO: Readonly<Record<DestinationKind, readonly string[]>> = {
  rtmp: ['AAC', 'MP3'],
  enhancedRtmp: ['AAC', 'MP3', 'Opus', 'FLAC', 'AC-3', 'E-AC-3'],
  srt: ['AAC', 'MP3', 'Opus'],
};

/** Whether a stream of these codecs can be copied to such a destination. */
export function verdictFor(kind: DestinationKind, { video, audio }: Codecs): Verdict {
  const takesVideo = video === undefined || VIDEO[kind].includes(video);
  const takesAudio = audio === undefined || AUDIO[kind].includes(audio);
  if (video === undefined && audio === undefined)
    return { copies: 'no', because: 'there is neither picture nor sound' };
  if (takesVideo && takesAudio) return { copies: 'yes', because: '' };
  if (!takesVideo) return { copies: 'no', because: `${NAMES[kind]} cannot carry ${video}` };
  if (video === undefined) return { copies: 'no', because: `${NAMES[kind]} cannot carry ${audio}` };
  return { copies: 'change', because: `${NAMES[kind]} cannot carry ${audio}: the sound would be left out` };
}

export const verdicts = (codecs: Codecs): Readonly<Record<DestinationKind, Verdict>> => ({
  rtmp: verdictFor('rtmp', codecs),
  enhancedRtmp: verdictFor('enhancedRtmp', codecs),
  srt: verdictFor('srt', codecs),
});
