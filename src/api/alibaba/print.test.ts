import { describe, expect, test } from 'vitest';
import { refused, throttled } from './error.ts';
import { printAnswer, printError, readFormat, readHostId } from './print.ts';

const ID = '389CAA05-88AC-591C-BE06-04F166E26685';
const BODY = {
  Total: 1,
  Absent: undefined,
  TaskList: [{ TaskStatus: -1, TaskName: `<a & "b">\r\n\0'`, TaskInfo: { SourceUrls: ['http://h/?a=1&b=2', 'é'] } }],
  Empty: [],
};

describe('an answer', () => {
  test('is JSON with its RequestId, in the body and in a header', () => {
    const { status, headers, body } = printAnswer('Do', BODY, { requestId: ID, format: 'json' });
    expect([status, JSON.parse(body)]).toEqual([200, JSON.parse(JSON.stringify({ RequestId: ID, ...BODY }))]);
    expect(headers).toEqual({ 'content-type': 'application/json;charset=utf-8', 'x-acs-request-id': ID });
  });

  test('is XML on demand, lists wrapped as older clients look for them', () => {
    const { headers, body } = printAnswer('Do', BODY, { requestId: ID, format: 'xml' });
    expect(headers['content-type']).toBe('text/xml;charset=utf-8');
    expect(body).toBe(
      `<?xml version="1.0" encoding="UTF-8"?><DoResponse><RequestId>${ID}</RequestId><Total>1</Total><TaskList>` +
        "<TaskListItem><TaskStatus>-1</TaskStatus><TaskName>&lt;a &amp; &quot;b&quot;&gt;&#13;\n\ufffd'</TaskName>" +
        '<TaskInfo><SourceUrls><sourceUrls>http://h/?a=1&amp;b=2</sourceUrls><sourceUrls>é</sourceUrls></SourceUrls>' +
        '</TaskInfo></TaskListItem></TaskList><Empty></Empty></DoResponse>',
    );
  });
});

describe('a refusal', () => {
  const error = refused('InvalidTimeStamp.Expired');

  test('is JSON with a place to read on', () => {
    const { status, body } = printError(error, 'relay.test', { requestId: ID, format: 'json' });
    expect([status, JSON.parse(body)]).toEqual([
      400,
      {
        RequestId: ID,
        HostId: 'relay.test',
        Code: 'InvalidTimeStamp.Expired',
        Message: 'Specified time stamp or date value is expired.',
        Recommend: `https://api.aliyun.com/troubleshoot?q=InvalidTimeStamp.Expired&product=live&requestId=${ID}`,
      },
    ]);
  });

  test('is XML on demand', () => {
    const { body } = printError(refused('CodeTaskNotExist'), 'relay.test', { requestId: ID, format: 'xml' });
    expect(body).toBe(
      `<?xml version="1.0" encoding="UTF-8"?><Error><RequestId>${ID}</RequestId><HostId>relay.test</HostId>` +
        '<Code>CodeTaskNotExist</Code><Message>Task does not exist.</Message>' +
        `<Recommend>https://api.aliyun.com/troubleshoot?q=CodeTaskNotExist&amp;product=live&amp;requestId=${ID}` +
        '</Recommend></Error>',
    );
  });

  test('says when to ask again', () => {
    const { status, headers } = printError(throttled(250), 'relay.test', { requestId: ID, format: 'json' });
    expect([status, headers['x-acs-retry-after']]).toEqual([400, '250']);
  });
});

test.each([
  [undefined, 'json'],
  ['JSON', 'json'],
  ['json', 'json'],
  ['Xml', 'xml'],
  ['YAML', undefined],
  ['json ', undefined],
])('the format %j is %s', (text, format) => {
  expect(readFormat(text)).toBe(format);
});

test.each([
  ['live.aliyuncs.com', 'live.aliyuncs.com'],
  ['relay.test:8080', 'relay.test'],
  ['<script>', 'live.aliyuncs.com'],
  ['[::1]:8080', 'live.aliyuncs.com'],
  ['', 'live.aliyuncs.com'],
])('the host %j is shown as %s', (host, hostId) => {
  expect(readHostId(['Host', host])).toBe(hostId);
});
