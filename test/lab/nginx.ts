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

  /** `application`: more directives of the application `live`; `applications`: whole blocks beside it. */
  static async start(
    place: Place,
    options: { chunkSize?: number; applications?: string; application?: string } = {},
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
rtmp { access_log off; server { listen 127.0.0.1:${port}; chunk_size ${options.chunkSize ?? 4096}; ping 3m; ${options.applications ?? ''}
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

  /** Bytes received per stream, and which client publishes it: the same client means the same push session. */
  async streams(): Promise<Map<string, { bytesIn: number; publisher: string }>> {
    const xml = await (await fetch(`http://127.0.0.1:${this.statPort}/stat`)).text();
    const streams = new Map<string, { bytesIn: number; publisher: string }>();
    for (const part of xml.split('<stream>').slice(1)) {
      const name = /<name>([^<]*)<\/name>/.exec(part)?.[1] ?? '';
      const clients = part.split('<client>').slice(1);
      const publisher = clients.find(client => client.includes('<publishing/>')) ?? '';
      streams.set(name, {
        bytesIn: Number(/<bytes_in>(\d+)<\/bytes_in>/.exec(part)?.[1] ?? 0),
        publisher: /<id>(\d+)<\/id>/.exec(publisher)?.[1] ?? '',
      });
    }
    return streams;
  }

  /** The connection that publishes the stream now; "" when nobody does. */
  async publisherOf(stream: string): Promise<string> {
    return (await this.streams()).get(stream)?.publisher ?? '';
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
