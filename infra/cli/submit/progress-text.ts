export interface Progress {
  readonly requests: number;
  readonly published: number;
  readonly answered: number;
  readonly failed: number;
  readonly duplicates: number;
  /** Results on the subscription that belong to nobody here. */
  readonly others: number;
}

export function progressText(progress: Progress): string {
  return [`published ${progress.published} of ${progress.requests}`, ...outcome(progress)].join(', ');
}

export function summaryText(progress: Progress, seconds: number, out: string): string {
  const { answered, requests } = progress;
  const head = answered === requests ? `every request has its result` : `${answered} of ${requests} have their result`;
  return `${head}: ${outcome(progress).join(', ')}, in ${seconds.toFixed(1)} s. They are in ${out}`;
}

function outcome({ answered, failed, duplicates, others }: Progress): string[] {
  return [
    `answered ${answered}`,
    `failed ${failed}`,
    ...(duplicates > 0 ? [`duplicates ${duplicates}`] : []),
    ...(others > 0 ? [`of others ${others}`] : []),
  ];
}
