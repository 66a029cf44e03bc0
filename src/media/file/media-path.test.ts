import { describe, expect, it } from 'vitest';
import { isMediaUrl, mediaUrlProblem } from './media-path.ts';

describe('a media URL', () => {
  it.each(['media://film.mp4', 'media://shows/%E7%AC%AC%20one.mp4', 'media://a..b/.hidden'])('%s will do', url => {
    expect(mediaUrlProblem(url, '/srv/media')).toBeUndefined();
  });

  it.each([
    ['media://', /missing/],
    ['media://../etc/passwd', /".."/],
    ['media://shows/%2e%2e/%2e%2e/etc/passwd', /".."/],
    ['media:///etc/passwd', /absolute/],
    ['media://a//b', /empty part/],
    ['media://a%5cb', /backslash/],
    ['media://a%00b', /zero byte/],
    ['media://a%0ab', /control/],
    ['media://a?b', /question mark/],
    ['media://%ff', /UTF-8/],
  ])('%s is refused before anything is looked up', (url, rule) => {
    expect(mediaUrlProblem(url, '/srv/media')).toMatch(rule);
  });

  it('is refused where no directory is configured', () =>
    expect(mediaUrlProblem('media://film.mp4', null)).toContain('no media directory is configured'));

  it('is known by its scheme, however it is written', () => {
    expect([isMediaUrl('MEDIA://a'), isMediaUrl('media:a'), isMediaUrl('http://h/media://a')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
