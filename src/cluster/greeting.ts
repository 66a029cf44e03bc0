import { connect, type Socket } from 'node:net';

const GREETING = 'INFO ';
const MOST_BYTES = 64 * 1024;

/**
 * Waits until one of the servers greets as NATS does. The client of NATS lets go of no connection on which nothing
 * comes, and so keeps alive a process that has given up; this one does.
 */
export async function greeted(servers: readonly string[], withinMs: number): Promise<void> {
  const sockets = servers.map(server => dial(server));
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy(new Error('nothing answers there in time'));
  }, withinMs);
  try {
    await Promise.any(sockets.map(heardGreeting));
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  }
}

function dial(server: string): Socket {
  const { hostname, port } = new URL(`tcp://${server}`);
  return connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) });
}

function heardGreeting(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let heard = '';
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      heard += text;
      if (heard.startsWith(GREETING)) resolve();
      else if (heard.length >= GREETING.length) reject(new Error('what answers there is not NATS'));
      if (heard.length > MOST_BYTES) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
}
