import { clock } from './clock.ts';
import { language, type TimeStyle, timeStyle } from './preferences.ts';
import { t } from './words.ts';

const localeOf = (): string => (language.value === 'zh' ? 'zh-CN' : 'en-GB');

/** In the reader's own manner: UTC, local time, or how long ago. */
export function formatTime(at: string | number | null | undefined, style: TimeStyle = timeStyle.value): string {
  if (at === null || at === undefined || at === '') return '—';
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  if (style === 'relative') return formatRelative(date.getTime());
  const zone = style === 'utc' ? { timeZone: 'UTC' } : {};
  const text = new Intl.DateTimeFormat(localeOf(), { ...FULL, ...zone }).format(date);
  return style === 'utc' ? `${text} UTC` : text;
}

const FULL = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
} as const;

function formatRelative(at: number): string {
  const seconds = Math.round((at - clock.value) / 1_000);
  const format = new Intl.RelativeTimeFormat(localeOf(), { numeric: 'auto', style: 'short' });
  const size = Math.abs(seconds);
  if (size < 60) return format.format(seconds, 'second');
  if (size < 3_600) return format.format(Math.trunc(seconds / 60), 'minute');
  if (size < 86_400) return format.format(Math.trunc(seconds / 3_600), 'hour');
  return format.format(Math.trunc(seconds / 86_400), 'day');
}

/** How long it has been: for what goes on now. */
export const elapsed = (since: string | number): string =>
  formatSeconds(Math.max(0, (clock.value - new Date(since).getTime()) / 1_000));

/** "41 s", "12 min", "3 h 20 min", "2 d 4 h". */
export function formatSeconds(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return t('unit.s', { n: s });
  const min = Math.floor(s / 60);
  if (min < 60) return t('unit.min', { n: min });
  const h = Math.floor(min / 60);
  if (h < 24)
    return min % 60 === 0 ? t('unit.h', { n: h }) : `${t('unit.h', { n: h })} ${t('unit.min', { n: min % 60 })}`;
  return `${t('unit.d', { n: Math.floor(h / 24) })} ${t('unit.h', { n: h % 24 })}`;
}

/** Of media: 1:02:03. */
export function formatPosition(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(s / 3_600), Math.floor(s / 60) % 60, s % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

export function formatKbit(kbit: number | null): string {
  if (kbit === null) return '—';
  if (kbit >= 1_000) return `${(kbit / 1_000).toFixed(kbit >= 10_000 ? 1 : 2)} Mbit/s`;
  return `${Math.round(kbit)} kbit/s`;
}

export const formatNumber = (value: number | null, digits = 0): string =>
  value === null ? '—' : new Intl.NumberFormat(localeOf(), { maximumFractionDigits: digits }).format(value);

/** For a field of a form, which has the reader's own zone. */
export function toLocalField(at: string | number): string {
  const date = new Date(at);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
