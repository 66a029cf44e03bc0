import { InvalidArgumentError } from 'commander';

/** Milliseconds of a span of hours and minutes, as a person writes it. */
export function readDuration(text: string): number {
  const [, hours = '0', minutes = '0'] = /^(?=\d)(?:(\d{1,4})h)?(?:(\d{1,4})m)?$/.exec(text) ?? [];
  const spanMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  if (spanMs === 0) throw new InvalidArgumentError('Write it like 15m, 2h or 1h30m.');
  return spanMs;
}
