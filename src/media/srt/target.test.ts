import { describe, expect, it } from 'vitest';
import { parseAddress } from '../address.ts';
import { HOSTILE } from './hostile-urls.testsuite.ts';
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

  it.each(HOSTILE)('%s is refused, and told why without its values', (url, why) => {
    const said = problem(url);
    expect(said).toContain(why);
    expect(said).not.toContain('x'.repeat(80));
  });
});
