import { createConnection, type Socket } from 'node:net';
import { knownAddress } from './control-socket.ts';

/**
 * Dials the channel once more, for the bytes of one viewer: the first line says whose they are. Rejects where nobody
 * listens.
 */
export function dialTap(path: string, id: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(knownAddress(path));
    // Listens on: whoever has hung up already is found out by the line that is written, before anybody else listens.
    socket.on('error', reject);
    socket.once('connect', () => {
      socket.write(`${JSON.stringify({ t: 'tap', id })}\n`);
      resolve(socket);
    });
  });
}
