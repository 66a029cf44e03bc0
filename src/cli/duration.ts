import { InvalidArgumentError } from 'commander';

const UNITS_MS = [24 * 3_600_000, 3_600_000, 60_000, 1_000];

/** Milliseconds of a span, as a person writes it. */
export function readDuration(text: string): number {
  const spanMs = readOverlap(text);
  if (spanMs === 0) throw new InvalidArgumentError(RULE);
  return spanMs;
}

/** The same, and it may be none at all. */
export function readOverlap(text: string): number {
  const match = /^(?=\d)(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError(RULE);
  return UNITS_MS.reduce((sum, unitMs, at) => sum + unitMs * Number(match[at + 1] ?? 0), 0);
}

const RULE = 'Write it like 30s, 15m, 2h, 1h30m or 3d.';

/** A moment: so long ago, or as it stands in RFC 3339. */
export type Moment = (now: number) => string;

export function readMoment(text: string): Moment {
  if (/^\d{4}-\d{2}-\d{2}T/.test(text) && /(?:Z|[+-]\d{2}:\d{2})$/.test(text)) {
    const at = Date.parse(text);
    if (Number.isFinite(at)) return () => new Date(at).toISOString();
  }
  try {
    const agoMs = readDuration(text);
    return now => new Date(now - agoMs).toISOString();
  } catch {
    throw new InvalidArgumentError('Write it like 2h or 3d (so long ago), or 2026-11-21T10:00:00Z.');
  }
}
