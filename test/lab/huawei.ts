import sdk from '@huaweicloud/huaweicloud-sdk-core';
import signer from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';

const { AKSKSigner } = signer;
const { BasicCredentials } = sdk;

export interface Key {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly projectId: string;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers is what the tests look into
  readonly body: any;
  readonly headers: Headers;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path?: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
}

/** Calls the relay task API as the vendor's SDK does: signed by its own signer. */
export class HuaweiClient {
  readonly #api: string;
  readonly #key: Key;

  constructor(api: string, key: Key) {
    this.#api = api;
    this.#key = key;
  }

  async call({ method, path, query = {}, body }: Call): Promise<Answer> {
    const url = `${this.#api}${path ?? `/v1/${this.#key.projectId}/pull/stream/task`}`;
    const credentials = new BasicCredentials()
      .withAk(this.#key.accessKey)
      .withSk(this.#key.secretKey)
      .withProjectId(this.#key.projectId);
    const request = {
      endpoint: url,
      method,
      queryParams: query,
      headers: { 'content-type': 'application/json', 'X-Project-Id': this.#key.projectId },
      ...(body === undefined ? {} : { data: body }),
    };
    const headers: Record<string, string> = AKSKSigner.sign(request as never, credentials);
    delete headers.host;
    const text = new URLSearchParams(
      Object.entries(query).map(([k, v]): [string, string] => [k, String(v)]),
    ).toString();
    const response = await fetch(text === '' ? url : `${url}?${text}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    return { status: response.status, body: answer === '' ? undefined : JSON.parse(answer), headers: response.headers };
  }

  /** Creates a live task and answers its id. */
  async createLive(source: string, destination: string, more: object = {}): Promise<string> {
    const body = { source_type: 'PullLivePushLive', source_urls: [source], destination_url: destination, ...more };
    const answer = await this.call({ method: 'POST', body });
    if (answer.status !== 200) throw new Error(`create answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body.task_id;
  }

  async status(taskId: string): Promise<string> {
    const answer = await this.call({ method: 'GET', query: { task_id: taskId } });
    return answer.body.task_infos?.[0]?.status ?? `HTTP ${answer.status}`;
  }

  remove(taskId: string): Promise<Answer> {
    return this.call({ method: 'DELETE', query: { task_id: taskId } });
  }
}
