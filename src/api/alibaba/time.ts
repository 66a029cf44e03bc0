/** The one form that the service takes, in UTC. */
const FORM = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Epoch milliseconds; undefined where the text is no instant of the calendar. */
export function readTime(text: string): number | undefined {
  if (!FORM.test(text)) return undefined;
  const at = Date.parse(text);
  // Date.parse takes the 30th of February for the 1st of March.
  return Number.isNaN(at) || printTime(at) !== text ? undefined : at;
}

export const printTime = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

export const unixSeconds = (at: number): number => Math.floor(at / 1000);
