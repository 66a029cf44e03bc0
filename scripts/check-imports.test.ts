import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkImports, importsOf, sourceFiles } from './check-imports.ts';

const check = (path: string, text: string) => checkImports([{ path, text }]);

describe('the import check', () => {
  it.each([
    ['src/task/task.ts', "import { open } from 'node:fs';", 'task may not import node:fs: it is pure'],
    ['src/task/task.ts', "import type { Store } from '../store/store.ts';", 'task may not import store/store.ts'],
    ['src/media/relay.ts', "import { x } from '../task/task.ts';", 'media may not import task/task.ts'],
    ['src/worker/run.ts', "import { x } from '../store/store.ts';", 'worker may not import store/store.ts'],
    ['src/store/sqlite.ts', "import { x } from '../cluster/cluster.ts';", 'store may not import cluster/cluster.ts'],
    ['src/control/tasks.ts', "import { x } from '../media/open.ts';", 'control may not import media/open.ts'],
    ['src/control/tasks.ts', "import { x } from '../store/sqlite.ts';", 'control may not import store/sqlite.ts'],
    ['src/api/server.ts', "import { x } from '../media/address.ts';", 'api may not import media/address.ts'],
    ['src/cli/key.ts', "import { x } from '../control/accounts.ts';", 'cli may not import control/accounts.ts'],
    ['src/control/tasks.ts', "import { x } from '../main.ts';", 'control may not import main.ts'],
    ['src/client.ts', "import { x } from './config.ts';", 'client.ts may not import config.ts'],
    ['src/control/tasks.ts', "import sqlite from 'node:sqlite';", 'only store may import node:sqlite'],
    [
      'src/client/words.ts',
      "import { EVENT } from '../api/native/log-schema.ts';",
      'client may not import api/native/log-schema.ts',
    ],
    [
      'src/client/words.ts',
      "import type { Gate } from '../api/native/auth.ts';",
      'client may not import api/native/auth.ts',
    ],
    ['src/control/tasks.ts', "import { sql } from 'kysely/helpers/x';", 'only store may import kysely'],
    ['src/api/server.ts', "import x from 'left-pad';", 'left-pad is not in the table of packages'],
    ['src/api/server.ts', "import x from '@scope/name/deep';", '@scope/name is not in the table of packages'],
    [
      'src/api/huawei/task.ts',
      "import { x } from '../alibaba/task.ts';",
      'one dialect may not import another (huawei → alibaba)',
    ],
    ['src/api/server.ts', "import { x } from './auth';", '"api/auth" is imported without its .ts ending'],
    ['src/store/sqlite.ts', "import { x } from './store.testsuite.ts';", 'store/store.testsuite.ts is a test'],
    [
      'src/store/sqlite.ts',
      "import { x } from '../../scripts/x.ts';",
      'src may not import ../scripts/x.ts from outside src',
    ],
    ['src/attic/x.ts', '', 'attic has no row in the import table'],
    ['src/control/tasks.ts', 'const home = process.env.HOME;', 'only config.ts reads the environment'],
    ['src/task/utils.ts', '', 'a file is named for the thing it holds, not "utils"'],
    ['test/helpers.ts', '', 'a file is named for the thing it holds, not "helpers"'],
    ['src/media/x.ts', 'export class PushSession {}', 'PushSession has a name that means everything'],
  ])('finds in %s: %s', (path, text, problem) => {
    expect(check(path, text)).toEqual([expect.stringContaining(problem)]);
  });

  it.each([
    ['src/worker/run.ts', "import { x } from '../media/open.ts';\nimport { y } from '../task/retry.ts';"],
    ['src/control/supervisor.ts', "import { x } from '../worker/channel.ts';\nimport { y } from 'node:fs';"],
    ['src/api/huawei/routes.ts', "import { x } from '../auth.ts';\nimport { y } from './task.ts';"],
    ['src/cli/serve.ts', "const main = await import('../main.ts');"],
    ['src/client/words.ts', "import type {\n  EVENT,\n} from '../api/native/log-schema.ts';"],
    ['src/store/sqlite.ts', "import { DatabaseSync } from 'node:sqlite';"],
    ['src/task/task.test.ts', "import { readFileSync } from 'node:fs';"],
    ['src/worker/spawn.ts', 'const env = { ...process.env };'],
    ['src/task/task.ts', "// import { x } from 'node:fs';\n/* process.env class PushSession */"],
    ['src/task/task.ts', "const said = 'import nothing from here';"],
  ])('lets %s do: %s', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });

  it('tells the line', () => {
    expect(check('src/task/task.ts', "// one\n\nimport type {\n  A,\n} from '../media/packet.ts';")[0]).toMatch(
      /^src\/task\/task\.ts:3: /,
    );
  });

  it('sees every way to import', () => {
    const text = [
      "import 'a';",
      "import b from 'b';",
      "import {\n  c,\n} from 'c';",
      "export * from 'd';",
      "export { e } from 'e';",
      "await import('f');",
      "require('g');",
      "import type { h } from 'h';",
    ].join('\n');
    expect(
      importsOf(text)
        .map(({ target }) => target)
        .sort(),
    ).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  });

  it('keeps the console a client like any other', () => {
    expect(
      check('console/src/api.ts', "import { signal } from '@preact/signals';\nimport { t } from './words.ts';"),
    ).toEqual([]);
    expect(check('console/src/api.ts', "import { Tasks } from '../../src/control/tasks.ts';")[0]).toMatch(
      /^console\/src\/api\.ts:1: the console may not import src\/control\/tasks\.ts/,
    );
    expect(check('console/src/api.ts', "import { readFileSync } from 'node:fs';")).toHaveLength(1);
  });

  it('reads the files of this repository', () => {
    const paths = sourceFiles(dirname(import.meta.dirname)).map(({ path }) => path);
    expect(paths).toContain('src/config.ts');
    expect(paths).toContain('scripts/check-imports.test.ts');
    expect(paths).toContain('console/src/views/now.tsx');
  });
});
