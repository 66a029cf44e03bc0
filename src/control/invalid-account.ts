/** A mistake of whoever administers accounts; the message is the sentence to show. */
export class InvalidAccount extends Error {
  override readonly name = 'InvalidAccount';
}
