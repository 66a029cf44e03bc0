import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signWebhook, verifyWebhook } from './webhook.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const NOW = Date.now();
const BODY = '{"name":"Pferdestärke 🐎"}';

const sign = (secrets: readonly string[] = [SECRET], atMs = NOW) =>
  signWebhook({ id: '0192-a', atMs, body: BODY, secrets });
const verify = (change: Partial<Parameters<typeof verifyWebhook>[0]> = {}) =>
  verifyWebhook({ headers: sign(), body: BODY, secrets: [SECRET], nowMs: NOW, ...change });

describe('a signed webhook', () => {
  it('has the signature that the standard names for its example', () => {
    const headers = signWebhook({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      atMs: 1_614_265_330_000,
      body: '{"test": 2432232314}',
      secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it("is believed by the standard's own library", () => {
    expect(new Webhook(SECRET).verify(BODY, sign())).toEqual(JSON.parse(BODY));
  });

  it.each([SECRET, OTHER])('of two secrets is believed by who knows one of them', secret => {
    expect(new Webhook(secret).verify(BODY, sign([SECRET, OTHER]))).toEqual(JSON.parse(BODY));
    expect(verify({ headers: sign([SECRET, OTHER]), secrets: [secret] })).toBeUndefined();
  });

  it("of the standard's own library is believed", () => {
    const at = new Date(NOW);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(NOW / 1000)),
      'webhook-signature': `v2,xyz ${new Webhook(SECRET).sign('msg_1', at, BODY)}`,
    };
    expect(verify({ headers })).toBeUndefined();
  });

  it.each([
    ['of another secret', { secrets: [OTHER] }, 'no signature is of a secret that is known here'],
    ['of no secret', { secrets: [] }, 'no signature is of a secret that is known here'],
    ['with another body', { body: `${BODY} ` }, 'no signature is of a secret that is known here'],
    [
      'of another event',
      { headers: { ...sign(), 'webhook-id': 'b' } },
      'no signature is of a secret that is known here',
    ],
    ['without an id', { headers: { ...sign(), 'webhook-id': undefined } }, 'there is no webhook-id'],
    ['without a signature', { headers: { ...sign(), 'webhook-signature': '' } }, 'there is no webhook-signature'],
    [
      'with a time that is none',
      { headers: { ...sign(), 'webhook-timestamp': 'NaN' } },
      'the webhook-timestamp is not a time in seconds',
    ],
    ['that is old', { nowMs: NOW + 302_000 }, 'the webhook-timestamp is too old'],
    ['that is to come', { nowMs: NOW - 302_000 }, 'the webhook-timestamp lies in the future'],
  ])('%s is not believed', (_, change, why) => {
    expect(verify(change)).toBe(why);
  });

  it('C11: is made anew for each try, so that only an old try is refused, not an old event', () => {
    const late = NOW + 3 * 24 * 3_600_000;
    expect(verify({ nowMs: late })).toBe('the webhook-timestamp is too old');
    expect(verify({ headers: sign([SECRET], late), nowMs: late })).toBeUndefined();
    expect(verify({ headers: sign([SECRET], late), nowMs: late + 299_000 })).toBeUndefined();
  });
});
