// Creates a live relay task over the Huawei dialect, signed as the Huawei SDKs sign (SDK-HMAC-SHA256), and prints the
// answer. Any Node ≥ 20, no packages.
//
//   node examples/create-task.mjs ENDPOINT SOURCE_URL DESTINATION_URL
//
// The key comes from HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and HUAWEICLOUD_SDK_PROJECT_ID.
import { createHash, createHmac } from 'node:crypto';

const [endpoint, source, destination] = process.argv.slice(2);
const {
  HUAWEICLOUD_SDK_AK: accessKey,
  HUAWEICLOUD_SDK_SK: secretKey,
  HUAWEICLOUD_SDK_PROJECT_ID: projectId,
} = process.env;
if (!endpoint || !source || !destination || !accessKey || !secretKey || !projectId) {
  console.error('Usage: node examples/create-task.mjs ENDPOINT SOURCE_URL DESTINATION_URL');
  console.error('First: eval "$(bin/millrace key create --env)"');
  process.exit(2);
}

const sha256 = text => createHash('sha256').update(text).digest('hex');

/** The headers that make a request without a query acceptable. */
function sign({ method, url, body }) {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers = { 'content-type': 'application/json', host: url.host, 'x-project-id': projectId, 'x-sdk-date': date };
  const names = Object.keys(headers).sort();
  const lines = names.map(name => `${name}:${headers[name]}\n`).join('');
  // The signed path ends in a slash, although the one on the wire does not.
  const canonical = [method, `${url.pathname}/`, '', lines, names.join(';'), sha256(body)].join('\n');
  const signature = createHmac('sha256', secretKey)
    .update(`SDK-HMAC-SHA256\n${date}\n${sha256(canonical)}`)
    .digest('hex');
  const authorization = `SDK-HMAC-SHA256 Access=${accessKey}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...headers, authorization };
}

const url = new URL(`/v1/${projectId}/pull/stream/task`, endpoint);
const body = JSON.stringify({ source_type: 'PullLivePushLive', source_urls: [source], destination_url: destination });
const answer = await fetch(url, { method: 'POST', headers: sign({ method: 'POST', url, body }), body });
console.log(answer.status, await answer.text());
process.exitCode = answer.ok ? 0 : 1;
