/** Seeds that once found something, by target: each stays for good, with what it was. */
export const PAST: Readonly<Record<string, readonly number[]>> = {};
