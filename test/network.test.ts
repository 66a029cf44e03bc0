import { expect, it } from 'vitest';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';

/** Addresses of this machine and its neighbours, in the spellings that fool other parsers. */
const HIDDEN = [
  ...[
    '127.0.0.1',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'x.localhost',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
  ],
  ...['017700000001', '0', '0.0.0.0', '①②⑦.⓪.⓪.①', '127。0。0。1', '[::1]', '[::]', '[::ffff:127.0.0.1]'],
  ...[
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[::127.0.0.1]',
    '[fe80::1]',
    '[fe80::1%25lo]',
    '[fd00::1]',
  ],
  ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '169.254.169.254', '198.18.0.1'],
  ...['224.0.0.1', '240.0.0.1', '255.255.255.255', '192.0.2.1', '100.100.100.200'],
];
const BROKEN = [
  ...[
    'file:///etc/passwd',
    'data:text/plain,x',
    'gopher://host/x/y',
    'concat:a|b',
    'pipe:1',
    'unix:/run/x',
    '//host/a/b',
  ],
  ...['rtmp:host/a/b', 'rtmp:///a/b', 'rtmp://./a/b', 'rtmp://a..b/c/d', 'rtmp://ho\tst/a/b', 'rtmp://host/a\r\nb/c'],
  ...['rtmp://host\\@127.0.0.1/a/b', 'rtmp://a@b@c/d/e', 'http://127.0.0.1%2f@evil.example/a.mp4', 'rtmp://h:0/a/b'],
  ...[
    'rtmp://h:65536/a/b',
    'rtmp://h:x/a/b',
    `rtmp://${'a'.repeat(64)}.example/a/b`,

    'rtmp://a b/c/d',
  ],
];

it('a node that relays for strangers dials nothing that is its own or its neighbours’, in any field and any spelling', async () => {
  await using place = new Place();
  const strict = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off', '--network', 'public'] });
  const wish = {
    source_type: 'PullLivePushLive',
    source_urls: ['rtmp://a.example/b/c'],
    destination_url: 'rtmp://a.example/b/c',
  };
  const fields: [string, (host: string) => object][] = [
    ['source_urls', host => ({ source_urls: [`rtmp://${host}/a/b`] })],
    ['source_urls', host => ({ source_type: 'PullVodPushLive', source_urls: [`http://${host}/a.mp4`] })],
    ['destination_url', host => ({ destination_url: `rtmp://${host}/a/b` })],
    ['backup_source_urls', host => ({ backup_source_urls: [`rtmp://${host}/a/b`] })],
    ['callback_url', host => ({ callback_url: `http://${host}/a` })],
  ];
  const changes = [
    ...HIDDEN.flatMap(host => fields.map(([field, change]) => [field, change(host)] as const)),
    ...BROKEN.flatMap(url => [
      ['source_urls', { source_urls: [url] }] as const,
      ['destination_url', { destination_url: url }] as const,
    ]),
  ];
  const wrong: unknown[] = [];
  for (const [field, change] of changes) {
    const answer = await strict.huawei.call({ method: 'POST', body: { ...wish, ...change } });
    const text = String(answer.body.error_msg);
    const named = answer.status === 400 && answer.body.error_code === 'LIVE.100011001' && text.includes(`: ${field}: `);
    if (!named) wrong.push([change, answer.status, answer.body]);
  }
  expect(wrong).toEqual([]);
  expect((await strict.huawei.call({ method: 'POST', body: wish })).status).toBe(200);
});
