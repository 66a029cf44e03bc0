import { expect, it } from 'vitest';
import { parseAddress, urlOf } from '../address.ts';
import { wishOf } from './way.ts';

const wish = (url: string): { way: string | undefined; url: string } => {
  const { address, way } = wishOf(parseAddress(url, ['rtsp', 'rtsps']));
  return { way, url: urlOf(address) };
};

it.each([
  ['rtsp://cam/ch1#transport=udp', 'udp', 'rtsp://cam/ch1'],
  ['rtsp://cam/ch1?a=b#transport=TCP', 'tcp', 'rtsp://cam/ch1?a=b'],
  ['rtsps://cam#transport=http', 'http', 'rtsps://cam'],
  ['rtsp://cam/ch1#x=y&transport=udp', 'udp', 'rtsp://cam/ch1'],
])('takes the wish off %s', (given, way, url) => {
  expect(wish(given)).toEqual({ way, url });
});

it.each(['rtsp://cam/ch1', 'rtsp://cam/ch1?transport=udp', 'rtsp://cam/#1', 'rtsp://cam/#mytransport=udp'])(
  'leaves %s as it is',
  url => {
    expect(wish(url)).toEqual({ way: undefined, url });
  },
);

it('names the ways where it is given another', () => {
  expect(() => wish('rtsp://cam/ch1#transport=sctp')).toThrow('must be one of: tcp, udp, http');
});
