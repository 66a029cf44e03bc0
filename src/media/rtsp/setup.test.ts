import { describe, expect, it } from 'vitest';
import { baseOf, beginningOf, beginningsOf, channelsOf, controlUri, serverPortsOf, sessionOf } from './setup.ts';

const OFFER = { rtp: 2, rtcp: 3 };

describe('the channels', () => {
  it('are those that the server chose', () => {
    expect(channelsOf('RTP/AVP/TCP;unicast;interleaved=8-9;ssrc=1', OFFER)).toEqual({ rtp: 8, rtcp: 9 });
    expect(channelsOf('RTP/AVP/TCP; interleaved = 4', OFFER)).toEqual({ rtp: 4, rtcp: 5 });
  });

  it('are those of the offer where the server names none', () => {
    expect(channelsOf(undefined, OFFER)).toEqual(OFFER);
    expect(channelsOf('RTP/AVP/TCP;unicast;destination=10.0.0.1', OFFER)).toEqual(OFFER);
  });

  it('are none where the server sends another way, or a number that is none', () => {
    expect(channelsOf('RTP/AVP;unicast;client_port=5000-5001', OFFER)).toBeUndefined();
    expect(channelsOf('RTP/AVP/TCP;interleaved=300-301', OFFER)).toBeUndefined();
    expect(channelsOf('', OFFER)).toBeUndefined();
  });
});

describe('the ports of the server', () => {
  it.each([
    ['RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971;ssrc=1', { rtp: 6970, rtcp: 6971 }],
    ['RTP/AVP/UDP; unicast; source=10.0.0.9; server_port = 6970', { rtp: 6970, rtcp: 6971 }],
    ['RTP/AVP;unicast;client_port=5000-5001', { rtp: 0, rtcp: 0 }],
    ['RTP/AVP;server_port=70000-70001', { rtp: 0, rtcp: 0 }],
    ['RTP/AVP;server_port=65535', { rtp: 0, rtcp: 0 }],
  ])('are those of %s', (transport, ports) => {
    expect(serverPortsOf(transport)).toEqual(ports);
  });

  it.each([
    'RTP/AVP;multicast;destination=224.2.0.1',
    'RTP/AVP/TCP;unicast;interleaved=0-1',
    'RTP/AVP;interleaved=0-1',
    'RTP/SAVP;unicast',
    '',
    undefined,
  ])('are none of %s', transport => {
    expect(serverPortsOf(transport)).toBeUndefined();
  });
});

it('reads how long the server remembers us', () => {
  expect(sessionOf('abc;timeout=30')).toEqual({ id: 'abc', timeoutSeconds: 30 });
  expect(sessionOf(' abc ; Timeout = 5 ')).toEqual({ id: 'abc', timeoutSeconds: 5 });
  expect(sessionOf('abc')).toEqual({ id: 'abc', timeoutSeconds: 60 });
  expect(sessionOf('abc;timeout=0')).toEqual({ id: 'abc', timeoutSeconds: 60 });
});

describe('an address of a control attribute', () => {
  it.each([
    ['rtsp://c/live', 'trackID=1', 'rtsp://c/live/trackID=1'],
    ['rtsp://c/live/', 'trackID=1', 'rtsp://c/live/trackID=1'],
    ['rtsp://c/live/', '/trackID=1', 'rtsp://c/live/trackID=1'],
    ['rtsp://c/live?a=b/', 'trackID=1', 'rtsp://c/live?a=b/trackID=1'],
    ['rtsp://c/live', '?ctype=video', 'rtsp://c/live?ctype=video'],
    ['rtsp://c/live', 'rtsp://192.0.2.1/live/1', 'rtsp://192.0.2.1/live/1'],
    ['rtsp://c/live/', '*', 'rtsp://c/live/'],
    ['rtsp://c/live/', undefined, 'rtsp://c/live/'],
  ])('%s and %s is %s', (base, control, uri) => {
    expect(controlUri(base, control)).toBe(uri);
  });

  it('is relative to what was asked for where the server tells no base', () => {
    expect(baseOf('rtsp://192.0.2.1/x/', 'rtsp://c/x')).toBe('rtsp://192.0.2.1/x/');
    for (const told of [undefined, '', 'file:///x', 'rtsp://a b/'])
      expect(baseOf(told, 'rtsp://c/x')).toBe('rtsp://c/x');
  });
});

describe('where tracks begin', () => {
  it('is told for each by its address', () => {
    const told = beginningsOf('url=rtsp://c/x/trackID=0;seq=1;rtptime=900,url=rtsp://c/x/trackID=1;seq=7;rtptime=480');
    expect(beginningOf(told, 'rtsp://c/x/trackID=0', 0)).toBe(900);
    expect(beginningOf(told, 'rtsp://c/x/trackID=1', 1)).toBe(480);
    expect(beginningOf(told, 'rtsp://c/x/trackID=2', 2)).toBeUndefined();
  });

  it('is told by less than the whole address, too', () => {
    const told = beginningsOf('url=trackID=0;rtptime=900, url="trackID=1";rtptime=4294967295');
    expect(beginningOf(told, 'rtsp://c/x/trackID=0', 0)).toBe(900);
    expect(beginningOf(told, 'rtsp://c/x/trackID=1', 1)).toBe(4_294_967_295);
  });

  it('is not told by what cannot be a time', () => {
    expect(beginningsOf('url=a;rtptime=4294967296,url=b;seq=1,rtptime=5,;;;').size).toBe(0);
    expect(beginningsOf(undefined).size).toBe(0);
  });
});
