import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { asProblem, call, type Problem } from './api.ts';

/** What a call has answered so far; the last good answer stays while the next one is on its way. */
export interface Answer<T> {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  readonly isLoading: boolean;
  readonly again: () => void;
}

/** Asks when the view is opened, when the path changes, and then every so many milliseconds (0: never) while looked at. */
export function useAnswer<T>(path: string, everyMs = 0): Answer<T> {
  const state = useSignal<{ value?: T; problem?: Problem }>({});
  const isLoading = useSignal(true);
  const round = useSignal(0);
  const asked = round.value;
  useEffect(() => {
    if (path === '') return;
    const ending = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.hidden && state.peek().value !== undefined) return;
      try {
        state.value = { value: await call<T>('GET', path, { signal: ending.signal }) };
      } catch (error) {
        if (ending.signal.aborted) return;
        const { value } = state.peek();
        state.value = { ...(value === undefined ? {} : { value }), problem: asProblem(error) };
      }
      isLoading.value = false;
    };
    void ask();
    const timer = everyMs > 0 ? setInterval(() => void ask(), everyMs) : undefined;
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [path, everyMs, asked]);
  return {
    value: state.value.value,
    problem: state.value.problem,
    isLoading: isLoading.value,
    again: () => round.value++,
  };
}
