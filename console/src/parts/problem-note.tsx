import type { Problem } from '../api.ts';
import { t } from '../words.ts';

/** What went wrong, in the node's own words where it had some. */
export function ProblemNote({
  problem,
  again,
}: {
  readonly problem: Problem | undefined;
  readonly again?: () => void;
}) {
  if (problem === undefined) return null;
  return (
    <div class="note note-bad" role="alert">
      <p>{sentenceOf(problem)}</p>
      {problem.errors.length > 0 && (
        <ul>
          {problem.errors.map(({ field, rule }) => (
            <li key={`${field} ${rule}`}>
              <code>{field}</code> {rule}
            </li>
          ))}
        </ul>
      )}
      {problem.requestId !== '' && <p class="faint">{t('problem.request', { id: problem.requestId })}</p>}
      {again !== undefined && (
        <button type="button" onClick={again}>
          {t('action.again')}
        </button>
      )}
    </div>
  );
}

export function sentenceOf({ status, code, message }: Problem): string {
  if (code === 'UNREACHABLE') return t('problem.unreachable');
  if (status === 403) return t('problem.forbidden');
  if (status === 404 && code === 'NOT_FOUND' && /^There is nothing/.test(message)) return t('problem.no_call');
  if (status === 412) return t('problem.conflict');
  return message;
}
