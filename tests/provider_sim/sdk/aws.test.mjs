// The official AWS clients and the official validator of SNS messages are the judges of the simulator's AWS side.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {GetEntitlementsCommand, MarketplaceEntitlementServiceClient} from '@aws-sdk/client-marketplace-entitlement-service';
import {
  BatchMeterUsageCommand, ExpiredTokenException, InvalidLicenseException, InvalidTokenException,
  MarketplaceMeteringClient, ResolveCustomerCommand, TimestampOutOfBoundsException,
} from '@aws-sdk/client-marketplace-metering';
import MessageValidator from 'sns-validator';
import {startReceiver, startSimulator} from './harness.mjs';

const PRODUCT = 'sdkproduct';
const TOPIC = `arn:aws:sns:us-east-1:111111111111:aws-mp-subscription-notification-${PRODUCT}`;
let sim, receiver, certs, metering, entitlements;

const aws = (name, body) => sim.control(`/_sim/aws/${name}`, body);
const now = async () => new Date((await sim.control('/_sim/clock')).now_ms);

async function subscribed(integration, more = {}) {
  const agreement = await aws('subscribe', {product: PRODUCT, integration, ...more});
  await sim.control('/_sim/clock', {advance: '2m'});
  return agreement;
}

// The validator asks for the certificate by its URL; it gets the file that the simulator wrote.
function serveCertificates() {
  https.get = (url, answer) => {
    const pem = fs.readFileSync(path.join(certs, path.basename(new URL(url).pathname)));
    const response = {statusCode: 200, on: (event, act) => {
      if (event === 'data') act(pem);
      if (event === 'end') act();
      return response;
    }};
    answer(response);
    return {on: () => {}};
  };
}

const validate = (message) => new Promise((resolve, reject) => {
  new MessageValidator().validate(message, (error, valid) => (error ? reject(error) : resolve(valid)));
});

async function newest(type) {
  await sim.control('/_sim/quiesce', {});
  return receiver.received.map(({body}) => JSON.parse(body)).filter((message) => message.Type === type).at(-1);
}

before(async () => {
  certs = fs.mkdtempSync(path.join(os.tmpdir(), 'dunlin-sns-'));
  receiver = await startReceiver();
  sim = await startSimulator(['--aws-webhook', receiver.url, '--aws-certs', certs,
    '--aws-access-key', 'AKIDSDK', '--aws-secret-key', 'sdk/secret']);
  const options = {
    region: 'us-east-1', endpoint: sim.base, credentials: {accessKeyId: 'AKIDSDK', secretAccessKey: 'sdk/secret'},
  };
  metering = new MarketplaceMeteringClient(options);
  entitlements = new MarketplaceEntitlementServiceClient(options);
  serveCertificates();
  await aws('products', {code: PRODUCT, dimensions: {requests: 'metered', seats: 'entitled', tier: 'entitled'}});
  await aws('topics', {topic: TOPIC, do: 'confirm'});
});

after(async () => {
  metering?.destroy();
  entitlements?.destroy();
  receiver.stop();
  await sim?.stop();
  fs.rmSync(certs, {recursive: true});
});

test('a confirmation verifies, and its link confirms', async () => {
  await aws('topics', {topic: TOPIC, do: 'subscribe'});
  const message = await newest('SubscriptionConfirmation');
  await validate({...message});
  const link = new URL(message.SubscribeURL);
  assert.equal(link.host, 'sns.us-east-1.amazonaws.com');
  const answer = await fetch(sim.base + link.pathname + link.search);
  assert.match(await answer.text(), /<SubscriptionArn>arn:aws:sns:us-east-1:111111111111:[^<]+<\/SubscriptionArn>/);
});

test('notifications verify in both versions, with and without a subject, and a changed one does not', async () => {
  for (const version of ['1', '2']) {
    for (const subject of ['', 'Größe „8“']) {
      await aws('settings', {signature_version: version, subject});
      await subscribed('legacy');
      const message = await newest('Notification');
      assert.equal(message.SignatureVersion, version);
      assert.equal(message.Subject, subject || undefined);
      await validate({...message});
      await assert.rejects(validate({...message, Message: message.Message + ' '}), /signature is invalid/);
      await assert.rejects(validate({...message, TopicArn: message.TopicArn + 'x'}), /signature is invalid/);
    }
  }
});

test('the end of a subscription verifies by the documented keys', async () => {
  // Not with the validator: it leaves the Token out, which the documentation has.
  await aws('topics', {topic: TOPIC, do: 'unsubscribe'});
  const message = await newest('UnsubscribeConfirmation');
  const text = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
    .map((key) => `${key}\n${message[key]}\n`).join('');
  const pem = fs.readFileSync(path.join(certs, path.basename(message.SigningCertURL)));
  const digest = message.SignatureVersion === '1' ? 'RSA-SHA1' : 'RSA-SHA256';
  assert.ok(crypto.createVerify(digest).update(text).verify(pem, message.Signature, 'base64'));
  await aws('topics', {topic: TOPIC, do: 'confirm'});
});

test('a registration token is resolved until it expires', async () => {
  const agreement = await subscribed('current');
  const {token} = await aws('registration-token', {agreement: agreement.agreement});
  const resolve = (RegistrationToken) => metering.send(new ResolveCustomerCommand({RegistrationToken}));
  const resolved = await resolve(token);
  assert.equal(resolved.CustomerAWSAccountId, agreement.buyer);
  assert.equal(resolved.LicenseArn, agreement.license_arn);
  assert.equal(resolved.CustomerIdentifier, undefined);
  await assert.rejects(resolve('no such token'), InvalidTokenException);
  await sim.control('/_sim/clock', {advance: '5h'});
  await assert.rejects(resolve(token), ExpiredTokenException);
});

test('entitlements are read over all pages', async () => {
  const ends = new Date(Number(await now()) + 90 * 86400e3).toISOString();
  const {buyer, license_arn} = await subscribed('current', {ends, entitlements: {seats: 12, tier: 'gold'}});
  for (const Filter of [{LICENSE_ARN: [license_arn]}, {CUSTOMER_AWS_ACCOUNT_ID: [buyer]}]) {
    const found = {};
    let NextToken;
    do {
      const page = await entitlements.send(
        new GetEntitlementsCommand({ProductCode: PRODUCT, Filter, NextToken, MaxResults: 1}));
      for (const entry of page.Entitlements) found[entry.Dimension] = entry;
      NextToken = page.NextToken;
    } while (NextToken);
    assert.equal(found.seats.Value.IntegerValue, 12);
    assert.equal(found.tier.Value.StringValue, 'gold');
    assert.equal(found.seats.ExpirationDate.toISOString(), ends.replace(/\.\d+/, '.000'));
  }
  await assert.rejects(entitlements.send(new GetEntitlementsCommand({ProductCode: 'none'})),
    {name: 'InvalidParameterException'});
});

test('usage is metered once, through throttling, internal errors and lost answers', async () => {
  const agreement = await subscribed('current');
  const record = {
    Timestamp: await now(), CustomerAWSAccountId: agreement.buyer, LicenseArn: agreement.license_arn,
    Dimension: 'requests', Quantity: 7,
    UsageAllocations: [{AllocatedUsageQuantity: 7, Tags: [{Key: 'team', Value: 'a'}]}],
  };
  const send = (...UsageRecords) => metering.send(new BatchMeterUsageCommand({UsageRecords}));
  await sim.control('/_sim/faults', {aws_api: {status_429_next: 1, status_500_next: 1}});
  const first = await send(record);
  assert.equal(first.Results[0].Status, 'Success');
  assert.ok(first.$metadata.attempts > 1);
  assert.ok(first.$metadata.requestId);
  await sim.control('/_sim/faults', {aws_api: {drop_answer_next: 1}});
  assert.equal((await send(record)).Results[0].MeteringRecordId, first.Results[0].MeteringRecordId);
  assert.equal((await send({...record, Quantity: 8, UsageAllocations: undefined})).Results[0].Status, 'DuplicateRecord');
  await sim.control('/_sim/faults', {aws_api: {unprocessed_next: 1}});
  const left = await send(record);
  assert.equal(left.UnprocessedRecords.length, 1);
  assert.equal(left.UnprocessedRecords[0].Quantity, 7);
  const old = {...record, Timestamp: new Date(Number(record.Timestamp) - 25 * 3600e3)};
  await assert.rejects(send(record, old), TimestampOutOfBoundsException);
  await assert.rejects(send({...record, LicenseArn: 'arn:aws:license-manager::1:license:l-0'}), InvalidLicenseException);
  const {accepted} = await aws('usage');
  const mine = accepted.filter((entry) => entry.agreement === agreement.agreement);
  assert.equal(mine.length, 1);
  assert.equal(mine[0].quantity, 7);
  assert.ok(mine[0].times >= 4);
});

test('legacy usage goes by product code and customer identifier', async () => {
  const {customer_identifier} = await subscribed('legacy');
  const answer = await metering.send(new BatchMeterUsageCommand({
    ProductCode: PRODUCT,
    UsageRecords: [{Timestamp: await now(), CustomerIdentifier: customer_identifier, Dimension: 'requests', Quantity: 1}],
  }));
  assert.equal(answer.Results[0].Status, 'Success');
});

test('another secret is refused', async () => {
  const stranger = new MarketplaceMeteringClient({
    region: 'us-east-1', endpoint: sim.base, credentials: {accessKeyId: 'AKIDSDK', secretAccessKey: 'other'},
  });
  await assert.rejects(stranger.send(new ResolveCustomerCommand({RegistrationToken: 'x'})),
    {name: 'InvalidSignatureException'});
  stranger.destroy();
});
