import { expect, it } from 'vitest';
import { AccessUnit } from './access-unit.ts';

const bytes = (length: number, value: number): Buffer => Buffer.alloc(length, value);

it('puts units of any size behind their lengths, and pictures behind each other', () => {
  const unit = new AccessUnit();
  const seen: string[] = [];
  for (const [n, length] of [5, 70_000, 3, 200_000, 1].entries()) {
    unit.begin();
    for (const part of [length, 2]) {
      unit.beginUnit();
      unit.putByte(n);
      unit.put(bytes(part, n + 1), 0, part);
      unit.endUnit();
    }
    const whole = unit.buffer.subarray(unit.start, unit.end);
    expect(whole).toEqual(
      Buffer.concat([
        lengthOf(length + 1),
        Buffer.of(n),
        bytes(length, n + 1),
        lengthOf(3),
        Buffer.of(n),
        bytes(2, n + 1),
      ]),
    );
    expect(unit.start).toBeGreaterThanOrEqual(8);
    seen.push(`${whole.length}`);
  }
  expect(seen).toEqual(['17', '70012', '15', '200012', '13']);
});

it('forgets a unit, and a picture', () => {
  const unit = new AccessUnit();
  unit.begin();
  unit.beginUnit();
  unit.putByte(1);
  unit.endUnit();
  unit.beginUnit();
  unit.put(bytes(100_000, 2), 0, 100_000);
  expect(unit.isOpen).toBe(true);
  unit.dropUnit();
  expect(unit.buffer.subarray(unit.start, unit.end).toString('hex')).toBe('0000000101');
  unit.drop();
  expect(unit.isEmpty).toBe(true);
});

it('does not believe in pictures of more than 16 MB', () => {
  const unit = new AccessUnit();
  unit.begin();
  unit.beginUnit();
  const part = bytes(1024 * 1024, 0);
  const putAll = (): void => {
    for (let n = 0; n < 17; n++) unit.put(part, 0, part.length);
  };
  expect(putAll).toThrow(expect.objectContaining({ kind: 'garbage', side: 'pull' }));
});

function lengthOf(length: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(length);
  return out;
}
