import { type Check, fail, ok, unseen, warn } from './check.ts';

const GB = 1_000_000_000;
const FEW_FILES = 10_000;
/** Magic numbers of statfs(2). */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
]);
const MEMORY_FILES = 0x01021994;

/** A word of the shell, whatever characters it holds. */
export const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replace(/'/g, `'\\''`)}'`);

/** What is kept, and where. */
export const DATA_CHECKS: readonly Check[] = [
  {
    name: 'data-directory',
    why: 'Tasks, events and keys are kept there: a node that cannot write stores nothing and takes no call.',
    judge: ({ data }) => {
      if (!data.exists)
        return warn(`${data.path} is not there yet: "serve" makes it`, `mkdir -m 700 ${quoted(data.path)}`);
      if (data.error === '') return ok(`${data.path} can be written`);
      return fail(`${data.path} cannot be written: ${data.error}`, `chown -R "$(id -un)" ${quoted(data.path)}`);
    },
  },
  {
    name: 'data-private',
    why: 'The database and the key that opens its secrets lie there: other users of the machine should not see them.',
    judge: ({ data }) => {
      if (data.mode === null) return unseen('its mode');
      const mode = (data.mode & 0o777).toString(8);
      if ((data.mode & 0o077) === 0) return ok(`its mode is ${mode}`);
      return warn(`its mode is ${mode}: others may look into it`, `chmod 700 ${quoted(data.path)}`);
    },
  },
  {
    name: 'data-filesystem',
    why: 'A database on a network file system breaks: its locks and its writes are not what they seem there.',
    judge: ({ data }) => {
      if (data.filesystem === null) return unseen('its file system');
      const remote = REMOTE.get(data.filesystem);
      if (remote !== undefined) return fail(`it is ${remote}`, 'millrace serve --data /var/lib/millrace');
      if (data.filesystem !== MEMORY_FILES) return ok('it is a local one');
      return warn('it is in memory, and gone when the machine starts anew', 'millrace serve --data /var/lib/millrace');
    },
  },
  {
    name: 'disk-space',
    why: 'A full disk stops every change: no task can be made, and no event is kept.',
    judge: ({ data: { freeBytes, path } }) => {
      if (freeBytes === null) return unseen('the space');
      const found = `${(freeBytes / GB).toFixed(1)} GB free`;
      if (freeBytes >= GB) return ok(found);
      const fix = `df -h ${quoted(path)}`;
      return freeBytes >= GB / 10 ? warn(`${found}, less than 1 GB`, fix) : fail(`${found}: nearly full`, fix);
    },
  },
  {
    name: 'disk-files',
    why: 'A file system may have space and yet no room for another file.',
    judge: ({ data: { freeFiles, path } }) => {
      // Some file systems make room as they go, and tell zero.
      if (freeFiles === null || freeFiles === 0) return unseen('the number of files');
      if (freeFiles >= FEW_FILES) return ok(`room for ${freeFiles} more files`);
      return warn(`room for ${freeFiles} more files only`, `df -i ${quoted(path)}`);
    },
  },
  {
    name: 'database',
    why: 'A damaged database loses what was answered for; found early, a backup still has it.',
    judge: ({ database: { exists, error } }) => {
      if (!exists) return ok('there is none yet');
      return error === '' ? ok('it is whole') : fail(error, 'millrace restore --help');
    },
  },
  {
    name: 'database-version',
    why: 'A database that a newer Millrace has written is not opened by this one.',
    judge: ({ database: { exists, version, known } }) => {
      if (!exists) return ok('there is none yet');
      if (version > known) return fail(`it is of version ${version}, newer than ${known}`, 'millrace version');
      if (version === known) return ok(`version ${version}, the newest`);
      return warn(`version ${version}: the next "serve" brings it to ${known}, and older programs open it no more`);
    },
  },
  {
    name: 'seal-key',
    why: 'Stream keys lie sealed in the database: without this file, or with another one, they are lost.',
    judge: ({ sealKey, database, data }) => {
      const file = quoted(`${data.path}/seal.key`);
      if (sealKey === null)
        return database.exists
          ? fail('it is gone: bring it back from a backup', `ls -l ${file}`)
          : ok('there is none yet');
      if (sealKey.bytes !== 32) return fail(`it has ${sealKey.bytes} bytes, not 32`, `ls -l ${file}`);
      const mode = (sealKey.mode & 0o777).toString(8);
      if ((sealKey.mode & 0o077) === 0) return ok(`its mode is ${mode}; keep a copy of it beside the backups`);
      return fail(`its mode is ${mode}: others may read it`, `chmod 600 ${file}`);
    },
  },
  {
    name: 'administrator',
    why: 'Without a user nobody gets into the console.',
    judge: ({ database: { exists, users } }) =>
      exists && users > 0
        ? ok(`${users} user${users === 1 ? '' : 's'}`)
        : warn('there is no user yet', 'millrace setup'),
  },
];
