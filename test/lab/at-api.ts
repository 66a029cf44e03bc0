import type { Api } from './api.ts';
import { type Around, commandLine, type Ended } from './command-line.ts';

/** Commands that talk to this API with a key that may do everything. */
export async function commandsAt(
  api: Pick<Api, 'base' | 'apiKeys'>,
  cwd: string,
): Promise<(argv: readonly string[], around?: Around) => Promise<Ended>> {
  const { token } = await api.apiKeys.create({ name: 'of a test' });
  const env = { MILLRACE_API: api.base, MILLRACE_API_KEY: token };
  return (argv, around = {}) => commandLine(argv, { ...around, terminal: { cwd, env, ...around.terminal } });
}
