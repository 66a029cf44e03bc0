import type { Command } from 'commander';
import type { World } from './program.ts';
import { ProgressPrinter } from './progress.ts';

export function addTry(program: Command, { terminal, doors, signal }: World): void {
  program
    .command('try')
    .description('relay one stream until Ctrl-C, without a server and without storing anything')
    .argument('<SOURCE_URL>', 'where to pull, e.g. rtmp://127.0.0.1:1935/live/src')
    .argument('<DESTINATION_URL>', 'where to push, e.g. rtmp://127.0.0.1:1935/live/out')
    .action(async (source: string, destination: string) => {
      const printer = new ProgressPrinter({ write: terminal.out, live: terminal.live });
      const { tryRelay } = await doors();
      try {
        await tryRelay(source, destination, { signal, onProgress: progress => printer.show(progress) });
      } finally {
        printer.close();
      }
    });
}
