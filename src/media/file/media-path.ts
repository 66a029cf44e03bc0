import fs from 'node:fs/promises';
import path from 'node:path';
import { printable } from '../address.ts';
import { Fault } from '../fault.ts';

const MAX_NAME_CHARS = 1024;

/**
 * The path of a file in the media directory, given as `media://NAME`. The name is decoded once; nothing outside the
 * directory can be named, neither by dots nor by a symbolic link.
 */
export async function mediaPath(url: string, mediaDir: string | undefined): Promise<string> {
  const refuse = (rule: string, cause?: unknown): Fault =>
    new Fault('pull', 'policy', `${nameOfMedia(url)}: ${rule}`, { cause, retryable: false });
  if (mediaDir === undefined) throw refuse('no media directory is configured on this server');
  const name = decoded(url.slice('media://'.length));
  const rule = name === undefined ? 'the name must be percent-encoded UTF-8' : brokenRule(url, name);
  if (name === undefined || rule !== undefined) throw refuse(rule ?? '');
  const root = await found(mediaDir, cause => refuse('the media directory cannot be read', cause));
  const missing = (cause: unknown) =>
    new Fault('pull', 'refused', `${nameOfMedia(url)}: ${reasonOf(cause)}`, { cause, retryable: true });
  const real = await found(path.join(root, name), missing);
  if (!isInside(root, real)) throw refuse('a symbolic link leads out of the media directory');
  return real;
}

/**
 * What a person means by the URL or the path of a file. Throws a plain Error that tells what to do where that file
 * cannot be named.
 */
export async function addressOf(
  text: string,
  { cwd, mediaDir }: { readonly cwd: string; readonly mediaDir: string | undefined },
): Promise<string> {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  if (isUrl && !isMediaUrl(text)) return text;
  if (mediaDir === undefined) {
    throw new Error('that is a file of this machine: name the media directory with --media, as the server is given it');
  }
  return isUrl ? text : mediaUrlOf(path.resolve(cwd, text), mediaDir);
}

async function mediaUrlOf(file: string, mediaDir: string): Promise<string> {
  const root = await found(mediaDir, cause => new Error(`the media directory ${mediaDir} cannot be read`, { cause }));
  const real = await found(file, cause => new Error(`there is no file ${file}`, { cause }));
  if (!isInside(root, real)) {
    throw new Error(`${file} lies outside of the media directory ${mediaDir}: move or copy it there`);
  }
  return `media://${path.relative(root, real).split(path.sep).map(encodeURIComponent).join('/')}`;
}

export const isMediaUrl = (url: string): boolean => /^media:\/\//i.test(url);

/** The broken rule of a media URL as a sentence, without a look at the disk; undefined where it will do. */
export function mediaUrlProblem(url: string, mediaDir: string | null): string | undefined {
  if (mediaDir === null) return 'no media directory is configured on this server';
  const name = decoded(url.slice('media://'.length));
  return name === undefined ? 'the name must be percent-encoded UTF-8' : brokenRule(url, name);
}

/** A media URL as errors name it: the names of local files are no secrets. */
export const nameOfMedia = (url: string): string => printable(url).slice(0, 200);

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function brokenRule(url: string, name: string): string | undefined {
  if (/[?#]/.test(url)) return 'a question mark or number sign in the name must be percent-encoded';
  if (name === '') return 'the name is missing';
  if (name.length > MAX_NAME_CHARS) return `the name must not be longer than ${MAX_NAME_CHARS} characters`;
  if (name.includes('\0')) return 'the name must not contain a zero byte';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'the name must not contain control characters';
  if (name.includes('\\')) return 'the name must not contain a backslash';
  if (name.startsWith('/')) return 'the name must not be an absolute path';
  const parts = name.split('/');
  if (parts.includes('..') || parts.includes('.')) return 'the name must not contain "." or ".." as a part';
  if (parts.includes('')) return 'the name must not contain an empty part';
  return undefined;
}

async function found(file: string, fault: (cause: unknown) => Error): Promise<string> {
  try {
    return await fs.realpath(file);
  } catch (cause) {
    throw fault(cause);
  }
}

export function isInside(root: string, file: string): boolean {
  const prefix = root.endsWith(path.sep) ? root : root + path.sep;
  return file.startsWith(prefix);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file in the media directory',
  ENOTDIR: 'there is no such file in the media directory',
  EACCES: 'the file may not be read',
  EPERM: 'the file may not be read',
  ELOOP: 'its symbolic links lead nowhere',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many files are open',
};

export function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'unknown';
  return REASONS[code] ?? `the file cannot be read (${code})`;
}
