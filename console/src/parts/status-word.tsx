import type { JSX } from 'preact';
import type { Status } from '../model.ts';
import { t } from '../words.ts';

/** Each status has a shape of its own, so that nothing depends on telling colours apart. */
const SHAPES: Readonly<Record<Status, JSX.Element>> = {
  running: <circle cx="6" cy="6" r="5" />,
  recovering: <path d="M6 .8 11.6 11H.4z" />,
  scheduled: <circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.8" />,
  stopped: <rect x="1" y="1" width="10" height="10" />,
  exited: <path d="m2 2 8 8m0-8-8 8" fill="none" stroke="currentColor" stroke-width="2.2" />,
};

export function StatusWord({ word }: { readonly word: Status }) {
  return (
    <span class={`status status-${word}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {SHAPES[word] ?? SHAPES.stopped}
      </svg>
      {t(`status.${word}`)}
    </span>
  );
}
