import { mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { Child } from './child.ts';
import { freePort, type Place } from './place.ts';
import { until } from './wait.ts';

/** Debian's nginx with libnginx-mod-rtmp: a foreign origin and destination. */
export class Nginx {
  readonly port: number;
  readonly statPort: number;
  #child: Child;
  readonly #conf: string;

  private constructor(port: number, statPort: number, conf: string) {
    this.port = port;
    this.statPort = statPort;
    this.#conf = conf;
    this.#child = this.#spawn();
  }

  /** `rtmp`: directives of the rtmp server block beyond the application `live`. */
  static async start(
    place: Place,
    options: { chunkSize?: number; rtmp?: string; application?: string } = {},
  ): Promise<Nginx> {
    const port = await freePort();
    const statPort = await freePort();
    const dir = place.path(`nginx-${port}`);
    mkdirSync(dir);
    const conf = `${dir}/nginx.conf`;
    writeFileSync(
      conf,
      `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
user root; daemon off; master_process off; pid ${dir}/pid; error_log stderr warn; worker_rlimit_nofile 8192;
events { worker_connections 8192; }
http { access_log off; client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b; fastcgi_temp_path ${dir}/c; uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e;
  server { listen 127.0.0.1:${statPort}; location /stat { rtmp_stat all; } } }
rtmp { access_log off; server { listen 127.0.0.1:${port}; chunk_size ${options.chunkSize ?? 4096}; ping 3m; ${options.rtmp ?? ''}
  application live { live on; ${options.application ?? ''} } } }
`,
    );
    const nginx = new Nginx(port, statPort, conf);
    place.own(nginx, it => it.stop());
    await nginx.listening();
    return nginx;
  }

  get pid(): number {
    return this.#child.pid;
  }

  url(stream: string): string {
    return `rtmp://127.0.0.1:${this.port}/live/${stream}`;
  }

  #spawn(): Child {
    return new Child('nginx', ['-c', this.#conf]);
  }

  async listening(): Promise<void> {
    await until(`nginx listens on ${this.port}: ${this.#child.output}`, () => connects(this.port));
  }

  async kill(): Promise<void> {
    await this.#child.stop('SIGKILL');
  }

  /** Starts it again on the same ports, after `kill`. */
  async restart(): Promise<void> {
    this.#child = this.#spawn();
    await this.listening();
  }

  async stop(): Promise<void> {
    await this.#child.stop('SIGTERM', 2000);
  }

  /** Bytes received per stream name, and the number of connections ever accepted. */
  async stat(): Promise<{ streams: Map<string, number>; accepted: number }> {
    const xml = await (await fetch(`http://127.0.0.1:${this.statPort}/stat`)).text();
    const streams = new Map<string, number>();
    for (const part of xml.split('<stream>').slice(1)) {
      const name = /<name>([^<]*)<\/name>/.exec(part)?.[1] ?? '';
      streams.set(name, Number(/<bytes_in>(\d+)<\/bytes_in>/.exec(part)?.[1] ?? 0));
    }
    return { streams, accepted: Number(/<naccepted>(\d+)<\/naccepted>/.exec(xml)?.[1] ?? 0) };
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
