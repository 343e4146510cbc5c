import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page, parts, type Entry } from '../src/trace/page';

const COMPLETION: Entry = {
  kind: 'completion',
  uri: 'file:///project/a%20b.py',
  timings: { post: 2, debounce: 40, model: 60, 'first-token': 45, context: 3, total: 110 },
  tokens: { prompt: 800, cached: 784, generated: 9 },
  skip: null,
};

test('the parts of a request are its whole time, in their order', () => {
  const found = parts(COMPLETION);
  assert.deepEqual(found, [
    ['debounce', 40],
    ['context', 3],
    ['reading', 45],
    ['writing', 15],
    ['post', 2],
    ['other', 5],
  ]);
  assert.equal(found.reduce((sum, [, milliseconds]) => sum + milliseconds, 0), 110);
});

test('a model that never began to answer was read to all the time', () => {
  assert.deepEqual(parts({ kind: 'completion', timings: { model: 50, total: 50 } }), [['reading', 50]]);
  assert.deepEqual(parts({ kind: 'review' }), []);
});

test('a stage that nobody knows is shown all the same, at the end', () => {
  assert.deepEqual(parts({ kind: 'x', timings: { novel: 7, parse: 1, total: 8 } }), [
    ['parse', 1],
    ['novel', 7],
  ]);
});

test('each stage has a colour of its own', () => {
  const known = ['debounce', 'join', 'connect', 'repository', 'question', 'parse', 'context', 'prompt', 'first-token', 'infill', 'words', 'post'];
  const style = page([{ kind: 'x', timings: { ...Object.fromEntries(known.map((name) => [name, 1])), model: 2, total: 99 } }], 'abc');
  const colours = [...style.matchAll(/rect\.\w+ \{ fill: var\((--vscode-[\w-]+)\)/g)].map(([, colour]) => colour);
  assert.ok(colours.length > known.length);
  assert.equal(new Set(colours).size, colours.length);
});

test('the page shows requests, the newest first, and nothing else', () => {
  const shown = page([COMPLETION, { kind: 'didAccept', item: '1' }, { ...COMPLETION, uri: 'file:///new.py', skip: 'unsure', detail: 'why' }], 'abc');
  assert.equal(shown.match(/<tr><td>completion/g)?.length, 2);
  assert.ok(shown.indexOf('new.py') < shown.indexOf('a b.py'));
  assert.ok(shown.includes('unsure: why') && shown.includes('>784<') && !shown.includes('didAccept'));
  assert.match(page([], 'abc'), /Nothing was asked yet/);
});

test('names of files are text, and nothing is loaded or run', () => {
  const hostile = `file:///x/<img src=x onerror=alert(1)>"'.py`;
  const tokens = { prompt: '<img>' as unknown as number, cached: null, generated: 1 };
  const shown = page([{ ...COMPLETION, tokens, uri: hostile, kind: '<script>', detail: '<b>', skip: '"' }], 'abc');
  assert.ok(!/<img|<script|<b>|onerror=alert\(1\)>"/.test(shown));
  assert.match(shown, /content="default-src 'none'; style-src 'nonce-abc'"/);
  assert.ok(!/https?:|src=(?!x onerror)|url\(|style="/.test(shown));
});
