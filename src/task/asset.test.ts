import { describe, expect, it } from 'vitest';
import { assetId, assetUrl, assetUrlProblem, isAssetId, isAssetUrl } from './asset.ts';

describe('the id of an asset', () => {
  it.each(['c40a6c8c1f5e4d7c9f0b2a3d4e5f6071', 'news/2026-11', 'Überblick', '片头', '100%', 'a?b#c', '.'])(
    'may be %s, and is found again in its URL',
    id => {
      expect(isAssetId(id)).toBe(true);
      expect(assetUrl(id)).toMatch(/^asset:\/\/[\w.%-]+$/);
      expect(assetId(assetUrl(id))).toBe(id);
    },
  );

  it.each([
    ['nothing', ''],
    ['white space', 'a b'],
    ['a line break', 'a\nb'],
    ['half a character', '\ud800'],
    ['what cannot be seen', 'a\u200bb'],
    ['more than 128 characters', 'a'.repeat(129)],
  ])('is not %s', (_, text) => {
    expect(isAssetId(text)).toBe(false);
  });
});

describe('a URL', () => {
  it.each([
    ['asset://abc', 'abc'],
    ['ASSET://abc', 'abc'],
    ['asset://%E7%89%87', '片'],
    ['asset://a%2Fb', 'a/b'],
  ])('%s names an asset', (url, id) => {
    expect(isAssetUrl(url)).toBe(true);
    expect(assetId(url)).toBe(id);
    expect(assetUrlProblem(url)).toBeUndefined();
  });

  it.each([
    'asset://',
    'asset://a/b',
    'asset://a?b',
    'asset://a#b',
    'asset://a\\b',
    'asset://%',
    'asset://%ff',
    'asset://%20',
    'asset:abc',
    'media://abc',
  ])('%s names none', url => {
    expect(assetId(url)).toBeUndefined();
    expect(assetUrlProblem(url)).toContain('asset://ID');
  });
});
