/** What other nodes say was written by any version of ours: its fields are looked at one by one. */
export const fieldsOf = (said: unknown): Readonly<Record<string, unknown>> =>
  typeof said === 'object' && said !== null ? { ...said } : {};
