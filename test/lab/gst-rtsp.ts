import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import type { Place } from './place.ts';
import { until } from './wait.ts';

/** Debian's own: only that knows Debian's GStreamer. */
const PYTHON = '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('gst-rtsp.py', import.meta.url));

export interface GstRtspOptions {
  /** How it may send. */
  readonly protocols?: 'any' | 'tcp' | 'udp';
  /** Of the user `admin`, whom it asks for by Digest. */
  readonly password?: string;
}

/** GStreamer's RTSP server, with a film that begins anew for each who comes. */
export class GstRtsp {
  readonly child: Child;
  #port = 0;

  private constructor(file: string, { protocols = 'any', password = '' }: GstRtspOptions) {
    this.child = new Child(PYTHON, [PROGRAM, file, protocols, password]);
    this.child.onLine(line => {
      if (this.#port === 0) this.#port = Number(line);
    });
  }

  static async start(place: Place, file: string, options: GstRtspOptions = {}): Promise<GstRtsp> {
    const server = place.own(new GstRtsp(file, options), it => it.child.stop('SIGKILL'));
    await until(`GStreamer serves (packages: see ARCHITECTURE.md)${server.child.output}`, () => server.#port > 0);
    return server;
  }

  url(userinfo = ''): string {
    return `rtsp://${userinfo === '' ? '' : `${userinfo}@`}127.0.0.1:${this.#port}/live/in`;
  }
}
