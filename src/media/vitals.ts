/** What a watch over a relay wants to know once a second; all of it is counted anyway. */
export interface Vitals {
  /** A source is on air, and what of it could be started from has come. Of files: while they are played to somebody. */
  readonly pulling: boolean;
  readonly isLive: boolean;
  /** Output time that has come in. */
  readonly mediaMs: number;
  /** Ticks so far in which a file was held back because its destination was slow. */
  readonly held: number;
  /** Which tracks the source has shown, and the one that has not come for some seconds while the other goes on. */
  readonly shows: { readonly video: boolean; readonly audio: boolean };
  readonly gone: 'video' | 'audio' | undefined;
  /** Since the last key frame; 0 where there is no video to wait for. */
  readonly keylessMs: number;
  /** How far key frames are apart; 0 while it is not known. */
  readonly usualGopMs: number;
}
