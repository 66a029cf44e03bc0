import Type from 'typebox';
import { type Route, route } from './route.ts';
import { oneOf, strict } from './schema.ts';

const finding = strict(
  {
    name: Type.String(),
    state: oneOf('ok', 'warn', 'fail'),
    found: Type.String(),
    why: Type.String(),
    fix: Type.String(),
  },
  'Finding',
);

/** How the installation itself is: for who runs it. */
export const DOCTOR_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/v1/doctor',
    action: 'millrace:nodes:diagnose',
    summary: 'Looks over the node and its machine, and tells what would mend what is not well',
    answer: strict({ checks: Type.Array(finding) }),
    does: ({ doctor }) => doctor.checks(),
  }),
];
