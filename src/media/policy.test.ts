import { describe, expect, it } from 'vitest';
import { allowsAddress, allowsPort, type Preset } from './policy.ts';

/** Address, and whether public, lan and lab allow it. */
const TABLE: readonly [ip: string, allowed: string][] = [
  ['8.8.8.8', 'public lan lab'],
  ['172.15.255.255', 'public lan lab'],
  ['172.32.0.1', 'public lan lab'],
  ['100.63.255.255', 'public lan lab'],
  ['100.128.0.0', 'public lan lab'],
  ['223.255.255.255', 'public lan lab'],
  ['2606:4700::1', 'public lan lab'],
  ['64:ff9b::808:808', 'public lan lab'],
  ['10.0.0.1', 'lan lab'],
  ['172.16.0.1', 'lan lab'],
  ['172.31.255.255', 'lan lab'],
  ['192.168.1.1', 'lan lab'],
  ['fc00::1', 'lan lab'],
  ['fd12:3456::1', 'lan lab'],
  ['64:ff9b::c0a8:101', 'lan lab'],
  ['0.0.0.0', 'lab'],
  ['0.1.2.3', 'lab'],
  ['127.0.0.1', 'lab'],
  ['127.255.255.254', 'lab'],
  ['100.64.0.1', 'lab'],
  ['192.0.0.1', 'lab'],
  ['192.0.2.1', 'lab'],
  ['192.88.99.1', 'lab'],
  ['198.18.0.1', 'lab'],
  ['198.19.255.255', 'lab'],
  ['198.51.100.1', 'lab'],
  ['203.0.113.1', 'lab'],
  ['224.0.0.1', 'lab'],
  ['240.0.0.1', 'lab'],
  ['255.255.255.255', 'lab'],
  ['::', 'lab'],
  ['::1', 'lab'],
  ['::127.0.0.1', 'lab'],
  ['::8.8.8.8', 'lab'],
  ['::ffff:127.0.0.1', 'lab'],
  ['::ffff:7f00:1', 'lab'],
  ['::ffff:8.8.8.8', 'lab'],
  ['::ffff:192.168.1.1', 'lab'],
  ['64:ff9b::7f00:1', 'lab'],
  ['64:ff9b:1::1', 'lab'],
  ['2001::1', 'lab'],
  ['2001:2::1', 'lab'],
  ['2001:db8::1', 'lab'],
  ['2002:7f00:1::', 'lab'],
  ['2002:808:808::1', 'lab'],
  ['3fff::1', 'lab'],
  ['100::1', 'lab'],
  ['fec0::1', 'lab'],
  ['ff02::1', 'lab'],
  ['169.254.169.254', ''],
  ['169.254.0.1', ''],
  ['100.100.100.200', ''],
  ['fe80::1', ''],
  ['fe80::1%eth0', ''],
  ['febf::1', ''],
  ['fd00:ec2::254', ''],
  ['::ffff:169.254.169.254', ''],
  ['::169.254.169.254', ''],
  ['64:ff9b::a9fe:a9fe', ''],
  ['2002:a9fe:a9fe::1', ''],
  ['', ''],
  ['example.com', ''],
  ['127.1', ''],
];

describe('the address policy', () => {
  it.each(TABLE)('for %s allows: %s', (ip, allowed) => {
    const presets: readonly Preset[] = ['public', 'lan', 'lab'];
    expect(presets.filter(preset => allowsAddress(preset, ip)).join(' ')).toBe(allowed);
  });
});

describe('the port policy', () => {
  it.each([
    ['rtmp', 1935, true],
    ['rtmps', 443, true],
    ['http', 80, true],
    ['http', 8080, true],
    ['rtmp', 25, false],
    ['http', 22, false],
    ['http', 6379, false],
    ['https', 5432, false],
    ['rtmp', 6379, true],
  ])('for %s:%i says %s in public and lan', (scheme, port, allowed) => {
    expect(allowsPort('public', scheme, port)).toBe(allowed);
    expect(allowsPort('lan', scheme, port)).toBe(allowed);
  });

  it('leaves a laboratory its ports', () => {
    expect(allowsPort('lab', 'http', 22)).toBe(true);
  });
});
