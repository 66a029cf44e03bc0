import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { openApiOf } from '../../src/api/native/openapi.ts';
import { ROUTES } from '../../src/api/native/routes.ts';

/** An answer of the native API, as it came over the wire. */
export interface NativeAnswer {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
  /** As text; "" where there is none. */
  readonly body: string;
}

interface Operation {
  readonly path: RegExp;
  readonly method: string;
  readonly at: string;
  readonly statuses: readonly string[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>>;
}

const NAME = 'openapi.json';
const PROBLEM = '#/components/schemas/Problem';

/** Holds answers to the document of the API, read by somebody else's validator. */
export class Conformance {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #operations: readonly Operation[];
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: object) {
    formats.default(this.#ajv);
    this.#ajv.addSchema(document, NAME);
    this.#operations = Object.entries((document as Document).paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { responses }]) => ({
        path: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}/?$`),
        method: method.toUpperCase(),
        at: `#/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1')}/${method}/responses`,
        statuses: Object.keys(responses),
      })),
    );
  }

  /** How the answer deviates; undefined where it does not. */
  deviation(answer: NativeAnswer): string | undefined {
    const { method, url, status, contentType, body } = answer;
    if (body === '' || method === 'HEAD') return undefined;
    const type = contentType.split(';', 1)[0]?.trim();
    if (status >= 400) return this.#ofBody(answer, PROBLEM, type === 'application/problem+json');
    const operation = this.#operationOf(method, url);
    if (operation === undefined) return `${method} ${url} answered ${status} and is not in the document`;
    if (!operation.statuses.includes(String(status))) return `${method} ${url} answered ${status}, which is not told`;
    if (type !== 'application/json') return undefined;
    return this.#ofBody(answer, `${operation.at}/${status}/content/application~1json/schema`, true);
  }

  #operationOf(method: string, url: string): Operation | undefined {
    const [path = ''] = url.split('?');
    const here = this.#operations.filter(operation => operation.method === method && operation.path.test(path));
    // "redeliver" is a word before it is an id.
    return here.find(({ path: { source } }) => !source.includes('[^/]+')) ?? here[0];
  }

  #ofBody({ method, url, status, body }: NativeAnswer, at: string, isOfKind: boolean): string | undefined {
    const validate = this.#validatorOf(at);
    if (isOfKind && validate(JSON.parse(body))) return undefined;
    const why = isOfKind ? this.#ajv.errorsText(validate.errors) : 'it is of another media type';
    return `${method} ${url} answered ${status}, which is not as the document has it: ${why}\n${body.slice(0, 2_000)}`;
  }

  #validatorOf(at: string): ValidateFunction {
    const known = this.#validators.get(at);
    if (known !== undefined) return known;
    const made = this.#ajv.compile({ $ref: `${NAME}${at}` });
    this.#validators.set(at, made);
    return made;
  }
}

let ours: Conformance | undefined;

/** Throws where an answer of this version's native API is not what its document says. */
export function requireConformance(answer: NativeAnswer): void {
  if (!answer.url.startsWith('/api/v1/') || answer.url.startsWith('/api/v1/openapi.json')) return;
  ours ??= new Conformance(openApiOf(ROUTES, { version: 'test', streamPath: '/api/v1/events/stream' }));
  const deviation = ours.deviation(answer);
  if (deviation !== undefined) throw new Error(deviation);
}
