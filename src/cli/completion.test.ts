import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine } from '../../test/lab/command-line.ts';
import { Place } from '../../test/lab/place.ts';

describe('millrace completion', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const script = async (shell: string): Promise<string> => {
    const { code, out, err } = await commandLine(['completion', shell]);
    expect([code, err]).toEqual([0, '']);
    return out;
  };

  /** What bash offers behind these words, the last of which is still being typed. */
  const offered = async (...words: readonly string[]): Promise<readonly string[]> => {
    writeFileSync(place.path('millrace.bash'), await script('bash'));
    const typed = words.map(word => `'${word}'`).join(' ');
    const ask = `set -eu; . ./millrace.bash; COMP_WORDS=(millrace ${typed}); COMP_CWORD=${words.length}; _millrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const told = execFileSync('bash', ['--norc', '-c', ask], { cwd: place.dir, encoding: 'utf8' });
    return told.split('\n').filter(word => word !== '');
  };

  it('completes commands under bash', async () => {
    expect(await offered('do')).toEqual(['doctor', 'domain']);
    expect(await offered('task', 'wa')).toEqual(['watch']);
    expect(await offered('callback', 'secret', '')).toEqual(['show', 'rotate', '--help']);
  });

  it('completes options under bash, behind whatever was typed between', async () => {
    expect(await offered('task', 'create', '--name', 'shop', '--sta')).toEqual(['--standby', '--start']);
    expect(await offered('task', 'switch', '7d3f', '1', '--q')).toEqual(['--quiet']);
  });

  it('is taken by bash without a word', async () => {
    writeFileSync(place.path('millrace.bash'), await script('bash'));
    execFileSync('bash', ['-n', 'millrace.bash'], { cwd: place.dir });
  });

  it.each(['zsh', 'fish', 'pwsh'])('knows every command and option for %s, too', async shell => {
    const text = await script(shell);
    for (const word of ['task create', 'callback secret rotate', 'standby', 'if-version']) expect(text).toContain(word);
    // Quotation marks pair up, whatever descriptions say.
    for (const line of text.split('\n').filter(it => it.includes("'"))) {
      expect(line.split("'").length % 2, line).toBe(1);
    }
  });

  it('says which shells there are', async () => {
    const { code, err } = await commandLine(['completion', 'csh']);
    expect([code, err]).toEqual([2, expect.stringContaining('bash, zsh, fish, pwsh')]);
  });
});
