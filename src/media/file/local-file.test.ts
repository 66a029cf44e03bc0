import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import { openLocalFile } from './local-file.ts';
import { patternBytes } from './scripted-file-server.ts';

const SIZE = 700_001;
const never = new AbortController().signal;
const files: FileBytes[] = [];
let folder: string;
let mediaDir: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-media-'));
  mediaDir = path.join(folder, 'media');
  mkdirSync(path.join(mediaDir, 'shows'), { recursive: true });
  writeFileSync(path.join(mediaDir, 'film.mp4'), patternBytes(0, SIZE));
  writeFileSync(path.join(mediaDir, 'shows', '第一 集.mp4'), 'one');
  writeFileSync(path.join(mediaDir, '%2e%2e'), 'dots');
  writeFileSync(path.join(folder, 'secret'), 'secret');
});

afterEach(() => {
  for (const file of files.splice(0)) file.close();
  rmSync(folder, { recursive: true });
});

async function open(name: string, dir: string | undefined = mediaDir): Promise<FileBytes> {
  const file = await openLocalFile(`media://${name}`, { mediaDir: dir, signal: never });
  files.push(file);
  return file;
}

const failing = (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error)),
  );

const text = async (file: FileBytes): Promise<string> => (await file.read(0, 100, never)).toString();

describe('a file of the media directory', () => {
  it('is read anywhere, by waiting or at once', async () => {
    const file = await open('film.mp4');
    expect(file).toMatchObject({ size: SIZE, seekable: true });
    expect(await file.read(1000, 100, never)).toEqual(patternBytes(1000, 1100));
    expect(file.take(SIZE - 5, 100)).toEqual(patternBytes(SIZE - 5, SIZE));
    expect(file.take(0, SIZE)?.equals(patternBytes(0, SIZE))).toBe(true);
    expect(file.take(SIZE, 1)).toHaveLength(0);
    expect(await file.read(SIZE + 5, 1, never)).toHaveLength(0);
  });

  it('gives the same bytes whatever is asked, and keeps the views of one turn', async () => {
    const file = await open('film.mp4');
    const views: [number, number, Buffer | undefined][] = [];
    let at = 0;
    for (let i = 0; i < 500; i++) {
      const length = 1 + ((i * 7919) % (i % 50 === 0 ? 200_000 : 3000));
      at = i % 3 === 0 ? (at + 300_000) % SIZE : (at + length) % SIZE;
      views.push([at, Math.min(SIZE, at + length), file.take(at, length)]);
    }
    for (const [from, to, view] of views) expect(view?.equals(patternBytes(from, to))).toBe(true);
  });

  it('is named in any letters, percent-encoded once', async () => {
    expect(await text(await open('shows/%E7%AC%AC%E4%B8%80%20%E9%9B%86.mp4'))).toBe('one');
    expect(await text(await open('%252e%252e'))).toBe('dots');
  });

  it('may be a symbolic link that stays inside', async () => {
    symlinkSync('shows/第一 集.mp4', path.join(mediaDir, 'link.mp4'));
    expect(await text(await open('link.mp4'))).toBe('one');
  });

  it.each([
    ['grows', () => appendFileSync(path.join(mediaDir, 'film.mp4'), 'more')],
    ['shrinks', () => writeFileSync(path.join(mediaDir, 'film.mp4'), 'short')],
  ])('is not played on when it %s', async (_, change) => {
    const file = await open('film.mp4');
    file.take(0, 10);
    change();
    expect(() => file.take(500_000, 10)).toThrow('the file has changed while it was played');
    expect((await failing(file.read(500_000, 10, never))).message).toContain('has changed');
  });

  it('has another validator once it was written anew', async () => {
    const before = (await open('film.mp4')).validator;
    appendFileSync(path.join(mediaDir, 'film.mp4'), 'more');
    expect((await open('film.mp4')).validator).not.toBe(before);
  });

  it('is closed once and for all', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const file = await open('film.mp4');
    expect(descriptors()).toBe(before + 1);
    file.close();
    file.close();
    expect(() => file.take(0, 1)).toThrow('was closed');
    expect((await failing(file.read(0, 1, never))).kind).toBe('closed');
    await vi.waitFor(() => expect(descriptors()).toBe(before));
  });

  it('refuses offsets and lengths that only damage can explain', async () => {
    const file = await open('film.mp4');
    expect(() => file.take(0.5, 1)).toThrow('is damaged');
    expect(() => file.take(0, -1)).toThrow('is damaged');
    expect(() => file.take(0, 2 ** 60)).toThrow('is damaged');
  });
});

describe('the media directory', () => {
  it.each([
    ['../secret', '"."'],
    ['shows/../../secret', '"."'],
    ['%2e%2e/secret', '"."'],
    ['..%2fsecret', '"."'],
    ['./film.mp4', '"."'],
    ['/etc/passwd', 'absolute'],
    ['%2fetc/passwd', 'absolute'],
    ['shows//a', 'empty part'],
    ['shows/', 'empty part'],
    ['', 'missing'],
    ['film.mp4%00', 'zero byte'],
    ['..%5csecret', 'backslash'],
    ['%ff', 'percent-encoded UTF-8'],
    ['film.mp4?a=b', 'question mark'],
    ['film.mp4#t=1', 'number sign'],
    ['a'.repeat(1100), 'longer'],
    ['shows', 'regular file'],
  ])('does not let %s out', async (name, rule) => {
    const fault = await failing(open(name));
    expect(fault).toMatchObject({ side: 'pull', kind: 'policy', retryable: false });
    expect(fault.message).toContain(rule);
  });

  it('does not let a symbolic link out, of a file or of a folder', async () => {
    symlinkSync(path.join(folder, 'secret'), path.join(mediaDir, 'link'));
    symlinkSync(folder, path.join(mediaDir, 'out'));
    for (const name of ['link', 'out/secret'])
      expect((await failing(open(name))).message).toContain('leads out of the media directory');
  });

  it('does not let a neighbour with a longer name pass for a part of it', async () => {
    mkdirSync(`${mediaDir}-private`);
    writeFileSync(path.join(`${mediaDir}-private`, 'a'), 'secret');
    symlinkSync(path.join(`${mediaDir}-private`, 'a'), path.join(mediaDir, 'a'));
    expect((await failing(open('a'))).message).toContain('leads out of the media directory');
  });

  it('does not wait for a pipe nor read a device', async () => {
    execFileSync('mkfifo', [path.join(mediaDir, 'pipe')]);
    expect((await failing(open('pipe'))).message).toContain('not a regular file');
    expect((await failing(open('null', '/dev'))).message).toContain('not a regular file');
  });

  it('tells what is not there', async () => {
    expect(await failing(open('other.mp4'))).toMatchObject({ kind: 'refused' });
    expect((await failing(open('film.mp4/x'))).message).toContain('no such file');
    expect((await failing(open('film.mp4', path.join(folder, 'none')))).message).toContain('cannot be read');
    const nowhere = openLocalFile('media://film.mp4', { mediaDir: undefined, signal: never });
    expect((await failing(nowhere)).message).toContain('no media directory is configured');
  });

  it('leaves nothing open when the opening is called off', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const off = new AbortController();
    const opening = failing(openLocalFile('media://film.mp4', { mediaDir, signal: off.signal }));
    off.abort();
    expect((await opening).kind).toBe('closed');
    await vi.waitFor(() => expect(readdirSync('/proc/self/fd')).toHaveLength(before));
  });
});
