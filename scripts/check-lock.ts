// Keeps package.json and package-lock.json fit for `npm ci` anywhere: exact versions, every platform's optional packages
// listed (npm ci refuses a lockfile that lacks one), and no download host, so that any registry can serve it.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  /** A workspace of ours: `resolved` is its folder. */
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export function checkLock(manifest: Manifest, lock: Lock): string[] {
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return [
    ...wanted.flatMap(([name, version]) => pinProblems(name, version, lock)),
    ...Object.entries(lock.packages).flatMap(([path, locked]) => [
      ...(locked.resolved === undefined || locked.link === true
        ? []
        : [`package-lock.json: ${path} is bound to a download host`]),
      ...missingOptional(path, locked, lock),
    ]),
  ];
}

function pinProblems(name: string, version: string, lock: Lock): string[] {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) return [`package.json: ${name} is not pinned exactly (${version})`];
  const locked = lock.packages[`node_modules/${name}`]?.version;
  return locked === version
    ? []
    : [`package-lock.json: ${name} is ${locked ?? 'missing'}, package.json wants ${version}`];
}

/** A package is looked for beside its dependent, then in every node_modules further up. */
function missingOptional(path: string, { optionalDependencies }: LockedPackage, lock: Lock): string[] {
  const places = path
    .split('/node_modules/')
    .map((_, at, parts) => parts.slice(0, parts.length - at).join('/node_modules/'));
  return Object.keys(optionalDependencies ?? {})
    .filter(
      name =>
        ![...places.map(place => `${place}/node_modules/${name}`), `node_modules/${name}`].some(
          at => at in lock.packages,
        ),
    )
    .map(
      name => `package-lock.json: lacks ${name}, which ${path} may need on another platform; npm ci would refuse it`,
    );
}

if (import.meta.main) {
  const root = dirname(import.meta.dirname);
  // Both files are npm's own, in npm's shape.
  const read = <T>(name: string): T => JSON.parse(readFileSync(join(root, name), 'utf8')) as T;
  const lock = read<Lock>('package-lock.json');
  const problems = ['package.json', 'console/package.json'].flatMap(name => checkLock(read<Manifest>(name), lock));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
