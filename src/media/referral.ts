/** Where a peer wants us to go on, on a connection to be made for that; until it is, the present one goes on. */
export interface Referral {
  /** The whole address, with the stream's name: never for a log. Undefined where we cannot go to what the peer named. */
  readonly url: string | undefined;
  /** Whether it is the present server by its name, which may take no second publish beside the first. */
  readonly isSameServer: boolean;
  /** What the peer says of it, or what is wrong with the address it named; fit for a log. */
  readonly words: string;
}
