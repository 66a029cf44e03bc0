import type net from 'node:net';
import { asWire, type Wire } from '../wire.ts';

/** What RTSP is spoken over: one connection, or the two of a tunnel. */
export interface Line {
  /** Here comes what the server says. */
  readonly heard: net.Socket;
  say(bytes: Buffer): void;
  /** For the tick, once all is agreed; the line belongs to it from there on. */
  wire(): Wire;
  destroy(): void;
}

export const plainLine = (socket: net.Socket): Line => ({
  heard: socket,
  say: bytes => void socket.write(bytes),
  wire: () => asWire(socket, 'pull'),
  destroy: () => void socket.destroy(),
});
