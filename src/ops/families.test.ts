import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Metrics } from './metrics.ts';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

it('tells nothing that its page does not name', async () => {
  const text = await new Metrics({ read: async () => ({}), ofNode: false }).text();
  const names = [...text.matchAll(/^# TYPE (\w+)/gm)].map(match => match[1] ?? '');
  expect(names.filter(name => !page.includes(`| \`${name}\` |`))).toEqual([]);
  expect(names.length).toBeGreaterThan(30);
});
