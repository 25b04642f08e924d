import { expect, test } from 'vitest';
import { metricsPage } from '../../../../infra/local/pubsub/api/metrics-page.ts';
import { createWorld } from '../broker/world.ts';

test('each subscription tells what waits, since when, and what was acked', async () => {
  const world = createWorld();
  world.publish('a', 'b', 'c');
  await world.broker.committed;
  const page = () => metricsPage(world, world.clock.unixMs() + 90_000);
  expect(page()).toContain('pubsub_subscription_num_undelivered_messages{project_id="p",subscription_id="sub"} 3\n');
  expect(page()).toContain('pubsub_subscription_oldest_unacked_message_age{project_id="p",subscription_id="sub"} 90\n');
  const [first] = world.lease();
  world.broker.ack(world.entry(), first!);
  world.broker.ack(world.entry(), first!);
  expect(page()).toContain('num_undelivered_messages{project_id="p",subscription_id="sub"} 2\n');
  expect(page()).toContain('ack_message_count{project_id="p",subscription_id="sub"} 1\n');
  expect(page()).toContain('oldest_unacked_message_age{project_id="p",subscription_id="dead-sub"} 0\n');
});
