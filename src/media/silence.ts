import { parseAacConfig } from './codec/aac.ts';
import type { Batch } from './packet.ts';

const FRAME_SAMPLES = 1024;
const AAC_LC = 2;
const SEQUENCE_HEADER = Buffer.of(0xaf, 0);
/** AAC-LC, 48 kHz, stereo. */
const USUAL_HEADER = Buffer.concat([SEQUENCE_HEADER, Buffer.of(0x11, 0x90)]);

/**
 * raw_data_block with one element whose spectrum is empty (max_sfb 0): ISO/IEC 14496-3, sections 4.4.2.1 to 4.4.2.7.
 * ics_info is reserved bit, window_sequence, window_shape, max_sfb, predictor_data_present; the three bits at the end of a
 * channel say that it has no pulse, temporal noise shaping or gain data.
 */
const ICS_INFO = '0 00 0 000000 0';
const MONO = fromBits(`000 0000  00000000 ${ICS_INFO} 000  111`);
const STEREO = fromBits(`001 0000 1 ${ICS_INFO} 00  00000000 000  00000000 000  111`);

/** Sound for items that have none, for destinations that take no stream without: silent AAC in step with video. */
export class Silence {
  /** The codec header of the frames to come. */
  readonly header: Buffer;
  readonly #frame: Buffer;
  readonly #frameMs: number;
  #frames = 0;

  /** `inForce`: the codec header that a destination has; kept where silence can be said in its terms. */
  constructor(inForce: Buffer | undefined) {
    const fitting = inForce === undefined ? undefined : termsOf(inForce);
    const { header, sampleRate, channels } = fitting ?? { header: USUAL_HEADER, sampleRate: 48_000, channels: 2 };
    this.header = header;
    this.#frame = Buffer.concat([Buffer.of(0xaf, 1), channels === 1 ? MONO : STEREO]);
    this.#frameMs = (FRAME_SAMPLES * 1000) / sampleRate;
  }

  /** Appends the frames that begin before `untilMs`. */
  fill(into: Batch, untilMs: number): void {
    for (let dtsMs = this.#nextMs(); dtsMs < untilMs; dtsMs = this.#nextMs()) {
      const packet = into.next();
      packet.reset('audio', dtsMs);
      packet.addSpan(this.#frame, 0, this.#frame.length);
      this.#frames++;
    }
  }

  #nextMs(): number {
    return Math.round(this.#frames * this.#frameMs);
  }
}

function termsOf(header: Buffer): { header: Buffer; sampleRate: number; channels: number } | undefined {
  if (header[0] === undefined || header[0] >> 4 !== 10) return undefined;
  const config = parseAacConfig(header.subarray(2));
  if (config === undefined || config.objectType !== AAC_LC) return undefined;
  return config.channels === 1 || config.channels === 2 ? { header, ...config } : undefined;
}

function fromBits(text: string): Buffer {
  const bytes = text.replaceAll(' ', '').match(/.{1,8}/g) ?? [];
  return Buffer.from(bytes.map(bits => Number.parseInt(bits.padEnd(8, '0'), 2)));
}
