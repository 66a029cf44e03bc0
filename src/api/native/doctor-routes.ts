import { DIAGNOSIS } from './doctor-schema.ts';
import { type Route, route } from './route.ts';

/** How the installation itself is: for who runs it. */
export const DOCTOR_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/v1/doctor',
    action: 'millrace:nodes:diagnose',
    summary: 'Looks over the node and its machine, and tells what would mend what is not well',
    answer: DIAGNOSIS,
    does: ({ doctor }) => doctor.checks(),
  }),
];
