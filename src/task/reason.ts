/** What keeps a task from flowing, as its run and its control process know it. */
export interface Failure {
  /** One sentence about the last failure, fit for an operator. */
  readonly message: string;
  /** Failures in a row, this one included. */
  readonly attempt: number;
  /** Wall time of the next try, where one is waited for. */
  readonly nextAt?: number | undefined;
}

/** The one sentence that says why a task does not flow, the same wherever it is shown. */
export function reasonOf({ message, attempt, nextAt }: Failure): string {
  if (message === '' || attempt < 2) return message;
  const next = nextAt === undefined ? '' : `, the next try is at ${printSecond(nextAt)}`;
  return `${message} (${attempt} tries have failed${next})`;
}

const printSecond = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
