// Builds the console where it is not built or older than its sources. Plain JavaScript for any Node ≥ 20, as packages.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['src', 'public', 'index.html', 'vite.config.ts', 'package.json'];

/** Whether something that the console is made of is newer than what was made. */
export function isStale(folder) {
  const made = join(folder, 'dist', 'index.html');
  if (!existsSync(made)) return true;
  const madeAt = statSync(made).mtimeMs;
  return SOURCES.map(name => join(folder, name)).some(path => newestOf(path) > madeAt);
}

/** A folder counts too: it changes when a file of it goes. */
function newestOf(path) {
  if (!existsSync(path)) return 0;
  const entries = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }) : [];
  return Math.max(statSync(path).mtimeMs, ...entries.map(name => statSync(join(path, name)).mtimeMs));
}

/** Answers the exit code of the build, 0 when there was nothing to do. */
export function buildConsole(root) {
  const folder = join(root, 'console');
  if (!isStale(folder)) return 0;
  console.error('console: building it');
  const node = join(root, 'node_modules', 'node', 'bin', 'node');
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status, error } = spawnSync(node, [vite, 'build', '--logLevel', 'warn'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  });
  if (error) console.error(`the console could not be built: ${error.message}`);
  return status ?? 1;
}
