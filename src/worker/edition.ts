import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { OriginSettings, ProcessSettings, WorkerSettings } from './spawn.ts';

type OwnSettings<Settings> = Omit<Settings, keyof ProcessSettings>;

/**
 * A worker of the same edition does what one that is started now would do. Its share of the dials is not counted: with
 * another number of workers the old shares do no harm.
 */
export function workerEdition(code: string, settings: OwnSettings<WorkerSettings>): string {
  const { network, tickMs, mediaFolder, ca, listens, forbidden = [], leased = false } = settings;
  const ports = [listens?.from, listens?.to];
  return editionOf([
    code,
    process.version,
    network,
    tickMs,
    mediaFolder,
    ca,
    ...ports,
    ...forbidden,
    ...(leased ? ['leased'] : []),
  ]);
}

/** The code does not count: publishers and players would be cut off for it. */
export const originEdition = ({ listen }: OwnSettings<OriginSettings>): string => editionOf([listen]);

const editionOf = (settings: readonly unknown[]): string => digestOf(JSON.stringify(settings));

/** What a worker is made of: it imports from nowhere else. */
const ROOMS = ['media', 'task', 'worker'];

/**
 * Tells the code that a worker runs from any other, by its content: a checkout may change it under the same version
 * number.
 */
export function codeDigest(source: string = fileURLToPath(new URL('..', import.meta.url))): string {
  const digest = createHash('sha256');
  for (const name of ROOMS.flatMap(room => modulesIn(source, room))) {
    const text = readFileSync(`${source}/${name}`);
    digest.update(`${name} ${text.length}\n`).update(text);
  }
  return shortened(digest.digest('hex'));
}

function modulesIn(source: string, room: string): readonly string[] {
  const names = readdirSync(`${source}/${room}`, { recursive: true, encoding: 'utf8' });
  const modules = names.filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return modules.sort().map(name => `${room}/${name}`);
}

const digestOf = (text: string): string => shortened(createHash('sha256').update(text).digest('hex'));
const shortened = (digest: string): string => digest.slice(0, 12);
