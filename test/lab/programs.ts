import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Place } from './place.ts';

const folders = (): readonly string[] => (process.env.PATH ?? '').split(delimiter);

/** Where the program lies, whatever becomes of the search path. */
export function pathOf(program: string): string {
  const folder = folders().find(one => existsSync(join(one, program)));
  if (folder === undefined) throw new Error(`${program} is not installed`);
  return join(folder, program);
}

/** The peers of tests are made with it, also where the product is to do without. */
export const SRT_LIVE_TRANSMIT = pathOf('srt-live-transmit');

/** From here on this process and those it starts find every program but that one. */
export function takeAway(place: Place, program: string): void {
  const path = folders().map((folder, at) => {
    if (!existsSync(join(folder, program))) return folder;
    const links = place.path(`without-${program}-${at}`);
    mkdirSync(links);
    for (const name of readdirSync(folder)) if (name !== program) symlinkSync(join(folder, name), join(links, name));
    return links;
  });
  process.env.PATH = path.join(delimiter);
}
