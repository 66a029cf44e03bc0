import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './program.ts';

const EVERY_MS = 2_000;
/** Up to the corner of the screen, and what stood there away. */
const CLEAR = '\u001b[H\u001b[2J';

/** Prints a view once, or again and again until Ctrl-C; on a screen each takes the place of the former. */
export async function repeatedly(
  { terminal, signal }: Pick<World, 'terminal' | 'signal'>,
  again: boolean,
  view: () => Promise<string>,
): Promise<void> {
  const ending = AbortSignal.any([signal, terminal.gone]);
  do {
    const text = await view();
    terminal.out(again && terminal.live ? `${CLEAR}${text}` : text);
    if (again) await sleep(EVERY_MS, undefined, { signal: ending });
  } while (again);
}
