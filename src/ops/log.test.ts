import { describe, expect, it } from 'vitest';
import { createLog, type LogOptions } from './log.ts';

const KEY = 'k3y-canary';

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ level: 'info', human: false, write: line => lines.push(line), ...options });
  return { log, lines };
}

describe('the log', () => {
  it('writes one JSON object a line, with its level as a word', () => {
    const { log, lines } = capture();
    log.warn({ taskId: 't1' }, 'source is gone');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: expect.any(String),
      taskId: 't1',
      msg: 'source is gone',
    });
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = capture({ level: 'error' });
    log.warn('no');
    log.error('yes');
    expect(lines).toHaveLength(1);
    expect(capture({ level: 'silent' }).log.isLevelEnabled('fatal')).toBe(false);
  });

  it('is one short line for a person', () => {
    const { log, lines } = capture({ human: true });
    log.info({ taskId: 't1', n: 2 }, 'flowing');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}flowing taskId=t1 n=2\n$/);
  });

  it('shows a person an error with its stack', () => {
    const { log, lines } = capture({ human: true });
    log.error({ err: new Error('broken pipe') }, 'cannot go on');
    expect(lines[0]).toMatch(/ERROR cannot go on\n {2}Error: broken pipe\n {6}at /);
  });

  it.each([true, false])('never shows a stream key, wherever it was put (human: %s)', human => {
    const { log, lines } = capture({ human });
    const url = `rtmp://user:${KEY}@host.example/live/${KEY}?sign=${KEY}`;
    log.error({ url, err: new Error(`refused ${url}`), deep: { list: [url] } }, `cannot push to ${url}`);
    expect(lines.join('')).not.toContain(KEY);
    expect(lines.join('')).toContain('host.example/live');
  });
});
