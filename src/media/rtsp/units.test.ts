import { describe, expect, it } from 'vitest';
import { avcPayload, hevcPayload, type PayloadFormat, type UnitTaker } from './units.ts';

/** What the format finds in payloads, as hex; `!` for one that is damaged. */
function units(format: PayloadFormat, ...payloads: string[]): string[] {
  const found: string[] = [];
  let open: Buffer[] | undefined;
  const taker: UnitTaker = {
    whole: (bytes, from, to) => found.push(bytes.toString('hex', from, to)),
    begin: head => {
      open = [Buffer.from(head)];
    },
    piece: (bytes, from, to) => {
      open?.push(Buffer.from(bytes.subarray(from, to)));
      return open !== undefined;
    },
    finish: () => {
      found.push(Buffer.concat(open ?? []).toString('hex'));
      open = undefined;
    },
  };
  for (const hex of payloads) {
    const bytes = Buffer.from(`ee${hex}ee`, 'hex');
    if (!format(bytes, 1, bytes.length - 1, taker)) found.push('!');
  }
  return found;
}

describe('payloads of H.264', () => {
  it('are single units, aggregates and fragments', () => {
    expect(units(avcPayload, '6512')).toEqual(['6512']);
    expect(units(avcPayload, '780002670100036801ff')).toEqual(['6701', '6801ff']);
    expect(units(avcPayload, '7c85aa', '7c05bb', '7c45cc')).toEqual(['65aabbcc']);
    expect(units(avcPayload, '5cc1aa')).toEqual(['41aa']);
  });

  it('may carry decoding order numbers', () => {
    expect(units(avcPayload, '79000900026701')).toEqual(['6701']);
    expect(units(avcPayload, '7d850009aa', '7c45bb')).toEqual(['65aabb']);
  });

  it('may be a byte stream', () => {
    expect(units(avcPayload, '00000001670100000168020000000165aa')).toEqual(['6701', '6802', '65aa']);
  });

  it('are damaged where a fragment has no beginning, or an aggregate lies', () => {
    expect(units(avcPayload, '7c05bb')).toEqual(['!']);
    expect(units(avcPayload, '7800096701')).toEqual(['!']);
    expect(units(avcPayload, '7800000000')).toEqual(['!']);
    expect(units(avcPayload, '78')).toEqual(['!']);
    expect(units(avcPayload, '7c')).toEqual(['!']);
    expect(units(avcPayload, '7c85')).toEqual(['!']);
    expect(units(avcPayload, '00aabb')).toEqual(['!']);
    expect(units(avcPayload, '7eaabb')).toEqual(['!']);
  });
});

describe('payloads of H.265', () => {
  const plain = hevcPayload(false);
  const ordered = hevcPayload(true);

  it('are single units, aggregates and fragments', () => {
    expect(units(plain, '260112')).toEqual(['260112']);
    expect(units(plain, '60010003400101000442010202')).toEqual(['400101', '42010202']);
    expect(units(plain, '620193aa', '620113bb', '620153cc')).toEqual(['2601aabbcc']);
  });

  it('may carry decoding order numbers', () => {
    expect(units(ordered, '2601000912')).toEqual(['260112']);
    expect(units(ordered, '600100090003400101070003420102')).toEqual(['400101', '420102']);
    expect(units(ordered, '6201930009aa', '620153bb')).toEqual(['2601aabb']);
  });

  it('are damaged where a fragment has no beginning, or an aggregate lies', () => {
    for (const payload of ['620153cc', '60010009400101', '6001', '6201', '620193', '26', '640101', '6001000040']) {
      expect(units(plain, payload)).toEqual(['!']);
    }
  });
});

it('never reads past a payload, whatever it holds', () => {
  let seed = 11;
  const dice = (sides: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % sides;
  };
  const guard: UnitTaker = {
    whole: (bytes, from, to) => expect(from >= 0 && from <= to && to <= bytes.length).toBe(true),
    begin: () => undefined,
    piece: (bytes, from, to) => from <= to && to <= bytes.length,
    finish: () => undefined,
  };
  for (const format of [avcPayload, hevcPayload(false), hevcPayload(true)]) {
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.from(Array.from({ length: 1 + dice(24) }, () => dice(256)));
      const types = [0x78, 0x7c, 0x60, 0x62, 0x00];
      if (dice(2) === 0) bytes[0] = types[dice(types.length)] ?? 0;
      format(bytes, 0, bytes.length, guard);
    }
  }
});
