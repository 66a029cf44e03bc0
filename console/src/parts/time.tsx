import { formatTime } from '../format.ts';
import { timeStyle } from '../preferences.ts';

/** In the reader's manner; the full UTC time is in its title. */
export function Time({ at }: { readonly at: string | null | undefined }) {
  if (at === null || at === undefined) return <span>—</span>;
  return (
    <time dateTime={at} title={formatTime(at, timeStyle.value === 'utc' ? 'local' : 'utc')}>
      {formatTime(at)}
    </time>
  );
}
