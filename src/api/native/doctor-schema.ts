import Type from 'typebox';
import { oneOf, strict } from './schema.ts';

/** One thing of the node or its machine that was looked at; `fix` is empty where there is nothing to mend. */
export const FINDING = strict(
  {
    name: Type.String(),
    state: oneOf('ok', 'warn', 'fail'),
    found: Type.String(),
    why: Type.String(),
    fix: Type.String(),
  },
  'Finding',
);

export const DIAGNOSIS = strict({ checks: Type.Array(FINDING) });
