// Installs the npm packages where they are missing or not those of package-lock.json. Plain JavaScript for any
// Node ≥ 20, because it runs before the project's own Node is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What speaks against using node_modules as it is, or undefined. npm writes node_modules/.package-lock.json as the last
 * act of an installation, so an interrupted one shows here too.
 */
export function staleness(root) {
  const wanted = readLock(join(root, 'package-lock.json'));
  const present = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (present === undefined) return 'not installed';
  for (const [path, { version, optional }] of Object.entries(wanted ?? {})) {
    // Optional packages are those of other platforms; what this one needs of them npm has seen to.
    if (path === '' || optional) continue;
    if (present[path]?.version !== version) return `${path.replace(/^.*node_modules\//, '')} is not at ${version}`;
  }
  return existsSync(join(root, 'node_modules', 'node', 'bin', 'node')) ? undefined : 'Node 24 is missing';
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes node_modules fit package-lock.json. Answers npm's exit code, 0 when there was nothing to do. */
export function installPackages(root) {
  const why = staleness(root);
  if (why === undefined) return 0;
  console.error(`npm packages: ${why}; running npm ci`);
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under npm itself, the very same npm; else the one on the PATH.
  const [command, all] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  const { status, error } = spawnSync(command, all, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) console.error(`npm ci could not be run: ${error.message}`);
  return status ?? 1;
}
