import { expect, it } from 'vitest';
import { crc32, SectionReader } from './sections.ts';

/** A payload that brings one section, behind the pointer to it. */
function payload(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.of(2, 0xb0, body.length + 4);
  const section = Buffer.concat([head, body]);
  const crc = Buffer.alloc(4);
  crc.writeInt32BE(crc32(section));
  return Buffer.concat([Buffer.of(0), section, crc, Buffer.alloc(8, 0xff)]);
}

const names = (sections: readonly Buffer[]): string[] => sections.map(it => it.toString('latin1', 3, it.length - 4));

it('gives a section once, however often it is sent, and again behind another one', () => {
  const reader = new SectionReader();
  const sent = ['one', 'one', 'two', 'two', 'one'].map(payload);
  expect(sent.map(bytes => names(reader.push(bytes, true)))).toEqual([['one'], [], ['two'], [], ['one']]);
});

it('gives a section that was cut between two payloads', () => {
  const reader = new SectionReader();
  const whole = payload('whole');
  for (let cut = 1; cut < whole.length - 8; cut++) {
    reader.reset();
    reader.push(payload('another'), true);
    const first = names(reader.push(whole.subarray(0, cut), true));
    expect([...first, ...names(reader.push(whole.subarray(cut), false))], `cut at ${cut}`).toEqual(['whole']);
  }
});

it('gives nothing of a section that is damaged, and the same section whole behind it', () => {
  const reader = new SectionReader();
  const damaged = payload('table');
  damaged[5] = 0;
  expect(names(reader.push(damaged, true))).toEqual([]);
  expect(names(reader.push(payload('table'), true))).toEqual(['table']);
});
