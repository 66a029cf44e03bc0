import type { ProcessVitals } from './channel.ts';

/** What this process has cost so far, and holds. */
export function processUsage(): Pick<ProcessVitals, 'cpuMs' | 'rssBytes'> {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() };
}
