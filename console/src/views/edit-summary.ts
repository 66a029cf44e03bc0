import type { Draft } from '../draft.ts';
import { formatTime } from '../format.ts';
import { fileName } from '../parts/addresses.tsx';
import { t } from '../words.ts';

/** The whole form in one sentence. */
export function summaryOf(draft: Draft): string {
  return t('summary', { what: what(draft), where: where(draft), from: from(draft), until: until(draft) });
}

function what({ kind, url, items, endless, rounds }: Draft): string {
  if (kind === 'live') return t('summary.live', { url: url === '' ? '…' : hostOf(url) });
  const files = { n: items.length, first: fileName(items[0]?.url ?? '') || '…' };
  return endless ? t('summary.list_endless', files) : t('summary.list', { ...files, rounds });
}

const where = ({ to, destination, domain, stream }: Draft): string =>
  to === 'url' ? hostOf(destination) || '…' : `${domain || '…'}/${stream || '…'}`;

const from = ({ starts, startAt }: Draft): string =>
  starts === 'now' ? t('summary.now') : t('summary.at', { at: formatTime(startAt, 'local') });

const until = ({ ends, endAt }: Draft): string =>
  ends === 'never' ? t('summary.never') : t('summary.until', { at: formatTime(endAt, 'local') });

/** Without what may be a key. */
function hostOf(url: string): string {
  const match = /^[a-z0-9+.-]+:\/\/(?:[^@/]*@)?([^/?#]*)/i.exec(url.trim());
  return match?.[1] ?? url.trim();
}
