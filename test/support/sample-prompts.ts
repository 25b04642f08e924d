import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const root = resolve(import.meta.dirname, '../..');
const recorded = join(process.env.PROMPTS_DIR ?? resolve(root, '../shared/prompts'), 'gsm8k-test.jsonl.gz');

/** The questions of GSM8K's test set, in English; undefined where the file is not there. */
export function recordedQuestions(): readonly string[] | undefined {
  if (!existsSync(recorded)) return undefined;
  const lines = gunzipSync(readFileSync(recorded)).toString().trim().split('\n');
  return lines.map((line) => JSON.parse(line).body.messages[0].content);
}

/** Program code: this project's own, cut into pieces of 400 to 8,000 characters. */
export function codePrompts(count: number, random: () => number): readonly string[] {
  const code = readdirSync(join(root, 'gateway'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => readFileSync(join(root, 'gateway', name), 'utf8'))
    .join('\n');
  return Array.from({ length: count }, () => {
    const length = 400 * 20 ** random();
    const start = Math.floor(random() * (code.length - length));
    return `Review this code:\n\n${code.slice(start, start + length)}`;
  });
}

const topics = [
  '这台服务器',
  '数据库的连接池',
  '新来的同事',
  '上个季度的报告',
  '客户的订单',
  '这段程序',
  '图书馆',
  '下一班火车',
];
const actions = [
  '已经连续运行了三十天',
  '在周末突然停止响应',
  '需要重新整理一遍',
  '比我们预计的慢了两倍',
  '没有按照约定的时间完成',
];
const reasons = ['因为内存一直没有被释放', '由于配置文件写错了一个地址', '可能是网络不太稳定', '原因到现在还不清楚'];
const wishes = [
  '请用简单的话解释一下。',
  '你能给出三个具体的建议吗？',
  '请列出需要检查的步骤，并说明先后顺序。',
  '应该怎样告诉客户？',
];

/** Chinese: questions put together from parts of sentences, from one sentence to some forty. */
export function chinesePrompts(count: number, random: () => number): readonly string[] {
  const pick = (parts: readonly string[]) => parts[Math.floor(random() * parts.length)];
  return Array.from({ length: count }, () => {
    const sentences = Array.from(
      { length: Math.ceil(40 ** random()) },
      () => `${pick(topics)}${pick(actions)}，${pick(reasons)}。`,
    );
    return `${sentences.join('')}${pick(wishes)}`;
  });
}
