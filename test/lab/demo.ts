import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import type { Place } from './place.ts';
import { until } from './wait.ts';

const BIN = fileURLToPath(new URL('../../bin/millrace', import.meta.url));

/** A real `millrace demo` on free ports, and what it has said of itself. */
export class Demo {
  readonly api: string;
  readonly rtmp: string;
  /** Its folder, which goes with it. */
  readonly data: string;
  readonly child: Child;
  /** When it was called, by the monotonic clock. */
  readonly calledAtMs: number;

  private constructor(child: Child, calledAtMs: number) {
    this.child = child;
    this.calledAtMs = calledAtMs;
    this.api = found(child.output, /http:\/\/127\.0\.0\.1:\d+/);
    this.rtmp = found(child.output, /rtmp:\/\/127\.0\.0\.1:\d+/);
    this.data = found(child.output, /(?<= data {2})\S+/);
  }

  static async start(place: Place): Promise<Demo> {
    const calledAtMs = performance.now();
    const child = place.own(
      new Child(BIN, ['demo', '--listen', '127.0.0.1:0', '--rtmp', '127.0.0.1:0']),
      async ({ process, exited }) => {
        process.kill('SIGINT');
        await exited.catch(() => {});
      },
    );
    await until('the demonstration is ready', () => child.output.includes('removed at the end'), { timeoutMs: 30_000 });
    return new Demo(child, calledAtMs);
  }

  /** As a node prints it, for whoever looks for its setup link. */
  get output(): string {
    return this.child.output;
  }
}

function found(output: string, pattern: RegExp): string {
  const [text] = pattern.exec(output) ?? [];
  if (text === undefined) throw new Error(`no ${pattern.source} in: ${output}`);
  return text;
}
