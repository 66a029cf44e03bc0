import { Fault } from '../fault.ts';

const MEDIA = 'media://';
/** A name that lies beside the playlist or below, spelled so that nothing about it has to be mended. */
const PLAIN = /^[\w-][\w.~-]*(?:\/[\w-][\w.~-]*)*$/;
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/;

/**
 * Where a playlist's own address and a line of it lead. A playlist from the network may only name what lies on the
 * network, never a file of this machine; the caller's policy judges the address as any other.
 */
export function resolveIn(playlistUrl: string, line: string): string {
  const local = playlistUrl.startsWith(MEDIA);
  const scheme = SCHEME.exec(line)?.[1]?.toLowerCase();
  if (scheme === undefined) return local ? besides(playlistUrl, line) : onNetwork(playlistUrl, line);
  if (scheme === 'http' || scheme === 'https') return onNetwork(line, '');
  if (scheme === 'media' && local) return line;
  throw new Fault('pull', 'policy', `the playlist names an address of scheme ${scheme.slice(0, 16)}`);
}

function onNetwork(base: string, line: string): string {
  // Playlists of a long film list thousands, nearly all of them so.
  const folder = PLAIN.test(line) ? folderOf(base) : '';
  if (folder !== '') return folder + line;
  try {
    const url = new URL(line, base);
    url.hash = '';
    return url.href;
  } catch (cause) {
    throw new Fault('pull', 'garbage', 'the playlist names an address that is none', { cause });
  }
}

/** Up to the last slash of the path; empty where there is none. */
function folderOf(url: string): string {
  const end = url.search(/[?#]/);
  const folder = url.slice(0, url.lastIndexOf('/', end < 0 ? undefined : end) + 1);
  return folder.endsWith('://') ? '' : folder;
}

/** A name of a media directory beside another. What leads out of the directory is refused where it is opened. */
function besides(playlistUrl: string, line: string): string {
  const name = playlistUrl.slice(MEDIA.length);
  const folders = line.startsWith('/') ? [] : name.split('/').slice(0, -1);
  for (const part of line.split(/[?#]/, 1).join('').split('/')) {
    if (part === '..' && folders.length > 0 && folders.at(-1) !== '..') folders.pop();
    else if (part !== '.' && part !== '') folders.push(part);
  }
  return MEDIA + folders.join('/');
}
