import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, type Stats } from 'node:fs';
import { chmod, lstat, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A socket's path has to fit into 107 bytes (unix(7)). */
const MAX_PATH_BYTES = 100;

/** Another live control process serves the directory; told apart because it has an exit code of its own. */
export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse';
}

/** Makes the server listen under `path`, alone; a socket that a dead process left there is replaced. */
export async function listenAt(server: Server, path: string): Promise<{ close(): Promise<void> }> {
  const lock = await lockFolder(path);
  try {
    const address = await reserveAddress(path);
    if (await answers(address)) throw await inUse(path);
    const { ino } = await bind(server, address);
    await writeFile(pidFile(path), `${process.pid}\n`);
    return {
      close: async () => {
        await giveUpName(address, ino);
        await closeServer(server);
        await closeServer(lock);
      },
    };
  } catch (error) {
    await closeServer(server);
    await closeServer(lock);
    throw error;
  }
}

/** Where the socket for `path` really stands: a path too long for a socket has a short one noted beside it. */
export function knownAddress(path: string): string {
  if (fits(path)) return path;
  try {
    return readFileSync(shortPathFile(path), 'utf8').trim();
  } catch {
    return path;
  }
}

export const pidFile = (path: string): string => join(dirname(path), 'control.pid');
const shortPathFile = (path: string): string => join(dirname(path), 'control.path');
const fits = (path: string): boolean => Buffer.byteLength(path) <= MAX_PATH_BYTES;

/**
 * Of two control processes started at once one gets the folder: a name in Linux's abstract socket namespace has one
 * owner and dies with it, so nothing stale must be told from something new. Elsewhere dialling the socket has to do.
 */
async function lockFolder(path: string): Promise<Server> {
  const lock = createServer(socket => socket.destroy());
  if (process.platform !== 'linux') return lock;
  const folder = await stat(dirname(path));
  lock.listen(lockName(folder));
  try {
    await once(lock, 'listening');
  } catch {
    throw await inUse(path);
  }
  lock.unref();
  return lock;
}

/** In Linux's abstract namespace, by the folder itself: whatever path leads to it. */
export const lockName = ({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string => `\0millrace/${dev}/${ino}`;

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

/** Binds beside and moves into place, so that the name never stands for a socket with other permissions. */
async function bind(server: Server, address: string): Promise<{ readonly ino: number }> {
  const own = join(dirname(address), `.${randomBytes(4).toString('hex')}`);
  // A failed accept, e.g. for want of file descriptors, costs that one connection: its worker dials again.
  server.on('error', () => {});
  server.listen(own);
  await once(server, 'listening');
  await chmod(own, 0o600);
  await rename(own, address);
  return stat(address);
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

async function inUse(path: string): Promise<Error> {
  const pid = await readFile(pidFile(path), 'utf8').catch(() => 'pid unknown');
  return new DataDirectoryInUse(`another control process (${pid.trim()}) serves this data directory`);
}

async function giveUpName(address: string, ino: number): Promise<void> {
  const found = await stat(address).catch(() => undefined);
  if (found?.ino === ino) await rm(address, { force: true });
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()));
}
