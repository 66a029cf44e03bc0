import { type ChildProcess, spawn } from 'node:child_process';

/** A program under test or beside it: owned, observed, and gone when the test is. */
export class Child {
  readonly process: ChildProcess;
  /** The newest output of both streams, bounded. */
  output = '';
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Its output has been read to the end, which may be a while after its exit. */
  readonly drained: Promise<void>;
  readonly #lines: ((line: string) => void)[] = [];

  constructor(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
    this.process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.exited = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('exit', (code, signal) => resolve(signal ?? code ?? 0));
    });
    this.exited.catch(() => {});
    this.drained = new Promise(resolve => this.process.once('close', () => resolve()));
    let rest = '';
    this.process.stdout?.on('data', (data: Buffer) => {
      this.#keep(data);
      const lines = (rest + data.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) for (const tell of this.#lines) tell(line);
    });
    this.process.stderr?.on('data', (data: Buffer) => this.#keep(data));
  }

  get pid(): number {
    const pid = this.process.pid;
    if (pid === undefined) throw new Error('the program did not start');
    return pid;
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  onLine(tell: (line: string) => void): void {
    this.#lines.push(tell);
  }

  #keep(data: Buffer): void {
    this.output = (this.output + data.toString('utf8')).slice(-20_000);
  }

  /** Ends it: politely first, with -9 after the grace. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<void> {
    if (!this.running) return;
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), graceMs);
    await this.exited.catch(() => {});
    clearTimeout(timer);
  }
}

/** Runs a program to its end; fails with its output when it does not exit with 0 in time. */
export async function run(
  command: string,
  args: readonly string[],
  { timeoutMs = 120_000, env = {} }: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const child = new Child(command, args, { env });
  let all = '';
  child.onLine(line => {
    all += `${line}\n`;
  });
  const timer = setTimeout(() => child.process.kill('SIGKILL'), timeoutMs);
  const code = await child.exited;
  await child.drained;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${child.output.slice(-2000)}`);
  return all;
}
