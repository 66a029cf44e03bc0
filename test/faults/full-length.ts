/** Whether faults last as long as the matrix says; `npm run bench -- faults` has it so, a test is shorter. */
const isFull = process.env.TEST_FULL_FAULTS === '1';

/** How long a fault lasts, as it is tested and as the matrix has it. */
export const lastingMs = (testedMs: number, fullMs: number): number => (isFull ? fullMs : testedMs);
