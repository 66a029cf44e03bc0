import { describe, expect, it } from 'vitest';
import type { Progress } from './doors.ts';
import { ProgressPrinter, progressLine } from './progress.ts';

const at = (elapsedMs: number, bytes: number): Progress => ({
  elapsedMs,
  bytesIn: bytes,
  bytesOut: bytes / 2,
  dropped: 3,
  note: '',
});

function print(live: boolean, upTo: number): string {
  let text = '';
  const printer = new ProgressPrinter({
    live,
    write: more => {
      text += more;
    },
  });
  for (let second = 1; second <= upTo; second++) printer.show(at(second * 1000, second * 250_000));
  printer.close();
  printer.close();
  return text;
}

describe('progress', () => {
  it('tells time, rates since the last line, drops, and what keeps it from flowing', () => {
    expect(progressLine({ ...at(3_723_000, 1_000_000), note: 'source is silent' }, at(3_722_000, 750_000))).toBe(
      '01:02:03  in 2.00 Mbit/s  out 1.00 Mbit/s  dropped 3  source is silent',
    );
  });

  it('rewrites one line on a screen and ends it once', () => {
    const text = print(true, 3);
    const [before, ...lines] = text.split('\r\u001b[K');
    expect(before).toBe('');
    expect(lines.map(line => line.slice(0, 10))).toEqual(['00:00:01  ', '00:00:02  ', '00:00:03  ']);
    expect(text.match(/\n/g)).toHaveLength(1);
  });

  it('prints a line every five seconds elsewhere, without control characters', () => {
    const lines = print(false, 12).trimEnd().split('\n');
    expect(lines.map(line => line.slice(0, 8))).toEqual(['00:00:01', '00:00:06', '00:00:11']);
    expect(lines.join('')).not.toContain('\u001b');
  });
});
