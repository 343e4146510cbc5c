import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toggled } from '../src/server/languages';
import { plain } from '../src/server/plain';
import { together } from '../src/server/together';

test('what others say becomes no link and no second line of a message', () => {
  const linked = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)/i;
  const hostile = 'no model\n\n[Mend it](command:workbench.action.terminal.sendSequence?%7B%22text%22%3A%22x%22%7D)';
  assert.match(hostile, linked);
  assert.doesNotMatch(plain(hostile), linked);
  assert.equal(plain('a\r\n\tb\u202e\u0000  c '), 'a b c');
  assert.equal(plain('naïve "日本" 😀 [x] (y)'), 'naïve "日本" 😀 [x] (y)');
  assert.equal(plain('x'.repeat(10_000)).length, 400);
});

test('what is asked for twice is done once', async () => {
  let done = 0;
  let finish: (() => void) | undefined;
  const work = together(async (name?: string) => {
    await new Promise<void>((resolve) => (finish = resolve));
    return `${name} ${(done += 1)}`;
  });
  const both = [work('a'), work('a')];
  finish?.();
  assert.deepEqual(await Promise.all(both), ['a 1', 'a 1']);
  const [one, other] = [work('a'), finish?.(), work('b')].filter((each) => each instanceof Promise);
  finish?.();
  assert.deepEqual(await Promise.all([one, other]), ['a 2', 'b 3']);
});

test('a failure is not remembered', async () => {
  let tries = 0;
  const work = together(async () => {
    if ((tries += 1) === 1) throw new Error('offline');
  });
  await assert.rejects(work(), /offline/);
  await work();
});

test('a language is switched where the setting holds', () => {
  assert.deepEqual(toggled({}, 'go'), { inWorkspace: false, value: ['go'] });
  assert.deepEqual(toggled({ globalValue: ['go'] }, 'go'), { inWorkspace: false, value: undefined });
  assert.deepEqual(toggled({ globalValue: ['c'], workspaceValue: ['go'] }, 'go'), { inWorkspace: true, value: [] });
  assert.deepEqual(toggled({ globalValue: ['go'], workspaceValue: [] }, 'go'), { inWorkspace: true, value: ['go'] });
  assert.deepEqual(toggled({ globalValue: 'go', workspaceValue: { go: true } }, 'go'), { inWorkspace: false, value: ['go'] });
  assert.deepEqual(toggled({ globalValue: [1, 'c'] }, 'go'), { inWorkspace: false, value: ['c', 'go'] });
});
