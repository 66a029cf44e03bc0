import { execFile } from 'node:child_process';

const WAIT_MS = 3_000;
const MOST_CHARS = 80;

/** The first line that a program tells of itself; "" where it is not installed. */
export function readVersion(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise(resolve => {
    const options = { timeout: WAIT_MS, signal, windowsHide: true } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error !== null && 'code' in error && typeof error.code !== 'number') {
        resolve('');
        return;
      }
      const [line = ''] = `${stdout}\n${stderr}`.split('\n').filter(text => text.trim() !== '');
      resolve(line.trim().slice(0, MOST_CHARS) || program);
    });
  });
}
