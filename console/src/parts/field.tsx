import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  /** What the node finds wrong with it. */
  readonly errors?: readonly string[] | undefined;
  readonly children: (ids: FieldIds) => ComponentChildren;
}

/** What a control bears so that its label, its hint and what is wrong with it are read out with it. */
export interface FieldIds {
  readonly id: string;
  readonly 'aria-describedby'?: string;
  readonly 'aria-invalid'?: boolean;
}

export function Field({ label, hint, errors = [], children }: FieldProps) {
  const id = useId();
  const described = [...(hint === undefined ? [] : [`${id}-hint`]), ...(errors.length === 0 ? [] : [`${id}-bad`])];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        ...(described.length === 0 ? {} : { 'aria-describedby': described.join(' ') }),
        ...(errors.length === 0 ? {} : { 'aria-invalid': true }),
      })}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {errors.length > 0 && (
        <p class="bad" id={`${id}-bad`} role="alert">
          {errors.join('; ')}
        </p>
      )}
    </div>
  );
}

/** What a control may be told beyond its value. */
interface InputFacts {
  readonly name?: string;
  readonly autoComplete?: string;
  readonly required?: boolean;
  readonly placeholder?: string;
  readonly step?: string;
  readonly min?: string;
  readonly inputMode?: 'decimal' | 'numeric' | 'url';
  readonly spellcheck?: boolean;
}

interface TextFieldProps extends Omit<FieldProps, 'children'> {
  readonly value: string;
  readonly onText: (text: string) => void;
  readonly type?: 'text' | 'password' | 'number' | 'datetime-local' | 'search';
  readonly input?: InputFacts;
}

export function TextField({ value, onText, type = 'text', input = {}, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      {ids => {
        const facts: Readonly<Record<string, unknown>> = { ...ids, ...input, type };
        return <input {...facts} value={value} onInput={event => onText(event.currentTarget.value)} />;
      }}
    </Field>
  );
}

interface ChoiceProps<T extends string> extends Omit<FieldProps, 'children'> {
  readonly value: T;
  readonly options: readonly (readonly [value: T, label: string])[];
  readonly onChoice: (value: T) => void;
}

export function Choice<T extends string>({ value, options, onChoice, ...field }: ChoiceProps<T>) {
  const choose = (text: string): void => {
    const chosen = options.find(([word]) => word === text);
    if (chosen !== undefined) onChoice(chosen[0]);
  };
  return (
    <Field {...field}>
      {ids => (
        <select {...ids} value={value} onChange={event => choose(event.currentTarget.value)}>
          {options.map(([word, text]) => (
            <option key={word} value={word}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
