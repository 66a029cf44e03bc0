import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export type Role = 'worker' | 'origin';

/** A child process as it can be recognised later: a pid alone may by then be a stranger's. */
export interface Survivor {
  readonly role: Role;
  readonly slot: number;
  readonly pid: number;
  readonly birth: string;
  /** With which settings it was started; "" where nobody knows. */
  readonly edition: string;
}

/** The file that tells a restarted control process which children of the former one may still be alive. */
export class Survivors {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Those that are alive. */
  read(): readonly Survivor[] {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch {
      return [];
    }
    return parseSurvivors(text).filter(({ pid, birth }) => birthOf(pid) === birth);
  }

  write(survivors: readonly Survivor[]): void {
    const fresh = `${this.#file}.new`;
    writeFileSync(fresh, `${JSON.stringify(survivors)}\n`, { mode: 0o600 });
    renameSync(fresh, this.#file);
  }

  remove(): void {
    rmSync(this.#file, { force: true });
  }
}

/**
 * The numbers of the workers that are wanted: those of survivors that may stay, and then the lowest that nobody has. The
 * others are not wanted any more.
 */
export function numbersFor(
  survivors: readonly Survivor[],
  { count, edition }: { readonly count: number; readonly edition: string | undefined },
): readonly number[] {
  const mayStay = survivors.filter(survivor => edition === undefined || survivor.edition === edition);
  const numbers = mayStay.map(({ slot }) => slot).sort((one, other) => one - other);
  numbers.length = Math.min(numbers.length, count);
  const taken = new Set(survivors.map(({ slot }) => slot));
  for (let number = 0; numbers.length < count; number++) if (!taken.has(number)) numbers.push(number);
  return numbers;
}

/**
 * When the process was started, in words that no later process with that pid shares; undefined when there is none, or
 * only the rest of one that nobody has reaped (proc_pid_stat(5), fields 3 and 22).
 */
export function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isDead = fields[0] === 'Z' || fields[0] === 'X';
    return isDead ? undefined : `${bootId()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** A torn or foreign file names nobody: what is alive all the same introduces itself. */
function parseSurvivors(text: string): readonly Survivor[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.flatMap(survivorOf) : [];
  } catch {
    return [];
  }
}

function survivorOf(value: unknown): readonly Survivor[] {
  if (typeof value !== 'object' || value === null) return [];
  const { role, slot, pid, birth, edition } = value as Partial<Record<keyof Survivor, unknown>>;
  if ((role !== 'worker' && role !== 'origin') || typeof birth !== 'string') return [];
  if (typeof slot !== 'number' || typeof pid !== 'number') return [];
  if (!Number.isSafeInteger(slot) || slot < 0 || !Number.isSafeInteger(pid)) return [];
  return [{ role, slot, pid, birth, edition: typeof edition === 'string' ? edition : '' }];
}
