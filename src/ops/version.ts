import { readFileSync } from 'node:fs';

// package.json is ours, so that it holds a version is known.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const version = manifest.version;
