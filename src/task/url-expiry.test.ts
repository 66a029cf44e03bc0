import { describe, expect, it } from 'vitest';
import { expiryOf } from './url-expiry.ts';

const AT = Date.parse('2026-11-21T10:00:00Z');
const seconds = AT / 1_000;
const hex = seconds.toString(16);

describe('the expiry of a signed address', () => {
  it.each([
    ['X-Amz-Date=20261121T090000Z&X-Amz-Expires=3600&X-Amz-Signature=a'],
    ['X-Goog-Date=20261121T090000Z&X-Goog-Expires=3600'],
    ['x-obs-date=20261121T090000Z&x-obs-expires=3600'],
    ['x-oss-date=20261121T090000Z&x-oss-expires=3600'],
    [`Expires=${seconds}&OSSAccessKeyId=x&Signature=y`],
    [`expires_at=${seconds}`],
    [`e=${seconds}&token=x`],
    [`hdnts=st=1~exp=${seconds}~acl=/*`],
    [`hdnea=exp=${seconds}`],
    [`txSecret=x&txTime=${hex}`],
    [`hwSecret=x&hwTime=${hex.toUpperCase()}`],
    [`auth_key=${seconds}-0-0-abc`],
    ['sig=x&se=2026-11-21T10%3A00%3A00Z'],
  ])('is read from ?%s', query => {
    expect(expiryOf(`https://media.example.com/a.mp4?${query}`)).toBe(AT);
  });

  it('is the earliest of those there are', () => {
    expect(expiryOf(`https://a/b?e=${seconds + 60}&expires=${seconds}`)).toBe(AT);
  });

  it.each([
    ['https://a/b'],
    ['https://a/b?'],
    ['https://a/b?e=12'],
    ['https://a/b?expires'],
    ['https://a/b?se=soon'],
    ['https://a/b?txTime=xyz'],
    ['https://a/b?auth_key=none'],
    ['https://a/b?X-Amz-Date=20261121T090000Z'],
    ['https://a/b?X-Amz-Date=today&X-Amz-Expires=3600'],
    ['https://a/b?X-Amz-Date=20261121T090000Z&X-Amz-Expires=1e9'],
    [`https://a/b#?e=${seconds}#`.replace('?', '')],
  ])('is not known of %s', url => {
    expect(expiryOf(url)).toBeUndefined();
  });
});
