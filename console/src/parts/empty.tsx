import type { ComponentChildren } from 'preact';
import type { Answer } from '../asked.ts';
import { t } from '../words.ts';
import { ProblemNote } from './problem-note.tsx';

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

interface AnsweredProps<T> {
  readonly answer: Answer<T>;
  readonly children: (value: T) => ComponentChildren;
}

/** What was answered, and beside it what went wrong since. */
export function Answered<T>({ answer, children }: AnsweredProps<T>) {
  const { value, problem, isLoading, again } = answer;
  return (
    <>
      <ProblemNote problem={problem} again={again} />
      {value === undefined ? isLoading && <Empty>{t('state.loading')}</Empty> : children(value)}
    </>
  );
}
