/** What a URL is for decides which schemes it may have: not everything that plays from a file is a live stream. */
export type UrlRole = 'live' | 'file' | 'destination' | 'callback';
/** Answers the broken rule as a sentence, without the address itself; undefined where the address will do. */
export type CheckUrl = (url: string, role: UrlRole) => string | undefined;
