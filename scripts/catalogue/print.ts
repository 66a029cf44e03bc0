import { ANSWERS as OF_ALIBABA } from '../../src/api/alibaba/error.ts';
import { ANSWERS as OF_HUAWEI } from '../../src/api/huawei/error.ts';
import { ANSWERS as OF_NATIVE } from '../../src/api/native/error.ts';
import { ALARMS } from './alarms.ts';
import { ALIBABA } from './alibaba.ts';
import type { Catalogue, Language } from './entry.ts';
import { FAULTS, REFUSALS } from './faults.ts';
import { HUAWEI } from './huawei.ts';
import { NATIVE } from './native.ts';
import { type Section, WORDS } from './words.ts';

/** Where the catalogue stands, by language. */
export const PAGES: Readonly<Record<Language, string>> = { en: 'docs/errors.md', zh: 'docs/zh/errors.md' };

const CATALOGUES: Readonly<Record<Section, Catalogue>> = {
  native: NATIVE,
  huawei: HUAWEI,
  alibaba: ALIBABA,
  faults: FAULTS,
  refusals: REFUSALS,
  alarms: ALARMS,
};

/** The statuses that come with a code, of the sections that answer requests. */
const STATUSES: Partial<Record<Section, (code: string) => string>> = {
  native: code =>
    statusesOf(
      Object.entries(OF_NATIVE).map(([name, { status }]) => ({ code: name, status })),
      code,
    ),
  huawei: code => statusesOf(Object.values(OF_HUAWEI), code),
  alibaba: code =>
    statusesOf(
      Object.entries(OF_ALIBABA).map(([name, { status }]) => ({ code: name, status })),
      code,
    ),
};

/** Codes of the Alibaba dialect that are made of a name have the status 400. */
function statusesOf(answers: readonly { readonly code: string; readonly status: number }[], code: string): string {
  const statuses = answers.filter(answer => answer.code === code).map(({ status }) => status);
  return statuses.length === 0 ? '400' : [...new Set(statuses)].join(', ');
}

/** The whole page, as it stands in the repository. */
export function printCatalogue(language: Language): string {
  const { title, preface, sections } = WORDS[language];
  const printed = Object.entries(sections).map(([name, { heading, about }]) => {
    // The keys of an object literal, which TypeScript widens to text.
    const section = name as Section;
    return `## ${heading}\n\n${about}\n\n${printTable(section, language)}`;
  });
  return `# ${title}\n\n${preface}\n\n${printed.join('\n\n')}\n`;
}

function printTable(section: Section, language: Language): string {
  const { columns } = WORDS[language];
  const statusOf = STATUSES[section];
  const head = [columns.code, ...(statusOf === undefined ? [] : [columns.status]), columns.means, columns.remedy];
  const rows = Object.entries(CATALOGUES[section]).map(([code, entry]) => {
    const { means, remedy } = entry[language];
    return [`\`${code}\``, ...(statusOf === undefined ? [] : [statusOf(code)]), means, remedy];
  });
  const [heading = '', ...lines] = [head, ...rows].map(cells => `| ${cells.join(' | ')} |`);
  return [heading, `|${'---|'.repeat(head.length)}`, ...lines].join('\n');
}
