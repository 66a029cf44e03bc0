import { describe, expect, it } from 'vitest';
import { parseAddress } from '../address.ts';
import type { Side } from '../fault.ts';
import { HOSTILE } from './hostile-urls.testsuite.ts';
import { PROGRAMS, type SrtProgram } from './program.ts';
import { srtParameters } from './target.ts';

const [TRANSMIT, FFMPEG] = PROGRAMS;

/** How the program is called for that address, which stands for 192.0.2.1. */
function argumentsOf(program: SrtProgram, url: string, side: Side = 'pull'): readonly string[] {
  const address = parseAddress(url, ['srt']);
  const parameters = srtParameters(address);
  return program.argumentsFor({ side, where: 'there', ip: '192.0.2.1', port: address.port, parameters });
}

describe.each(PROGRAMS.map(program => [program.name, program] as const))('%s', (_, program) => {
  it.each(HOSTILE)('is never called for %s', url => {
    expect(() => argumentsOf(program, url)).toThrow();
  });

  it.each([
    '-i /etc/passwd',
    'a b',
    '"; rm -rf / #',
    '$(reboot) `reboot`',
    "x' -f lavfi",
    '?mode=listener',
    '=x=y',
    '../../etc',
    'pipe:0',
    'é#!::r=live/one,m=publish',
  ])('is told the stream id %s as one word, whichever way it goes', id => {
    for (const side of ['pull', 'push'] as const) {
      const plain = argumentsOf(program, 'srt://h:9000?streamid=plain', side);
      const wicked = argumentsOf(program, `srt://h:9000?streamid=${encodeURIComponent(id)}`, side);
      expect(wicked).toEqual(plain.map(word => word.replace('plain', () => id)));
    }
  });

  it('is given the address that was judged, and no name', () => {
    const words = argumentsOf(program, 'srt://host.example:9000');
    expect(words.filter(word => word.startsWith('srt://'))).toEqual([
      expect.stringMatching(/^srt:\/\/192\.0\.2\.1:9000\?/),
    ]);
    expect(words.join(' ')).not.toContain('host.example');
  });

  it('brackets an address of version 6', () => {
    const call = { side: 'push', where: 'there', ip: '2001:db8::1', port: 9, parameters: new Map() } as const;
    expect(program.argumentsFor(call).join(' ')).toContain('srt://[2001:db8::1]:9?mode=caller');
  });

  it('waits for a caller without a word of calling', () => {
    const words = argumentsOf(program, 'srt://0.0.0.0:9000?mode=listener');
    expect(words.filter(word => word.startsWith('srt://'))).toEqual(['srt://192.0.2.1:9000?mode=listener']);
  });
});

describe('srt-live-transmit', () => {
  it('is told everything in its one address', () => {
    const words = argumentsOf(TRANSMIT, 'srt://h:9000?passphrase=ten.letters&latency=250&payloadsize=1128', 'push');
    expect(words.slice(-2)).toEqual([
      'file://con',
      'srt://192.0.2.1:9000?passphrase=ten.letters&latency=250&payloadsize=1128&mode=caller&conntimeo=5000',
    ]);
  });
});

describe('ffmpeg', () => {
  it('is told free text by itself, and numbers in its own units', () => {
    const words = argumentsOf(FFMPEG, 'srt://h:9000?passphrase=ten.letters&latency=250&payloadsize=1128', 'push');
    expect(words.slice(-3)).toEqual([
      '-passphrase',
      'ten.letters',
      'srt://192.0.2.1:9000?latency=250000&payload_size=1128&mode=caller&connect_timeout=5000',
    ]);
  });

  it('reads and writes bytes, not media', () => {
    for (const side of ['pull', 'push'] as const) {
      const words = argumentsOf(FFMPEG, 'srt://h:9000', side);
      expect(words.flatMap((word, at) => (word === '-f' ? [words[at + 1]] : []))).toEqual(['data', 'data']);
    }
  });
});
