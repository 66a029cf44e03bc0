/** H.264 written by hand: grey pictures of any size in a few bytes, which every decoder takes. */

/** Bits, most significant first, as H.264 writes its headers: ISO/IEC 14496-10, section 7.2 and 9.1. */
class Bits {
  #text = '';

  fixed(value: number, bits: number): this {
    this.#text += value.toString(2).padStart(bits, '0');
    return this;
  }

  /** Exp-Golomb. */
  ue(...values: readonly number[]): this {
    for (const value of values) {
      const binary = (value + 1).toString(2);
      this.#text += '0'.repeat(binary.length - 1) + binary;
    }
    return this;
  }

  /** With the stop bit, and the bytes that would look like a start code broken up: section 7.4.1. */
  unit(header: number): Buffer {
    const bits = `${this.#text}1`;
    const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
    const bytes: number[] = [];
    let zeros = 0;
    for (let at = 0; at < padded.length; at += 8) {
      const byte = Number.parseInt(padded.slice(at, at + 8), 2);
      if (zeros >= 2 && byte <= 3) {
        bytes.push(3);
        zeros = 0;
      }
      bytes.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return Buffer.from([header, ...bytes]);
  }
}

const BASELINE = 66;
const LEVEL = 31;
const FRAME_NUMBER_BITS = 8;
/** More pictures between two key frames would need a larger frame number. */
export const LONGEST_GOP = 250;

export interface Size {
  readonly width: number;
  readonly height: number;
}

const blocksOf = ({ width, height }: Size): { wide: number; high: number } => ({ wide: width / 16, high: height / 16 });

/** Section 7.3.2.1.1; sizes are multiples of 16. */
function sps(size: Size): Buffer {
  const { wide, high } = blocksOf(size);
  const bits = new Bits().fixed(BASELINE, 8).fixed(0xc0, 8).fixed(LEVEL, 8);
  bits.ue(0, FRAME_NUMBER_BITS - 4, 2, 1).fixed(0, 1);
  return bits
    .ue(wide - 1, high - 1)
    .fixed(0b1100, 4)
    .unit(0x67);
}

/** Section 7.3.2.2, with deblocking said in each slice. */
const pps = (): Buffer =>
  new Bits().ue(0, 0).fixed(0, 2).ue(0, 0, 0).fixed(0, 3).ue(0, 0, 0).fixed(0b100, 3).unit(0x68);

/** The AVCDecoderConfigurationRecord as an FLV video body. */
export function videoHeader(size: Size): Buffer {
  const [set, other] = [sps(size), pps()];
  return Buffer.concat([
    Buffer.of(0x17, 0, 0, 0, 0, 1, BASELINE, 0xc0, LEVEL, 0xff, 0xe1, 0, set.length),
    set,
    Buffer.of(1, 0, other.length),
    other,
  ]);
}

/** A grey picture: each block predicted from its neighbours, nothing left over. */
export function keySlice(size: Size, idrId: number): Buffer {
  const { wide, high } = blocksOf(size);
  const bits = new Bits().ue(0, 7, 0).fixed(0, FRAME_NUMBER_BITS).ue(idrId).fixed(0, 2).ue(0, 1);
  for (let i = 0; i < wide * high; i++) bits.ue(3, 0, 0).fixed(1, 1);
  return bits.unit(0x65);
}

/** The same picture again; `place` counts from the key frame on, and every odd one is referred to by none. */
export function copySlice(size: Size, place: number): Buffer {
  const { wide, high } = blocksOf(size);
  const isReference = place % 2 === 0;
  const bits = new Bits()
    .ue(0, 5, 0)
    .fixed(Math.ceil(place / 2), FRAME_NUMBER_BITS)
    .fixed(0, 2);
  if (isReference) bits.fixed(0, 1);
  return bits
    .ue(0, 1)
    .ue(wide * high)
    .unit(isReference ? 0x41 : 0x01);
}
