import { createConnection, type Socket } from 'node:net';
import { knownAddress } from './control-socket.ts';

/**
 * Dials the channel once more, for the bytes of one viewer: the first line says whose they are. Rejects where nobody
 * listens.
 */
export function dialTap(path: string, id: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(knownAddress(path));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.write(`${JSON.stringify({ t: 'tap', id })}\n`);
      resolve(socket);
    });
  });
}
