/** How long what may take. Tests shorten them. */
export interface HttpLimits {
  /** The whole of opening, redirects included. */
  readonly openMs: number;
  /** From the request to the first byte of its answer. */
  readonly firstByteMs: number;
  readonly headersMs: number;
  /** Without a byte while bytes are wanted. */
  readonly silentMs: number;
  /** For going on after a connection broke. */
  readonly resumeMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  openMs: 10_000,
  firstByteMs: 3_000,
  headersMs: 10_000,
  silentMs: 5_000,
  resumeMs: 3_000,
};
