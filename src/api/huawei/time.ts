/** `…Z`, a fraction of a second, a numeric offset, or no zone at all, which means UTC: what the SDKs put on the wire. */
const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/;

const FIRST = Date.parse('2000-01-01T00:00:00Z');
const LAST = Date.parse('2100-12-31T23:59:59Z');

/** Epoch milliseconds of a whole second; undefined where the text is no instant of the years 2000 to 2100. */
export function readTime(text: string): number | undefined {
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const local = text.slice(0, 19);
  const at = Date.parse(`${local}Z`);
  // Date.parse takes the 30th of February for the 1st of March.
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 19) !== local) return undefined;
  const offset = readOffset(parts[7] ?? 'Z');
  if (offset === undefined) return undefined;
  const instant = at - offset;
  return instant < FIRST || instant > LAST ? undefined : instant;
}

function readOffset(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

export const printTime = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
