import { expect, it } from 'vitest';
import { namesOf, token, untoken } from './names.ts';
import { parseNatsAddress, printNatsAddress } from './nats-address.ts';

it.each(['a', 'host.example-1', '', '=', 'a=2e=', '*', '>', 'Knoten ü', '节点', '🎥'])(
  'gives %j a name of its own',
  text => {
    expect(token(text)).toMatch(/^[A-Za-z0-9_=-]+$/);
    expect(untoken(token(text))).toBe(text);
  },
);

it('makes one subject of each topic, whatever it is called', () => {
  expect(namesOf('i.d').say('a.b c')).toBe('millrace.i=2e=d.say.a=2e=b=20=c');
});

it.each([
  ['nats://one', { servers: ['one:4222'], isSecure: false }],
  [
    'tls://u%40:p%3A@one:1,tls://[::1]:2',
    { servers: ['one:1', '[::1]:2'], isSecure: true, user: 'u@', password: 'p:' },
  ],
  ['nats://100%:50%@one', { servers: ['one:4222'], isSecure: false, user: '100%', password: '50%' }],
  ['nats://t0ken@one', { servers: ['one:4222'], isSecure: false, token: 't0ken' }],
])('reads %s', (text, address) => {
  expect(parseNatsAddress(text)).toEqual(address);
});

it.each(['', 'one', 'http://one', 'nats://', 'nats://one/path', 'nats://one?x', 'nats://one,tls://two'])(
  'takes %j for no address',
  text => {
    expect(parseNatsAddress(text)).toBeUndefined();
  },
);

it('prints no password', () => {
  const address = parseNatsAddress('nats://user:w0rd@one,nats://two:7');
  expect(address && printNatsAddress(address)).toBe('nats://one:4222,nats://two:7');
});
