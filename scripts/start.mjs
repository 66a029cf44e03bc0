// `npm start` and `npm run demo`: everything from a fresh clone to a serving node. Flags behind `--` go to the command.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './console.mjs';
import { installPackages } from './packages.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const installed = installPackages(root);
if (installed !== 0) process.exit(installed);
const built = buildConsole(root);
if (built !== 0) process.exit(built);

const child = spawn(
  join(root, 'bin', 'millrace'),
  process.argv[2] === 'demo' ? process.argv.slice(2) : ['serve', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', error => {
  console.error(`millrace could not be started: ${error.message}`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});
