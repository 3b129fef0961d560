// The official SDK, pointed at the simulator, does what an integration does: it is the judge of our shapes.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import Stripe from 'stripe';
import {startReceiver, startSimulator} from './harness.mjs';

const SECRET = 'whsec_sdk_test';
let sim, receiver, stripe, control;

async function customerWith(card) {
  return stripe.customers.create({
    email: 'someone@example.com', payment_method: card, invoice_settings: {default_payment_method: card},
  });
}

async function monthlyPrice() {
  return stripe.prices.create({
    currency: 'usd', unit_amount: 4000, recurring: {interval: 'month'}, product_data: {name: 'Pro+'},
  });
}

before(async () => {
  receiver = await startReceiver();
  sim = await startSimulator(['--secret', SECRET, '--webhook', receiver.url]);
  control = sim.control;
  stripe = new Stripe('sk_test_sim', {host: '127.0.0.1', port: sim.port, protocol: 'http', telemetry: false});
});

after(async () => {
  receiver.stop();
  await sim?.stop();
});

test('a price, a customer and a subscription are created', async () => {
  const price = await monthlyPrice();
  const customer = await customerWith('pm_card_visa');
  const subscription = await stripe.subscriptions.create({
    customer: customer.id, items: [{price: price.id}], metadata: {account: 'acme'}, expand: ['latest_invoice.payments'],
  });
  assert.equal(subscription.status, 'active');
  assert.equal(subscription.items.data[0].price.id, price.id);
  assert.ok(subscription.items.data[0].current_period_end > subscription.items.data[0].current_period_start);
  assert.equal(subscription.latest_invoice.status, 'paid');
  assert.equal(subscription.latest_invoice.amount_paid, 4000);
  assert.equal(subscription.latest_invoice.parent.subscription_details.subscription, subscription.id);
  assert.equal(subscription.latest_invoice.payments.data[0].status, 'paid');
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).metadata.account, 'acme');
});

test('the default payment method is changed', async () => {
  const customer = await customerWith('pm_card_visa');
  const method = await stripe.paymentMethods.attach('pm_card_mastercard', {customer: customer.id});
  assert.equal(method.card.brand, 'mastercard');
  const changed = await stripe.customers.update(customer.id, {invoice_settings: {default_payment_method: method.id}});
  assert.equal(changed.invoice_settings.default_payment_method, method.id);
  const listed = await stripe.customers.listPaymentMethods(customer.id);
  assert.equal(listed.data.length, 2);
});

test('a declined first payment is paid with another card', async () => {
  const customer = await customerWith('pm_card_chargeCustomerFail');
  const subscription = await stripe.subscriptions.create({customer: customer.id, items: [{price: (await monthlyPrice()).id}]});
  assert.equal(subscription.status, 'incomplete');
  await assert.rejects(stripe.invoices.pay(subscription.latest_invoice), (error) => {
    assert.ok(error instanceof Stripe.errors.StripeCardError);
    assert.equal(error.statusCode, 402);
    assert.equal(error.code, 'card_declined');
    assert.equal(error.decline_code, 'generic_decline');
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    assert.match(error.requestId, /^req_/);
    return true;
  });
  const method = await stripe.paymentMethods.attach('pm_card_visa', {customer: customer.id});
  const invoice = await stripe.invoices.pay(subscription.latest_invoice, {payment_method: method.id});
  assert.equal(invoice.status, 'paid');
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  await assert.rejects(stripe.invoices.pay(invoice.id), Stripe.errors.StripeInvalidRequestError);
});

test('a lost answer does not charge twice: the SDK sends the same idempotency key again', async () => {
  const customer = await customerWith('pm_card_chargeCustomerFail');
  const subscription = await stripe.subscriptions.create({customer: customer.id, items: [{price: (await monthlyPrice()).id}]});
  const method = await stripe.paymentMethods.attach('pm_card_visa', {customer: customer.id});
  await control('/_sim/faults', {api: {drop_answer_next: 1, paths: '/v1/invoices', method: 'POST'}});
  const invoice = await stripe.invoices.pay(subscription.latest_invoice, {payment_method: method.id});
  await control('/_sim/faults', {api: {}});
  assert.equal(invoice.status, 'paid');
  const {charges} = await control('/_sim/charges');
  const captured = charges.filter((charge) => charge.invoice === invoice.id && charge.status === 'succeeded');
  assert.equal(captured.length, 1);
});

test('events are listed, newest first, by type and over pages', async () => {
  const page = await stripe.events.list({types: ['invoice.paid', 'invoice.payment_failed'], limit: 2});
  assert.equal(page.data.length, 2);
  assert.ok(page.data[0].created >= page.data[1].created);
  const all = [];
  for await (const event of stripe.events.list({type: 'customer.created', limit: 1})) all.push(event.id);
  assert.equal(new Set(all).size, all.length);
  assert.ok(all.length >= 4);
  assert.equal((await stripe.events.retrieve(all[0])).type, 'customer.created');
});

test('a received webhook verifies, and a changed one does not', async () => {
  await control('/_sim/quiesce', {});
  const hook = receiver.received.find(({body}) => JSON.parse(body).type === 'invoice.paid');
  const event = stripe.webhooks.constructEvent(hook.body, hook.headers['stripe-signature'], SECRET);
  assert.equal(event.data.object.object, 'invoice');
  assert.equal(event.livemode, false);
  const changed = Buffer.from(String(hook.body).replace('4000', '1'));
  assert.throws(() => stripe.webhooks.constructEvent(changed, hook.headers['stripe-signature'], SECRET),
    Stripe.errors.StripeSignatureVerificationError);
});

test('an upgrade is prorated, and a subscription is canceled', async () => {
  const customer = await customerWith('pm_card_visa');
  const subscription = await stripe.subscriptions.create({customer: customer.id, items: [{price: (await monthlyPrice()).id}]});
  await control('/_sim/clock', {advance: '10d'});
  const dearer = await stripe.prices.create({
    currency: 'usd', unit_amount: 20000, recurring: {interval: 'month'}, product_data: {name: 'Power'},
  });
  const upgraded = await stripe.subscriptions.update(subscription.id, {
    items: [{id: subscription.items.data[0].id, price: dearer.id}], proration_behavior: 'always_invoice',
    expand: ['latest_invoice'],
  });
  assert.equal(upgraded.latest_invoice.billing_reason, 'subscription_update');
  assert.equal(upgraded.latest_invoice.status, 'paid');
  assert.ok(upgraded.latest_invoice.total > 0 && upgraded.latest_invoice.total < 16000);
  const canceled = await stripe.subscriptions.cancel(subscription.id);
  assert.equal(canceled.status, 'canceled');
  assert.equal(canceled.cancellation_details.reason, 'cancellation_requested');
});
