import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressOf, isMediaUrl, mediaPath, mediaUrlProblem } from './media-path.ts';

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

describe('what a person names', () => {
  let cwd: string;
  let mediaDir: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'millrace-media-path-'));
    mediaDir = join(cwd, 'films');
    mkdirSync(join(mediaDir, 'shows'), { recursive: true });
    writeFileSync(join(mediaDir, 'shows', '第 1%?#.mp4'), '');
    writeFileSync(join(cwd, 'outside.mp4'), '');
    symlinkSync(join(cwd, 'outside.mp4'), join(mediaDir, 'link.mp4'));
    symlinkSync(mediaDir, join(cwd, 'also-films'));
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  it.each(['films/shows/第 1%?#.mp4', 'also-films/shows/第 1%?#.mp4', './films/../films/shows/第 1%?#.mp4'])(
    'as the path %s has a media URL that leads there',
    async file => {
      const url = await addressOf(file, { cwd, mediaDir });
      expect(url).toBe('media://shows/%E7%AC%AC%201%25%3F%23.mp4');
      expect(await mediaPath(url, mediaDir)).toContain('第 1%?#.mp4');
    },
  );

  it.each(['media://shows/a.mp4', 'https://files.example/a.mp4'])('as the URL %s is that', async url => {
    expect(await addressOf(url, { cwd, mediaDir })).toBe(url);
  });

  it.each([
    ['outside.mp4', /outside\.mp4 lies outside of the media directory .*films: move or copy it there/],
    ['films/link.mp4', /lies outside/],
    ['films/gone.mp4', /there is no file .*gone\.mp4/],
  ])('as %s has no media URL', async (file, words) => {
    await expect(addressOf(file, { cwd, mediaDir })).rejects.toThrow(words);
  });

  it.each(['films/shows/a.mp4', 'media://a.mp4'])('as %s needs to know the media directory', async text => {
    await expect(addressOf(text, { cwd, mediaDir: undefined })).rejects.toThrow('--media');
    expect(await addressOf('http://h/a.mp4', { cwd, mediaDir: undefined })).toBe('http://h/a.mp4');
  });
});
