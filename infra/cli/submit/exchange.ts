import type { PubSub } from '@google-cloud/pubsub';
import { connectPubSub, type PubSubTarget } from '../pubsub-target.ts';
import { attributesOf, type CheckedLine, type SubmissionTerms } from './check-lines.ts';
import { ResultCollector } from './collect-results.ts';
import { publishLines } from './publish-lines.ts';
import type { ResultFile } from './result-file.ts';
import { openResultSubscription, resultTopicOf } from './result-subscription.ts';
import type { Submission } from './submission.ts';

/** All that one run of a submission works with. */
export interface Exchange {
  readonly target: PubSubTarget;
  readonly topic: string;
  /** A subscription that tells the result topic. */
  readonly resultSubscription: string | undefined;
  readonly terms: SubmissionTerms;
  readonly file: string;
  readonly lines: ReadonlyMap<number, CheckedLine>;
  readonly submission: Submission;
  readonly results: ResultFile;
  /** Called once results can come, before anything is sent. */
  readonly ready: () => void;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Sends what is new and collects results, until every line has one or `signal` ends it. The submission's subscription is removed once
 * nothing more is to come.
 * @throws {Error} for people
 */
export async function exchange(all: Exchange): Promise<void> {
  const client = await connectPubSub(all.target);
  try {
    await exchangeWith(client, all);
  } finally {
    await client.close();
  }
}

async function exchangeWith(client: PubSub, all: Exchange): Promise<void> {
  const { submission, results, terms, ready, say } = all;
  const resultTopic = await resultTopicOf(client, all.topic, all.resultSubscription);
  const { subscription, created } = await openResultSubscription(client, resultTopic, terms.job);
  ready();
  const { published, answered } = submission.progress;
  if (created && published > answered) {
    say('The subscription that kept results since the last run is gone: --republish sends again what has no result');
  }
  subscription.setOptions({ flowControl: { maxMessages: 1000 } });
  const topic = client.topic(all.topic, { batching: { maxMessages: 100, maxMilliseconds: 10 } });
  const collector = new ResultCollector(submission, results);
  const failed = new AbortController();
  const signal = AbortSignal.any([all.signal, failed.signal]);
  const endOthers = (error: Error) => {
    failed.abort();
    throw error;
  };
  const publishing = publishLines(
    {
      topic,
      file: all.file,
      lines: all.lines,
      attributesOf: (line, bringsId) => attributesOf(terms, line, bringsId),
      isNew: (line) => submission.isNew(line),
      confirmed: (line) => {
        results.recordPublished(line);
        submission.confirmPublished(line.messageId, line.line);
        collector.published(line);
      },
    },
    signal,
  ).then(() => collector.publishingEnded());
  const ends = await Promise.allSettled([
    publishing.catch(endOthers),
    collector.collect(subscription, signal).catch(endOthers),
  ]);
  if (submission.complete || submission.progress.published === 0) await subscription.delete().catch(() => {});
  const end = ends.find(({ status }) => status === 'rejected');
  if (end?.status === 'rejected') throw end.reason;
}
