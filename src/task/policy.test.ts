import { describe, expect, it } from 'vitest';
import {
  BUILT_IN_POLICIES,
  InvalidPolicy,
  isPolicyName,
  mayCall,
  POLICY_OF,
  type PolicyDocument,
  printPolicy,
  readPolicy,
  roleOf,
} from './policy.ts';

const CREATE = 'live:CreateLivePullToPush';
const DESCRIBE = 'live:DescribeLivePullToPush';
const LIST = 'live:DescribeLivePullToPushList';
const H_CREATE = 'live:stream:createPullTask';
const H_LIST = 'live:stream:listPullTask';
const H_MODIFY = 'live:stream:modifyPullTask';
const H_DELETE = 'live:stream:deletePullTask';

const allow = (...actions: string[]): PolicyDocument => ({ version: '1', statements: [{ effect: 'Allow', actions }] });
const deny = (...actions: string[]): PolicyDocument => ({ version: '1.1', statements: [{ effect: 'Deny', actions }] });
const both = (...documents: PolicyDocument[]): PolicyDocument => ({
  version: '1',
  statements: documents.flatMap(({ statements }) => statements),
});
const builtIn = (name: string): PolicyDocument => BUILT_IN_POLICIES.get(name) ?? allow();

describe('policies', () => {
  it.each<[says: string, policies: PolicyDocument[], action: string, allowed: boolean]>([
    ['no policy', [], CREATE, false],
    ['a policy without the action', [allow(DESCRIBE)], CREATE, false],
    ['the very action', [allow(CREATE)], CREATE, true],
    ['one of several actions', [allow(DESCRIBE, CREATE)], CREATE, true],
    ['one of several policies', [allow(DESCRIBE), allow(CREATE)], CREATE, true],
    ['another case in the policy', [allow('LIVE:createlivepulltopush')], CREATE, true],
    ['another case in the call', [allow(CREATE)], CREATE.toUpperCase(), true],
    ['everything of everybody', [allow('*')], CREATE, true],
    ['everything of the service', [allow('live:*')], CREATE, true],
    ['everything of another service', [allow('ecs:*')], CREATE, false],
    ['a beginning', [allow('live:Describe*')], DESCRIBE, true],
    ['a beginning that goes on', [allow('live:Describe*')], LIST, true],
    ['another beginning', [allow('live:Describe*')], CREATE, false],
    ['an end', [allow('live:*List')], LIST, true],
    ['an end that does not come', [allow('live:*List')], DESCRIBE, false],
    ['a middle', [allow('live:*Live*Push')], CREATE, true],
    ['a middle in the wrong order', [allow('live:*Push*Live*Pull*')], CREATE, false],
    ['a wildcard for nothing', [allow(`${CREATE}*`)], CREATE, true],
    ['wildcards in a row', [allow('live:**Live***Push')], CREATE, true],
    ['a head and a tail that overlap', [allow('live:CreateLive*LivePullToPush')], CREATE, false],
    ['the beginning of the action alone', [allow('live:Create')], CREATE, false],
    ['more than the action', [allow(`${CREATE}List`)], CREATE, false],
    ['a dot that is no wildcard', [allow('live.CreateLivePullToPush')], CREATE, false],
    ['the other cloud`s verbs', [allow('live:stream:*')], CREATE, false],
    ['an action of the other cloud', [allow(H_LIST)], H_LIST, true],
    ['every task verb of the other cloud', [allow('live:stream:*PullTask')], H_DELETE, true],
    ['a wildcard over the colon', [allow('live:*Task')], H_CREATE, true],
    ['a denial alone', [deny(CREATE)], DESCRIBE, false],
    ['a denial before what allows it', [both(deny(CREATE), allow('live:*'))], CREATE, false],
    ['a denial behind what allows it', [both(allow('live:*'), deny(CREATE))], CREATE, false],
    ['a denial in another policy', [allow(CREATE), deny('live:Create*')], CREATE, false],
    ['a denial of something else', [allow('live:*'), deny(H_DELETE)], CREATE, true],
    ['a denial in another case', [allow('live:*'), deny('Live:CREATE*')], CREATE, false],
    ['a denial of everything', [allow('*'), deny('*')], H_LIST, false],
    ['full access', [builtIn('FullAccess')], H_CREATE, true],
    ['full access elsewhere', [builtIn('FullAccess')], 'iam:ListUsers', false],
    ['read access to a description', [builtIn('ReadOnlyAccess')], DESCRIBE, true],
    ['read access to a list', [builtIn('ReadOnlyAccess')], LIST, true],
    ['read access to a list of the other cloud', [builtIn('ReadOnlyAccess')], H_LIST, true],
    ['read access to the log', [builtIn('ReadOnlyAccess')], 'millrace:events:list', true],
    ['read access to a redelivery', [builtIn('ReadOnlyAccess')], 'millrace:deliveries:redeliver', false],
    ['full access to a rotation', [builtIn('FullAccess')], 'millrace:callbacks:rotate', true],
    ['read access to a change', [builtIn('ReadOnlyAccess')], 'live:UpdateLivePullToPush', false],
    ['read access to a change of the other cloud', [builtIn('ReadOnlyAccess')], H_MODIFY, false],
    ['full access without one thing', [builtIn('FullAccess'), deny(H_DELETE)], H_DELETE, false],
  ])('that say %s decide', (_, policies, action, allowed) => {
    expect(mayCall(policies, action)).toBe(allowed);
  });

  it.each<[says: string, policies: PolicyDocument[], allowed: boolean]>([
    ['nothing of either', [allow(H_LIST)], false],
    ['that creating is allowed', [allow(H_CREATE)], true],
    ['that modifying is allowed', [allow(H_MODIFY)], true],
    ['that creating is denied', [deny(H_CREATE)], false],
    ['that creating is allowed and modifying denied', [allow(H_CREATE), deny(H_MODIFY)], false],
    ['that creating is denied and modifying allowed', [deny(H_CREATE), allow(H_MODIFY)], true],
  ])('that say %s answer for modifying by the wider action', (_, policies, allowed) => {
    expect(mayCall(policies, H_MODIFY, H_CREATE)).toBe(allowed);
  });

  it('are checked in a moment, whatever their wildcards', () => {
    const policies = [allow(`live:${'*a'.repeat(60)}*b`)];
    const startedAt = performance.now();
    for (let call = 0; call < 1000; call++) expect(mayCall(policies, `live:${'a'.repeat(200)}`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

const ram = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'live:Describe*', Resource: '*' }] };
const iam = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: [H_LIST, H_CREATE] }] };

describe('a document', () => {
  it('of either cloud is read', () => {
    expect(readPolicy(JSON.stringify(ram))).toEqual(allow('live:Describe*'));
    expect(readPolicy(JSON.stringify(iam))).toEqual({ ...allow(H_LIST, H_CREATE), version: '1.1' });
  });

  it('with several statements keeps their order', () => {
    const Statement = [
      { Effect: 'Allow', Action: '*', Resource: ['*'] },
      { Effect: 'Deny', Action: ['live:Delete*'], Resource: '*' },
    ];
    const document = readPolicy(JSON.stringify({ Version: '1', Statement }));
    expect(document).toEqual(both(allow('*'), deny('live:Delete*')));
  });

  it('is printed as it can be read again', () => {
    const document = { ...both(allow('live:*'), deny(H_DELETE)), version: '1.1' as const };
    expect(readPolicy(JSON.stringify(printPolicy(document)))).toEqual(document);
  });

  const [statement] = ram.Statement;
  const stating = (change: object): object => ({ ...ram, Statement: [{ ...statement, ...change }] });
  it.each<[document: unknown, message: string]>([
    ['text', 'the document must be an object'],
    [null, 'the document must be an object'],
    [[ram], 'the document must be an object'],
    [{}, 'Version must be "1" or "1.1"'],
    [{ ...ram, Version: 1 }, 'Version must be "1" or "1.1"'],
    [{ ...ram, Version: '2' }, 'Version must be "1" or "1.1"'],
    [{ ...ram, Id: 'x' }, 'Id is not understood here'],
    [{ Version: '1' }, 'Statement must be an array of at least one statement'],
    [{ ...ram, Statement: statement }, 'Statement must be an array of at least one statement'],
    [{ ...ram, Statement: [] }, 'Statement must be an array of at least one statement'],
    [{ ...ram, Statement: [statement, 'x'] }, 'Statement[1] must be an object'],
    [stating({ Condition: {} }), 'Statement[0].Condition is not understood here'],
    [stating({ NotAction: 'x' }), 'Statement[0].NotAction is not understood here'],
    [stating({ Effect: 'allow' }), 'Statement[0].Effect must be "Allow" or "Deny"'],
    [stating({ Effect: undefined }), 'Statement[0].Effect must be "Allow" or "Deny"'],
    [stating({ Action: [] }), 'Statement[0].Action must name at least one action'],
    [stating({ Action: undefined }), 'Statement[0].Action must be an action like'],
    [stating({ Action: 7 }), 'Statement[0].Action must be an action like'],
    [stating({ Action: '' }), 'Statement[0].Action must be an action like'],
    [stating({ Action: 'live' }), 'Statement[0].Action must be an action like'],
    [stating({ Action: 'live:Describe *' }), 'Statement[0].Action must be an action like'],
    [stating({ Action: `live:${'x'.repeat(124)}` }), 'Statement[0].Action must be an action like'],
    [stating({ Action: ['live:*', null] }), 'Statement[0].Action[1] must be an action like'],
    [stating({ Resource: undefined }), 'Statement[0].Resource must be "*"'],
    [stating({ Resource: [] }), 'Statement[0].Resource must be "*"'],
    [stating({ Resource: ['*', '*'] }), 'Statement[0].Resource must be "*"'],
    [stating({ Resource: 'acs:live:*:*:domain/a' }), 'Statement[0].Resource must be "*"'],
    [{ ...iam, Statement: [{ ...iam.Statement[0], Resource: ['x'] }] }, 'Statement[0].Resource must be "*"'],
  ])('%j is refused with the place', (document, message) => {
    const read = () => readPolicy(JSON.stringify(document));
    expect(read).toThrow(InvalidPolicy);
    expect(read).toThrow(message);
  });

  it('that is no JSON, or too long, is refused', () => {
    expect(() => readPolicy('{"Version":')).toThrow('the document is not JSON');
    expect(() => readPolicy(' '.repeat(6145))).toThrow('the document has at most 6144 characters');
  });

  it('that hides a member behind the prototype`s name is refused', () => {
    expect(() => readPolicy('{"__proto__":{},"Version":"1","Statement":[]}')).toThrow('__proto__ is not understood');
  });
});

it('the name of a policy survives a command line, and is not the word for none', () => {
  expect(['FullAccess', 'read-only_2', 'x'.repeat(128)].every(isPolicyName)).toBe(true);
  expect(['', 'none', 'a b', 'a/b', 'x'.repeat(129)].some(isPolicyName)).toBe(false);
});

describe('a role', () => {
  it.each(['admin', 'operator', 'viewer'] as const)('of %s is that of whoever has its policy alone', role => {
    expect(roleOf([POLICY_OF[role]])).toBe(role);
    expect(roleOf([POLICY_OF[role], 'other'])).toBeNull();
  });

  it('is nobody`s who has other policies, or none', () => {
    expect(roleOf(['other'])).toBeNull();
    expect(roleOf([])).toBeNull();
  });
});
