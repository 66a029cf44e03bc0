import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, link, lstat, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A socket's path has to fit into 107 bytes (unix(7)). */
const MAX_PATH_BYTES = 100;

/** Another live control process holds the name; told apart because it has an exit code of its own. */
export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse';
}

/**
 * Makes the server listen under `path`. The socket is bound under a name of its own and linked to `path`, which is
 * atomic: of two control processes started at once exactly one gets it, and what a dead one left is told by dialling it.
 */
export async function listenAt(server: Server, path: string): Promise<{ close(): Promise<void> }> {
  const address = await reserveAddress(path);
  const own = nameBeside(address);
  // A failed accept, e.g. for want of file descriptors, costs that one connection: its worker dials again.
  server.on('error', () => {});
  server.listen(own);
  await once(server, 'listening');
  try {
    await chmod(own, 0o600);
    await takeName(own, address, pidFile(path));
  } catch (error) {
    await closeServer(server);
    throw error;
  }
  await rm(own, { force: true });
  await writeFile(pidFile(path), `${process.pid}\n`);
  const { ino } = await stat(address);
  return {
    close: async () => {
      await giveUpName(address, ino);
      await closeServer(server);
    },
  };
}

const pidFile = (path: string): string => join(dirname(path), 'control.pid');
const shortPathFile = (path: string): string => join(dirname(path), 'control.path');
/** A free name, no longer than the one it stands beside. */
const nameBeside = (address: string): string => join(dirname(address), `.${randomBytes(4).toString('hex')}`);
const fits = (path: string): boolean => Buffer.byteLength(path) <= MAX_PATH_BYTES;

/** Where the socket for `path` really stands: a path too long for a socket has a short one noted beside it. */
export function knownAddress(path: string): string {
  if (fits(path)) return path;
  try {
    return readFileSync(shortPathFile(path), 'utf8').trim();
  } catch {
    return path;
  }
}

async function reserveAddress(path: string): Promise<string> {
  if (fits(path)) return path;
  const noted = knownAddress(path);
  if (noted !== path && (await isOwnFolder(dirname(noted)))) return noted;
  const address = join(await mkdtemp(join(tmpdir(), 'millrace-')), 'control.sock');
  await writeFile(shortPathFile(path), address, { mode: 0o600 });
  return address;
}

/** A folder in the shared temporary directory is trusted only while nobody else can have put anything into it. */
async function isOwnFolder(folder: string): Promise<boolean> {
  try {
    const found = await lstat(folder);
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

async function takeName(own: string, address: string, pidNote: string): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      return await link(own, address);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await removeStale(address, pidNote);
  }
  throw new Error(`cannot take ${address}: others keep taking it`);
}

async function removeStale(address: string, pidNote: string): Promise<void> {
  if (await answers(address)) throw await taken(pidNote);
  const aside = nameBeside(address);
  try {
    await rename(address, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // Between the look and the move another control process may have replaced the stale one: then it keeps the name.
  const alive = await answers(aside);
  if (alive) await link(aside, address);
  await rm(aside, { force: true });
  if (alive) throw await taken(pidNote);
}

async function taken(pidNote: string): Promise<Error> {
  const pid = await readFile(pidNote, 'utf8').catch(() => 'unknown');
  return new DataDirectoryInUse(`another control process (${pid.trim()}) serves this data directory`);
}

function answers(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(address);
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    // EAGAIN: its backlog is full, so there is somebody.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

async function giveUpName(address: string, ino: number): Promise<void> {
  const found = await stat(address).catch(() => undefined);
  if (found?.ino === ino) await rm(address, { force: true });
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()));
}
