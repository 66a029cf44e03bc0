import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config.ts';
import { OPTIONS } from '../src/options.ts';
import { chartValues, type Manifest, render, renderChart } from './lab/chart.ts';
import { run } from './lab/child.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHART = join(ROOT, 'deploy/helm/millrace');
const textOf = (path: string): string => readFileSync(join(CHART, path), 'utf8');

/** What whoever installs it has to say. */
const GIVEN = {
  image: { repository: 'images.example/millrace', tag: '1' },
  secrets: { database: 'millrace-database', nats: 'millrace-nats', sealKey: 'millrace-seal' },
};
const values = (beside: object = {}) => ({ ...chartValues(CHART), ...GIVEN, ...beside });
const rendered = (beside: object = {}) =>
  renderChart(CHART, { name: 'relay', namespace: 'media', values: values(beside) });

interface Variable {
  readonly name: string;
  readonly value?: string;
}

interface Labels {
  readonly [name: string]: string;
}

interface NodeSet {
  readonly replicas: number;
  readonly serviceName: string;
  readonly selector: { readonly matchLabels: Labels };
  readonly template: {
    readonly metadata: { readonly labels: Labels };
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly volumes: readonly { readonly name: string }[];
      readonly containers: readonly {
        readonly image: string;
        readonly env: readonly Variable[];
        readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
        readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
      }[];
    };
  };
}

const ofKind = (manifests: readonly Manifest[], kind: string): readonly Manifest[] =>
  manifests.filter(manifest => manifest.kind === kind);

function nodes(beside: object = {}): NodeSet {
  const [found] = ofKind(rendered(beside), 'StatefulSet');
  // Our own text; what is not there fails where it is used.
  return found?.spec as unknown as NodeSet;
}

const container = (beside: object = {}) => {
  const [only] = nodes(beside).template.spec.containers;
  if (only === undefined) throw new Error('the pods have no container');
  return only;
};

const variables = (beside: object = {}): Record<string, string> =>
  Object.fromEntries(container(beside).env.map(({ name, value }) => [name, value ?? 'handed in']));

const check = new Ajv().compile(JSON.parse(textOf('values.schema.json')));

describe('the values of the chart', () => {
  it('will do once image and secrets are named', () => {
    expect([check(values()), check.errors]).toEqual([true, null]);
  });

  it('have no default for an image or a secret', () => {
    check(chartValues(CHART));
    expect(check({ ...values(), secrets: chartValues(CHART).secrets })).toBe(false);
    expect(check({ ...values(), image: chartValues(CHART).image })).toBe(false);
  });

  it('name options by variables that there are', () => {
    expect(check(values({ options: { millrace_region: 'x' } }))).toBe(false);
    expect(check(values({ options: { MILLRACE_REGION: 'said twice' } }))).toBe(false);
    expect(check(values({ options: { MILLRACE_KEEP_EVENTS: '30d' } }))).toBe(true);
  });

  it.each(['database', 'nats', 'sealKey'])('are refused by the templates, too, without the secret of %s', name => {
    expect(() => rendered({ secrets: { ...GIVEN.secrets, [name]: '' } })).toThrow(`secrets.${name} is required`);
  });
});

describe('the nodes of the chart', () => {
  it('are named as their pods are, and found under names of their own', () => {
    expect(container().env[0]).toEqual({
      name: 'MILLRACE_NODE_NAME',
      valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
    });
    expect(variables().MILLRACE_ADVERTISE).toBe('http://$(MILLRACE_NODE_NAME).relay-nodes.media.svc:8080');
    const names = ofKind(rendered(), 'Service').map(({ metadata }) => metadata.name);
    expect(names).toContain(nodes().serviceName);
  });

  it('are given options that there are, with values that they take', () => {
    const set = variables({ options: { MILLRACE_KEEP_EVENTS: '30d' }, mediaClaim: 'films' });
    expect(Object.keys(set).filter(name => !OPTIONS.some(({ env }) => env === name))).toEqual([]);
    const env = {
      ...set,
      MILLRACE_NODE_NAME: 'relay-0',
      MILLRACE_ADVERTISE: 'http://relay-0.relay-nodes.media.svc:8080',
      MILLRACE_DATABASE: 'postgres://user:word@postgres.example/millrace',
      MILLRACE_NATS: 'nats://user:word@nats.example:4222',
    };
    expect(readConfig({ flags: {}, env, cwd: '/', cores: 2 }).region).toBe('default');
  });

  it('are selected by labels that their pods have, one at a time to be taken away', () => {
    const { selector, template } = nodes();
    const selectors = [
      selector.matchLabels,
      ...ofKind(rendered(), 'Service').map(({ spec }) => spec.selector),
      ...ofKind(rendered(), 'PodDisruptionBudget').map(
        ({ spec }) => (spec.selector as NodeSet['selector']).matchLabels,
      ),
    ];
    expect(selectors).toEqual(selectors.map(() => template.metadata.labels));
    expect(ofKind(rendered(), 'PodDisruptionBudget').map(({ spec }) => spec.maxUnavailable)).toEqual([1]);
  });

  it('mount what there is', () => {
    for (const beside of [{}, { mediaClaim: 'films' }]) {
      const mounted = container(beside).volumeMounts.map(({ name }) => name);
      expect(mounted).toEqual(nodes(beside).template.spec.volumes.map(({ name }) => name));
    }
  });

  it('give their tasks away before they end, by a command that there is', async () => {
    const { command } = container().lifecycle.preStop.exec;
    const [, seconds, , , line = ''] = command;
    expect(nodes().template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number(seconds) + 15);
    expect(line).toBe('exec millrace node drain "$MILLRACE_NODE_NAME" --wait');
    expect(await run(join(ROOT, 'bin/millrace'), ['node', 'drain', '--help'])).toContain('--wait');
  });
});

it('the chart is of the version of the program', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(parse(textOf('Chart.yaml'))).toMatchObject({ version, appVersion: version });
  expect(chartValues(CHART).image).toMatchObject({ tag: version });
});

describe('the small renderer of templates', () => {
  const scope = { '.Values': { a: 'x', none: '', list: { b: '2', a: '1' } } };

  it('fills in values, quotes them, and leaves out what is not wanted', () => {
    expect(render('a: {{ .Values.a | quote }}\n{{- if .Values.none }}\nb: 1\n{{- end }}\n', scope)).toBe('a: "x"\n');
  });

  it('goes through maps in the order of their names, as Helm does', () => {
    const text = '{{- range $k, $v := .Values.list }}\n{{ $k }}={{ $v }}\n{{- end }}\n';
    expect(render(text, scope)).toBe('\na=1\nb=2\n');
  });

  it('fails at what it does not know', () => {
    expect(() => render('{{ include "x" . }}', scope)).toThrow();
    expect(() => render('{{ .Values.absent }}', scope)).toThrow('there is no .Values.absent');
    expect(() => render('{{ .Values.a | upper }}', scope)).toThrow('no filter upper');
    expect(() => render('{{- if .Values.a }}', scope)).toThrow('no end');
  });
});
