import { expect, it } from 'vitest';
import { canonicalPush, leadsToPeer } from './push-address.ts';

it.each([
  ['the case of scheme and host', 'RTMP://Live.Example.com/app/key', 'rtmp://live.example.com:1935/app/key'],
  ['the port that the scheme has', 'rtmp://live.example.com:1935/app/key', 'rtmp://live.example.com:1935/app/key'],
  ['the port of TLS', 'rtmps://live.example.com/app/key', 'rtmps://live.example.com:443/app/key'],
  ['a port with zeroes', 'rtmp://h:01935/app/key', 'rtmp://h:1935/app/key'],
  ['a dot behind the name', 'rtmp://live.example.com./app/key', 'rtmp://live.example.com:1935/app/key'],
  ['the spelling of an IPv4 address', 'rtmp://127.1/app/key', 'rtmp://127.0.0.1:1935/app/key'],
  ['the spelling of an IPv6 address', 'rtmp://[0:0::1]/app/key', 'rtmp://[::1]:1935/app/key'],
  ['who logs in', 'rtmp://me:secret@h/app/key', 'rtmp://h:1935/app/key'],
])('makes nothing of %s', (_, one, other) => {
  expect(canonicalPush(one)).toBe(other);
  expect(canonicalPush(canonicalPush(one))).toBe(other);
});

it.each([
  ['paths', 'rtmp://h/app/key', 'rtmp://h/app/Key'],
  ['queries', 'rtmp://h/app/key?a=1', 'rtmp://h/app/key?a=2'],
  ['ports', 'rtmp://h/app/key', 'rtmp://h:1936/app/key'],
  ['schemes', 'rtmp://h:443/app/key', 'rtmps://h:443/app/key'],
  ['streams of SRT', 'srt://h:9000?streamid=a', 'srt://h:9000?streamid=b'],
])('tells %s apart', (_, one, other) => {
  expect(canonicalPush(one)).not.toBe(canonicalPush(other));
});

it.each(['', 'no address', 'rtmp:/h', 'rtmp://[::/x', 'rtmp://%zz/a/b'])('takes %j as it is rather than fail', text => {
  expect(canonicalPush(canonicalPush(text))).toBe(canonicalPush(text));
});

it.each([
  ['srt://0.0.0.0:9000?mode=listener', false],
  ['SRT://0.0.0.0:9000?latency=200&mode=listener&x=1', false],
  ['srt://h:9000?streamid=mode=listener', true],
  ['srt://h:9000?mode=caller', true],
  ['rtmp://h/app/key?mode=listener', true],
])('tells whether %s leads to a peer: %s', (address, leads) => {
  expect(leadsToPeer(address)).toBe(leads);
});
