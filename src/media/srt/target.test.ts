import { describe, expect, it } from 'vitest';
import { parseAddress } from '../address.ts';
import { srtParameters } from './target.ts';

const read = (url: string): Record<string, string> => Object.fromEntries(srtParameters(parseAddress(url, ['srt'])));
const problem = (url: string): string => {
  try {
    read(url);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('an SRT address', () => {
  it('says how the peer wants to be called', () => {
    expect(read('srt://h:9000')).toEqual({});
    expect(read('srt://h:9000?mode=caller&latency=200&streamid=live/one')).toEqual({
      mode: 'caller',
      latency: '200',
      streamid: 'live/one',
    });
  });

  it('may spell a stream id plainly or escaped, which is undone once', () => {
    const id = '#!::r=live/one,m=publish,u=a+b';
    expect(read(`srt://h:9000?streamid=${id}`).streamid).toBe(id);
    expect(read(`srt://h:9000?streamid=${encodeURIComponent(id)}`).streamid).toBe(id);
    expect(read('srt://h:9000?streamid=a%2526b').streamid).toBe('a%26b');
  });

  it.each([
    ['srt://h:9000?mode=server', '"mode" of the SRT URL must be one of caller, listener'],
    ['srt://h:9000?mode=rendezvous', '"mode"'],
    ['srt://h:9000?passphrase=ninechars', '"passphrase" of the SRT URL must have 10 to 79 characters'],
    [`srt://h:9000?passphrase=${'x'.repeat(80)}`, '"passphrase"'],
    [`srt://h:9000?streamid=${'x'.repeat(513)}`, '"streamid" of the SRT URL must have 0 to 512 characters'],
    ['srt://h:9000?latency=-1', '"latency" of the SRT URL must be a number'],
    ['srt://h:9000?latency=1e3', '"latency"'],
    ['srt://h:9000?latency=', '"latency"'],
    ['srt://h:9000?latency=30001', '"latency"'],
    ['srt://h:9000?pbkeylen=17', '"pbkeylen"'],
    ['srt://h:9000?streamid=a%26mode=listener', '"streamid"'],
    ['srt://h:9000?streamid=a%0ab', '"streamid"'],
    ['srt://h:9000?streamid=a%00b', '"streamid"'],
    ['srt://h:9000?streamid=%zz', 'percent sign'],
    ['srt://h:9000?adapter=0.0.0.0', 'cannot carry this parameter'],
    ['srt://h:9000?bind=0.0.0.0:53', 'cannot carry this parameter'],
    ['srt://h:9000?port=53', 'cannot carry this parameter'],
    ['srt://h:9000?localport=53', 'cannot carry this parameter'],
    ['srt://h:9000?groupconnect=1', 'cannot carry this parameter'],
    ['srt://h:9000?latency=1&LATENCY=2', 'more than once'],
    ['srt://h:9000?=x', 'cannot carry this parameter'],
    ['srt://user:pass@h:9000', 'user name'],
    ['srt://h:9000/live/one', 'must not have a path'],
    ['srt://h:9000/;rm -rf?x', 'whitespace'],
  ])('%s is refused, and told why without its values', (url, why) => {
    const said = problem(url);
    expect(said).toContain(why);
    expect(said).not.toContain('x'.repeat(80));
  });
});
