import { BodyTooLarge } from './body.ts';

/** What is wrong with a request before any dialect has looked into it; each dialect has its own words for it. */
const TEXTS = {
  malformed: 'The request is malformed.',
  cutOff: 'The request was cut off.',
  mediaType: 'The media type is not supported.',
  encoding: 'The content encoding is not supported.',
  bodyTooLarge: 'The request body is too large.',
  urlTooLong: 'The request URI is too long.',
  headerTooLong: 'A request header is too long.',
  noRoute: 'The path or the method is not known.',
} as const;

export type RefusalKind = keyof typeof TEXTS;

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, options?: ErrorOptions) {
    super(TEXTS[kind], options);
    this.kind = kind;
  }
}

/** Errors of the transport as refusals; undefined for those that are not about the request as such. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof BodyTooLarge) return new Refusal('bodyTooLarge', { cause: error });
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('FST_ERR_CTP_')) return new Refusal('mediaType', { cause: error });
  if (code === 'ECONNRESET') return new Refusal('cutOff', { cause: error });
  return undefined;
}
