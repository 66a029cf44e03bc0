/** What the API tells of itself: one line an answered request, and what it did not expect. A pino logger will do. */
export interface Log {
  info(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
