import { describe, expect, it } from 'vitest';
import { checkTrust, type Trust } from './trust.ts';

const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB+w==\n-----END CERTIFICATE-----\n';
const PIN = `sha256/${'A'.repeat(43)}=`;
const URL = 'rtmps://dst.example/live/b';

const broken = (trust: Trust | undefined, url: string | undefined = URL): string[] =>
  checkTrust('destination.tls', trust, url).map(({ field }) => field);

describe('what is believed of a peer is in order', () => {
  const cases: readonly [string, Trust | undefined][] = [
    ['where nothing is said of it', undefined],
    ['with one certificate', { ca: CERTIFICATE }],
    ['with several, and lines between them', { ca: `\n${CERTIFICATE}\n\r\n${CERTIFICATE.trimEnd()}` }],
    ['with one pin', { pins: [PIN] }],
    ['with eight', { pins: Array.from({ length: 8 }, () => PIN) }],
    ['with a name', { serverName: 'ingest-1.Example.com' }],
    ['with a name of one part', { serverName: 'ingest' }],
    ['with all of it', { ca: CERTIFICATE, pins: [PIN], serverName: 'a.example' }],
  ];
  for (const [name, trust] of cases) it(name, () => expect(broken(trust)).toEqual([]));

  it.each(['rtmps', 'RTSPS', 'https', 'wss'])('for an address of %s', scheme => {
    expect(broken({ pins: [PIN] }, `${scheme}://h/a`)).toEqual([]);
  });

  it('for an address that is not known yet', () => {
    expect(checkTrust('destination.tls', { pins: [PIN] }, undefined)).toEqual([]);
  });
});

describe('what is believed of a peer names the field that breaks a rule', () => {
  const cases: readonly [string, Trust, string][] = [
    ['no certificate', { ca: '' }, '.ca'],
    ['a file name', { ca: '/etc/ssl/ca.pem' }, '.ca'],
    [
      'a key beside the certificate',
      { ca: `${CERTIFICATE}-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----` },
      '.ca',
    ],
    ['a certificate that has no end', { ca: CERTIFICATE.slice(0, -10) }, '.ca'],
    ['a whole bundle of them', { ca: CERTIFICATE.repeat(200) }, '.ca'],
    ['no pin', { pins: [] }, '.pins'],
    ['nine pins', { pins: Array.from({ length: 9 }, () => PIN) }, '.pins'],
    ['a pin of another digest', { pins: [PIN, PIN.replace('sha256', 'sha1')] }, '.pins'],
    ['a pin in hexadecimal', { pins: [`sha256/${'ab'.repeat(32)}`] }, '.pins'],
    ['a pin with something behind it', { pins: [`${PIN}\n`] }, '.pins'],
    ['an empty name', { serverName: '' }, '.serverName'],
    ['an address for a name', { serverName: '192.0.2.1' }, '.serverName'],
    ['a name with a port', { serverName: 'h:443' }, '.serverName'],
    ['a name with an empty part', { serverName: 'a..b' }, '.serverName'],
    ['a name that is too long', { serverName: 'a.'.repeat(127) }, '.serverName'],
    ['a longer one still', { serverName: `${'a.'.repeat(127)}b` }, '.serverName'],
  ];
  for (const [name, trust, part] of cases) {
    it(name, () => expect(broken(trust)).toEqual([`destination.tls${part}`]));
  }

  it('and the whole where nothing is encrypted', () => {
    expect(broken({ pins: [PIN] }, 'rtmp://h/a/b')).toEqual(['destination.tls']);
  });
});
