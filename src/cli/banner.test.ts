import { describe, expect, it } from 'vitest';
import { banner } from './banner.ts';

const addresses = { api: 'http://127.0.0.1:8080', rtmp: 'rtmp://127.0.0.1:1935', console: 'http://127.0.0.1:8080' };
const facts = { version: '0.1.0', data: '/srv/data', ...addresses, setupToken: 'canary' };

describe('the banner', () => {
  it('tells in at most twelve lines where everything is and how the first task is made', () => {
    const text = banner(facts);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(12);
    for (const fact of Object.values(facts)) expect(text).toContain(fact);
    expect(text).toContain('node examples/create-task.mjs http://127.0.0.1:8080 rtmp://127.0.0.1:1935/live/src');
  });

  it('quotes a folder that the shell would tear apart', () => {
    expect(banner({ ...facts, data: "/it's here" })).toContain(`--data '/it'\\''s here'`);
  });

  it('leads to the console, with the link that makes the administrator while there is none', () => {
    expect(banner(facts)).toMatch(/^ {2}open {2}http:\/\/127\.0\.0\.1:8080\/#\/setup\?token=canary$/m);
    expect(banner({ ...facts, setupToken: undefined })).toMatch(/^ {2}open {2}http:\/\/127\.0\.0\.1:8080\/$/m);
  });

  it('says that the RTMP server is off', () => {
    expect(banner({ ...facts, rtmp: undefined })).toMatch(/RTMP {2}off\n/);
  });
});
