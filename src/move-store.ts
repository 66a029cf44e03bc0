import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MovedTable, StoreMoveWish } from './cli/doors.ts';
import type { Config } from './config.ts';
import { moveStore as move } from './store/move.ts';
import { loadSealKey, readGivenKey } from './store/seal.ts';
import { DataDirectoryInUse } from './worker/control-socket.ts';
import { isServed } from './worker/take-over.ts';

/** Copies what a data directory holds into a database that several nodes can share. No node may run on it. */
export async function moveStore(config: Config, { from, to }: StoreMoveWish): Promise<readonly MovedTable[]> {
  const file = join(from, 'millrace.db');
  if (!existsSync(file)) throw new NoData(from);
  if (isServed(join(from, 'control.sock'))) {
    throw new DataDirectoryInUse(`a node serves ${from}: stop it first, so that nothing is kept there meanwhile`);
  }
  const { sealKeyFile } = config;
  const sealKey = sealKeyFile === null ? loadSealKey(join(from, 'seal.key'), file) : readGivenKey(sealKeyFile);
  const tables: MovedTable[] = [];
  await move({ file, url: to, sealKey, copied: (table, rows) => tables.push({ table, rows }) });
  return tables;
}

class NoData extends Error {
  override readonly name = 'NoData';

  constructor(data: string) {
    super(`no node has kept its data in ${data}`);
  }
}
