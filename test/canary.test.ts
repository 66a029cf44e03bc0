import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { media, publish } from './lab/ffmpeg.ts';
import { Millrace, processesOf } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { freePort, Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const CANARY = {
  sourceName: 'canarysrcname7Q',
  sourceQuery: 'canarysrcquery7Q',
  destinationName: 'canarydstname7Q',
  destinationQuery: 'canarydstquery7Q',
  pushArgs: 'canarypushargs7Q',
  callbackQuery: 'canarycallback7Q',
  callbackPassword: 'canarycallpass7Q',
};

/** Every byte under the folder, by file. */
function contents(folder: string): [string, string][] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(file => [file, readFileSync(file, 'latin1')]);
}

it('writes no stream key and no secret anywhere, whatever fails', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const origin = await Nginx.start(place);
  const sink = await Nginx.start(place);
  let refused = 0;
  const receiver = createServer((_, response) => {
    refused++;
    response.writeHead(500).end();
  });
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve));
  place.own(receiver, it => it.close());
  const millrace = await Millrace.start(place, { flags: ['--log-level', 'debug'] });
  const secrets = [...Object.values(CANARY), millrace.key.secretKey];
  const source = `${origin.url(CANARY.sourceName)}?token=${CANARY.sourceQuery}`;
  const destination = `${sink.url(CANARY.destinationName)}?key=${CANARY.destinationQuery}`;
  const callback = `http://user:${CANARY.callbackPassword}@127.0.0.1:${(receiver.address() as AddressInfo).port}/?k=${CANARY.callbackQuery}`;
  const publisher = publish(place, file, source);
  const { huawei } = millrace;
  const more = { push_args: `a=${CANARY.pushArgs}`, callback_url: callback };
  const taskId = await huawei.createLive(source, destination, more);
  await until('the task runs', async () => (await huawei.status(taskId)) === 'running');
  const nowhere = `rtmp://127.0.0.1:${await freePort()}/live/${CANARY.sourceName}?t=${CANARY.sourceQuery}`;
  const lostId = await huawei.createLive(nowhere, destination, more);
  await until('the other one cannot', async () => (await huawei.status(lostId)) === 'retrying');
  await publisher.stop('SIGKILL');
  await until('the loss is told', async () => (await huawei.status(taskId)) === 'retrying');
  await sink.kill();
  await until('callbacks were refused', () => refused >= 2);

  const bad = await huawei.call({ method: 'POST', body: { source_type: 'x', source_urls: [source] } });
  expect(JSON.stringify(bad.body)).not.toContain('canary');
  const owner = await huawei.call({ method: 'GET', query: { task_id: taskId } });
  expect(owner.body.task_infos[0].source_urls).toEqual([source]);

  const written: [string, string][] = [['the log', millrace.output], ...contents(millrace.data)];
  for (const { pid, command } of processesOf(millrace.data)) {
    written.push([`the command line of ${pid}`, command]);
    if (command.includes('worker/'))
      written.push([`the environment of ${pid}`, readFileSync(`/proc/${pid}/environ`, 'latin1')]);
  }
  expect(written.length).toBeGreaterThan(8);
  expect(millrace.output).toContain('"task broke"');
  const leaks = written.flatMap(([where, text]) =>
    secrets.filter(it => text.includes(it)).map(it => `${it} in ${where}`),
  );
  expect(leaks).toEqual([]);
});
