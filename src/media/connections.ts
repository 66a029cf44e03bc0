import http from 'node:http';
import type { Socket } from 'node:net';

/** Servers close what is idle after five seconds as a rule: who is a little quicker meets few that are closing. */
const IDLE_MS = 4_000;
const MOST_IDLE = 64;
const MOST_IDLE_PER_PEER = 8;

/** An open connection, as an agent of Node's client that has this one and no other. */
export class Connection extends http.Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
    // What comes between two requests ends the connection, and nobody else listens then.
    socket.on('error', () => undefined);
  }

  override createConnection(): Socket {
    return this.#socket;
  }

  /** Whether the peer has answered in full, and lets us send more. */
  get isIdle(): boolean {
    const { destroyed, readableLength } = this.#socket;
    return !destroyed && readableLength === 0 && Object.keys(this.freeSockets).length > 0;
  }

  override destroy(): void {
    super.destroy();
    this.#socket.destroy();
  }
}

interface Idle {
  readonly peer: string;
  readonly connection: Connection;
  readonly timer: NodeJS.Timeout;
}

/** Connections that wait a moment for the next request to the same peer, which saves it and us a handshake. */
export class Connections {
  /** The one that has waited longest comes first. */
  #idle: readonly Idle[] = [];
  #closed = false;

  /** The one that was used last: the others may be closed by their peer soon. */
  take(peer: string): Connection | undefined {
    const found = this.#idle.findLast(idle => idle.peer === peer && idle.connection.isIdle);
    if (found) this.#forget(found);
    return found?.connection;
  }

  keep(peer: string, connection: Connection): void {
    if (this.#closed || !connection.isIdle) {
      connection.destroy();
      return;
    }
    const timer = setTimeout(() => this.#end(idle), IDLE_MS);
    timer.unref();
    const idle: Idle = { peer, connection, timer };
    this.#idle = [...this.#idle, idle];
    const ofPeer = this.#idle.filter(other => other.peer === peer);
    const surplus = ofPeer.length > MOST_IDLE_PER_PEER ? ofPeer[0] : undefined;
    const oldest = surplus ?? (this.#idle.length > MOST_IDLE ? this.#idle[0] : undefined);
    if (oldest) this.#end(oldest);
  }

  close(): void {
    this.#closed = true;
    for (const idle of this.#idle) this.#end(idle);
  }

  #end(idle: Idle): void {
    this.#forget(idle);
    idle.connection.destroy();
  }

  #forget(idle: Idle): void {
    clearTimeout(idle.timer);
    this.#idle = this.#idle.filter(other => other !== idle);
  }
}
