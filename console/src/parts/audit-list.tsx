import { formatTime } from '../format.ts';
import type { AuditEntry } from '../model.ts';
import { t, tWord } from '../words.ts';
import { Empty } from './empty.tsx';
import { Time } from './time.tsx';

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly next: string | null;
}

/** Who did what to what, with what it was before. Secrets come masked. */
export function AuditList({ page }: { readonly page: AuditPage }) {
  if (page.entries.length === 0) return <Empty>{t('audit.none')}</Empty>;
  return (
    <ul class="lines">
      {page.entries.map(entry => (
        <li key={entry.id} class="line">
          <span class="line-time">
            <Time at={entry.time} />
          </span>
          <strong>{entry.actor.name === '' ? tWord('actor', entry.actor.kind) : entry.actor.name}</strong>
          <span>{tWord('audit', entry.action.replace('.', '_'))}</span>
          <code>{entry.target.slice(0, 40)}</code>
          {entry.actor.remote !== '' && <span class="faint">{t('audit.from', { remote: entry.actor.remote })}</span>}
          <Changes changes={entry.changes} />
        </li>
      ))}
    </ul>
  );
}

function Changes({ changes }: { readonly changes: AuditEntry['changes'] }) {
  const fields = Object.entries(changes);
  if (fields.length === 0) return null;
  return (
    <details class="line-why">
      <summary>
        <code>{fields.map(([name]) => name).join(', ')}</code>
      </summary>
      <dl class="pairs">
        {fields.map(([name, { before, after }]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              <del>{textOf(name, before)}</del> → <ins>{textOf(name, after)}</ins>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Times come as the model keeps them: milliseconds. */
function textOf(name: string, value: unknown): string {
  if (value === undefined || value === null || value === '') return '—';
  if (typeof value === 'number' && name.endsWith('At')) return formatTime(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
