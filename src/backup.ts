import { chmodSync, constants, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Backup, BackupWish, RestoreWish } from './cli/doors.ts';
import type { Config } from './config.ts';
import { BadBackup, checkCopy, copyDatabase } from './store/backup.ts';
import { loadSealKey } from './store/seal.ts';

const databaseOf = ({ data }: Config): string => join(data, 'millrace.db');
const keyOf = ({ data }: Config): string => join(data, 'seal.key');

/** Copies what a data directory holds, also while a node runs on it, and looks the copy through. */
export async function backup(config: Config, { file, key }: BackupWish): Promise<Backup> {
  refuseShared(config);
  const database = databaseOf(config);
  if (!existsSync(database)) throw new NoData(config.data);
  const sealKey = loadSealKey(keyOf(config), database);
  if (key !== undefined) refuseBeside(file, key);
  copyDatabase(database, file);
  if (key !== undefined) copyPrivately(keyOf(config), key);
  return { ...checkCopy(file, sealKey), file, key: key ?? keyOf(config) };
}

/** Makes a data directory of a copy, or with `verify` only says whether it could. */
export async function restore(config: Config, { file, key, verify }: RestoreWish): Promise<Backup> {
  refuseShared(config);
  const keyFile = key ?? keyOf(config);
  if (!existsSync(file)) throw new BadBackup(`there is no ${file}`);
  if (!existsSync(keyFile)) throw new BadBackup(`there is no key at ${keyFile}: name the kept seal.key with --key`);
  const contents = { ...checkCopy(file, readFileSync(keyFile)), file, key: keyFile };
  if (!verify) put(config, { file, keyFile });
  return contents;
}

/** A server has tools of its own, which know how to copy a database that others write to. */
function refuseShared({ database }: Config): void {
  if (database !== null)
    throw new BadBackup('a PostgreSQL database is copied with pg_dump and restored with pg_restore');
}

function put(config: Config, { file, keyFile }: { readonly file: string; readonly keyFile: string }): void {
  const database = databaseOf(config);
  if (existsSync(database)) throw new DataThere(`${config.data} holds data already: choose an empty directory`);
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const ownKey = keyOf(config);
  if (resolve(keyFile) !== resolve(ownKey)) putKey(keyFile, ownKey);
  try {
    copyPrivately(file, database);
  } catch (error) {
    rmSync(database, { force: true });
    throw error;
  }
}

/** A key that stands is never replaced: something may be sealed with it. */
function putKey(keyFile: string, ownKey: string): void {
  if (!existsSync(ownKey)) copyPrivately(keyFile, ownKey);
  else if (!readFileSync(keyFile).equals(readFileSync(ownKey)))
    throw new DataThere(`${ownKey} is another key: choose an empty directory`);
}

/** What opens a copy is of no use as a safeguard where whoever takes the copy finds it too. */
function refuseBeside(file: string, key: string): void {
  if (dirname(resolve(file)) === dirname(resolve(key)))
    throw new BadBackup('the key and the copy are to be kept apart: name another folder with --key');
  if (existsSync(key)) throw new BadBackup(`${key} is there already: choose another name`);
}

function copyPrivately(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  copyFileSync(from, to, constants.COPYFILE_EXCL);
  chmodSync(to, 0o600);
}

class NoData extends Error {
  override readonly name = 'NoData';

  constructor(data: string) {
    super(`no node has kept its data in ${data}: name the directory with --data`);
  }
}

class DataThere extends Error {
  override readonly name = 'DataThere';
}
