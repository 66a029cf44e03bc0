import { useSignal } from '@preact/signals';
import { asProblem, type Problem } from './api.ts';

/** One thing that a view can do: whether it is on its way, and what went wrong with it. */
export interface Acting {
  readonly problem: Problem | undefined;
  readonly isBusy: boolean;
  readonly act: (what: () => Promise<unknown>) => Promise<void>;
  /** What the node finds wrong with a field of what was sent. */
  readonly errorsAt: (field: string) => readonly string[];
}

export function useActing(): Acting {
  const problem = useSignal<Problem | undefined>(undefined);
  const isBusy = useSignal(false);
  const act = async (what: () => Promise<unknown>): Promise<void> => {
    isBusy.value = true;
    problem.value = undefined;
    try {
      await what();
    } catch (error) {
      problem.value = asProblem(error);
    }
    isBusy.value = false;
  };
  return { problem: problem.value, isBusy: isBusy.value, act, errorsAt: errorsIn(problem.value) };
}

const errorsIn =
  (problem: Problem | undefined): Acting['errorsAt'] =>
  field =>
    (problem?.errors ?? []).filter(error => error.field === field).map(({ rule }) => rule);
