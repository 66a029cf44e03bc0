import { describe, expect, it } from 'vitest';
import { CHECKS, findingsOf } from './doctor.ts';
import type { Facts } from './facts.ts';

const WELL: Facts = {
  node: '24.21.0',
  data: {
    path: '/var/lib/millrace',
    exists: true,
    error: '',
    mode: 0o40700,
    filesystem: 0xef53,
    freeBytes: 50e9,
    freeFiles: 1e6,
  },
  database: { exists: true, error: '', version: 7, known: 7, users: 1 },
  sealKey: { mode: 0o100600, bytes: 32 },
  openFiles: 65_536,
  memory: { limitBytes: 8e9, swappedBytes: 0 },
  processors: 4,
  workers: 4,
  listeners: [
    { name: 'api', option: 'listen', address: '127.0.0.1:8080', state: 'free' },
    { name: 'rtmp', option: 'rtmp', address: '127.0.0.1:1935', state: 'ours' },
  ],
  clock: { isKept: true, behindMs: 0 },
  tickLateMs: 1,
  hasTimeZones: true,
  names: { servers: 2, tookMs: 20, answer: 'none', detail: '' },
  families: ['IPv4', 'IPv6'],
  exposure: { listen: '127.0.0.1:8080', isLoopback: true, network: 'lab', consoleUrl: null },
  spellings: { tried: 23, allowed: [] },
  authorities: null,
  media: null,
  programs: { ffmpeg: 'ffmpeg version 5.1', srt: 'SRT 1.5' },
  hasConsole: true,
  buffers: { sendBytes: 4_194_304, receiveBytes: 4_194_304 },
  localPorts: 28_232,
};

const data = (part: Partial<Facts['data']>) => ({ data: { ...WELL.data, ...part } });
const database = (part: Partial<Facts['database']>) => ({ database: { ...WELL.database, ...part } });
const names = (part: Partial<Facts['names']>) => ({ names: { ...WELL.names, ...part } });
const open = (part: Partial<Facts['exposure']>) => ({
  exposure: { ...WELL.exposure, listen: '0.0.0.0:8080', isLoopback: false, ...part },
});
const listener = (name: 'api' | 'rtmp', state: Facts['listeners'][number]['state']) => ({
  listeners: WELL.listeners.map(it => (it.name === name ? { ...it, state } : it)),
});

const ILL: readonly (readonly [check: string, state: 'warn' | 'fail', facts: Partial<Facts>])[] = [
  ['data-directory', 'warn', data({ exists: false, mode: null })],
  ['data-directory', 'fail', data({ error: 'EACCES' })],
  ['data-private', 'warn', data({ mode: 0o40755 })],
  ['data-filesystem', 'fail', data({ filesystem: 0x6969 })],
  ['data-filesystem', 'warn', data({ filesystem: 0x01021994 })],
  ['disk-space', 'warn', data({ freeBytes: 5e8 })],
  ['disk-space', 'fail', data({ freeBytes: 1e6 })],
  ['disk-files', 'warn', data({ freeFiles: 12 })],
  ['database', 'fail', database({ error: 'the check found: row 3 missing' })],
  ['database-version', 'fail', database({ version: 8 })],
  ['database-version', 'warn', database({ version: 6 })],
  ['seal-key', 'fail', { sealKey: null }],
  ['seal-key', 'fail', { sealKey: { mode: 0o100644, bytes: 32 } }],
  ['seal-key', 'fail', { sealKey: { mode: 0o100600, bytes: 31 } }],
  ['administrator', 'warn', database({ users: 0 })],
  ['node-version', 'fail', { node: '22.9.0' }],
  ['open-files', 'warn', { openFiles: 2_048 }],
  ['open-files', 'fail', { openFiles: 256 }],
  ['memory', 'warn', { memory: { limitBytes: 3e8, swappedBytes: 0 } }],
  ['swap', 'warn', { memory: { limitBytes: 8e9, swappedBytes: 1e9 } }],
  ['processors', 'warn', { processors: 2 }],
  ['ticks', 'warn', { tickLateMs: 80 }],
  ['ticks', 'fail', { tickLateMs: 800 }],
  ['clock-kept', 'warn', { clock: { isKept: false, behindMs: 0 } }],
  ['clock-set', 'fail', { clock: { isKept: true, behindMs: 3_600_000 } }],
  ['time-zones', 'fail', { hasTimeZones: false }],
  ['console-pages', 'warn', { hasConsole: false }],
  ['ffmpeg', 'warn', { programs: { ffmpeg: '', srt: 'SRT' } }],
  ['srt', 'warn', { programs: { ffmpeg: '', srt: '' } }],
  ['api-address', 'fail', listener('api', 'taken')],
  ['rtmp-address', 'fail', listener('rtmp', 'refused')],
  ['exposure', 'fail', open({})],
  ['console-https', 'warn', open({ network: 'public' })],
  ['address-policy', 'fail', { spellings: { tried: 23, allowed: ['0x7f.1'] } }],
  ['name-servers', 'warn', names({ tookMs: 900 })],
  ['name-servers', 'warn', names({ answer: 'failed', detail: 'ETIMEOUT' })],
  ['name-honesty', 'warn', names({ answer: 'address', detail: '203.0.113.9' })],
  ['networks', 'warn', { families: [] }],
  ['authorities', 'fail', { authorities: { daysLeft: -1, error: '' } }],
  ['authorities', 'fail', { authorities: { daysLeft: null, error: 'ca.pem holds no certificate' } }],
  ['authorities', 'warn', { authorities: { daysLeft: 3, error: '' } }],
  ['media-directory', 'fail', { media: { path: '/media', error: 'ENOENT' } }],
  ['socket-buffers', 'warn', { buffers: { sendBytes: 4096, receiveBytes: 4_194_304 } }],
  ['local-ports', 'warn', { localPorts: 900 }],
];

const WELL_TOO: readonly (readonly [check: string, facts: Partial<Facts>])[] = [
  ['data-private', data({ mode: null })],
  ['data-filesystem', data({ filesystem: null })],
  ['disk-space', data({ freeBytes: null })],
  ['disk-files', data({ freeFiles: 0 })],
  ['database', database({ exists: false })],
  ['open-files', { openFiles: null }],
  ['memory', { memory: { limitBytes: null, swappedBytes: null } }],
  ['swap', { memory: { limitBytes: null, swappedBytes: null } }],
  ['clock-kept', { clock: { isKept: null, behindMs: 0 } }],
  ['srt', { programs: { ffmpeg: 'ffmpeg', srt: '' } }],
  ['rtmp-address', { listeners: [] }],
  ['exposure', open({ network: 'public' })],
  ['console-https', open({ consoleUrl: 'https://relay.example' })],
  ['name-honesty', names({ answer: 'failed' })],
  ['authorities', { authorities: { daysLeft: 300, error: '' } }],
  ['media-directory', { media: { path: '/media', error: '' } }],
  ['socket-buffers', { buffers: { sendBytes: null, receiveBytes: null } }],
  ['local-ports', { localPorts: null }],
];

const found = (facts: Partial<Facts>, name: string) =>
  findingsOf({ ...WELL, ...facts }).find(finding => finding.name === name);

describe('the doctor', () => {
  it('finds nothing to mend where all is well', () => {
    expect(findingsOf(WELL).filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it('makes at least twenty checks, each under a name of its own', () => {
    const all = CHECKS.map(({ name }) => name);
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(20);
  });

  it('has seen each of its checks find something', () => {
    expect(CHECKS.map(({ name }) => name).filter(name => !ILL.some(([ill]) => ill === name))).toEqual([]);
  });

  it.each(ILL)('finds with %s: %s', (name, state, facts) => {
    expect(found(facts, name)).toMatchObject({ state, why: expect.stringMatching(/\.$/) });
  });

  it.each(WELL_TOO)('is content with %s', (name, facts) => {
    expect(found(facts, name)?.state).toBe('ok');
  });

  it('has a command for whatever failed', () => {
    const without = ILL.filter(([name, state, facts]) => state === 'fail' && found(facts, name)?.fix === '');
    expect(without).toEqual([]);
  });

  it('quotes what a shell would take apart', () => {
    const facts = data({ path: "/srv/my mill's", error: 'EACCES' });
    expect(found(facts, 'data-directory')?.fix).toBe(`chown -R "$(id -un)" '/srv/my mill'\\''s'`);
  });
});
