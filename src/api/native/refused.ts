import { NativeError } from './error.ts';

/** Nobody is known by what was sent. */
export const unproven = (detail: string): NativeError => new NativeError('UNAUTHENTICATED', detail);

/** Somebody is, who may not. */
export const forbidden = (detail: string): NativeError => new NativeError('FORBIDDEN', detail);
