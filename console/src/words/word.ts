/** A sentence with {holes}; where a number bends it, one sentence for each form that the language has. */
export type Word = string | { readonly one?: string; readonly other: string };
