import { type RawAnswer, sendRaw } from './api.ts';

export interface NativeCall {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type NativeAsk = (path: string, call?: NativeCall) => Promise<RawAnswer>;

/** Asks the native API as the holder of an API key does; a body makes it a POST. */
export const nativeAsk =
  (base: string, token: string): NativeAsk =>
  (path, { method, body, headers = {} } = {}) =>
    sendRaw(base, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      url: `/api/v1/${path}`,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    });
